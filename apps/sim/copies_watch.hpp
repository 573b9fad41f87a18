// What the copies of a queue promise each other, checked at every step of every replica (checkers C5, C6, C7 and C9;
// invariants I1-I5 and rules R3 and R6 of replication.md). Client's checks see the damage when a message is missing at
// the end; these see the step that makes it possible.
//
// Nothing here asks a replica what it believes of others: what is committed is what any replica of the queue has ever
// said is, what a disk has is what its replica has said is durable, and who is in sync is what the metadata says.
//
// Single-threaded; outlives every node.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/replica_watch.hpp"
#include "metadata/command.hpp"
#include "metadata/snapshot.hpp"
#include "queue/replicated_queue.hpp"

namespace broker::sim {

class copies_watch {
public:
  explicit copies_watch(std::function<void(const std::string&)> broken, std::function<void(const std::string&)> mark)
    : broken_(std::move(broken)), mark_(std::move(mark)) {}

  /// The eyes of one life of a node. They keep handles of actors: `forget` before its actor system ends.
  class eyes : public replica_watch {
  public:
    virtual void forget() = 0;
  };
  std::unique_ptr<eyes> of_life();

  /// The first node has applied this metadata. `changes` led to it in order, from what that node had before; others may
  /// have shown the first of them already.
  void applied(const metadata_snapshot& now, const std::vector<metadata_change>& changes);

private:
  class life;
  /// Entries from `first` on are of this mastership; 0: nobody can tell any more, it is as it should be.
  struct part {
    seqno first = 0;
    epoch mastership = 0;
  };
  using parts = std::vector<part>;
  /// What is kept of a run of a log until it is committed: logs forget runs early.
  struct brief {
    seqno first = 0;
    seqno last = 0;
    epoch mastership = 0;
    replication::entry_kind kind = replication::entry_kind::publish;
    replication::origin from;
  };
  /// What one node has of a queue's log.
  struct copy {
    seqno length = 0;
    seqno durable = 0;
    seqno commit = 0;
    parts log;
    std::deque<brief> recent; ///< rising; what is committed goes
    /// Below this commit it may hold less than others. A replica that has restarted may know less of the commit than
    /// before, but lacks what had ended by then. What comes by copy lacks what had ended by the commit of the master
    /// that read it, which may be above the copy's base; the next master need not have heard of that commit.
    seqno blurred_upto = 0;
    std::pair<replication::log_position, seqno> copied; ///< base of its copy, and how far it had come
    uint64_t steps = 0;
    const void* checked = nullptr; ///< the machine whose invariants were looked at last,
    seqno checked_upto = 0;        ///< and what was committed there
  };
  struct content {
    std::vector<recovered_run> messages;
    uint64_t digest = 0;
    replication::node_id node = 0;
  };
  struct watched_queue {
    std::string name;
    bool durable = true;
    seqno committed = 0;                                     ///< by any replica, ever
    parts log;                                               ///< up to there
    bool unsure = false;                                     ///< of some of it nobody could say whose publishes it was
    std::map<replication::channel_id, uint64_t> newest;      ///< last publish of each channel there
    std::map<replication::channel_id, uint64_t> confirmable; ///< the same, also of those that were forgotten
    std::map<replication::node_id, copy> copies;
    std::map<seqno, content> contents; ///< by commit, as the first replica had it
    std::shared_ptr<const replication::placement> placed;
  };

  static epoch at(const parts& log, seqno seq);
  static void follow(copy& what, const replication::replica_log& log);
  bool has(const watched_queue& queue, const copy& what, seqno upto) const;
  void commit(watched_queue& queue, copy& mine, const replication::replica& who);
  void note(watched_queue& queue, const brief& run, seqno from, seqno upto);
  void compare(watched_queue& queue, const copy& of, const replicated_queue& machine);
  void check_disks(const watched_queue& queue, const char* when);
  void check_change(const watched_queue& queue, const replication::placement& before,
                    const replication::placement& now);
  void stepped(const replicated_queue& machine, const replicated_step& step);
  void dropped(const replicated_queue& machine);

  const std::function<void(const std::string&)> broken_;
  const std::function<void(const std::string&)> mark_;
  std::map<queue_id, watched_queue> queues_;
  std::map<replication::node_id, std::pair<replication::incarnation, bool>> nodes_; ///< session, and is it up
};

} // namespace broker::sim

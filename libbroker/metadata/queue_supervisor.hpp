// Watches nodes and the placements of all replicated queues, and says what should be proposed: who follows a master
// that is gone (R3, R6), on which nodes lost copies are made anew (S22), and which masters should move (U05, drains).
// It only proposes: the metadata decides, so that two supervisors, or one that sees an old state, do no harm. One runs
// where the metadata's leader is.
//
// Sans-IO, single-threaded, reads no clock: whoever runs it passes the time (monotonic ms), the snapshot and the
// changes that led to it. A change of a node looks at every queue once, a part with each step; otherwise only queues
// that changed are looked at, so that quiet queues cost nothing.
//
// Bounded: at most limits::supervisor_proposals_max proposals are without outcome, and at most limits::master_moves_max
// masters on the move. What it remembers is a few words per queue that needs something.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/limits.hpp"
#include "metadata/copies.hpp"
#include "metadata/master_moves.hpp"
#include "metadata/placements.hpp"
#include "metadata/snapshot.hpp"
#include "replication/supervise.hpp"

namespace broker {

struct supervisor_settings {
  uint64_t restore_ms = limits::replication_restore_ms; ///< a node must be down for this long to lose its copies
  uint64_t grace_ms = limits::recovery_grace_ms;
  bool wait_for_all = false; ///< recovery_wait: all. The grace never ends (G10)
  uint64_t retry_ms = limits::replication_retry_ms;
  uint64_t move_ms = limits::master_move_ms;           ///< a master that has not moved by then is not waited for
  uint64_t rebalance_ms = limits::master_rebalance_ms; ///< between two looks for masters to move
  size_t proposals_max = limits::supervisor_proposals_max;
  size_t moves_max = limits::master_moves_max;
  size_t walk_max = limits::supervisor_walk_max; ///< queues looked at in one step, when all are
};

struct supervision {
  std::vector<change_placement> proposals;
  std::vector<master_move> moves;
};

/// How far replicas of a queue have come, as far as is known; may be empty.
using heard_of_replicas = std::function<std::vector<replication::progress>(queue_id)>;

class queue_supervisor {
public:
  explicit queue_supervisor(supervisor_settings settings = {})
    : settings_(settings), moves_(settings.moves_max, settings.move_ms) {}

  /// Begins, or begins anew, from this state: what was known of times and of what is under way is forgotten.
  void begin(uint64_t now, const metadata_snapshot& in);
  /// What has changed since, in order.
  void follow(uint64_t now, const std::vector<metadata_change>& changes, const metadata_snapshot& in);
  /// Nodes that shall have no masters (drained ones). Replaces what was said before.
  void drain(std::vector<replication::node_id> nodes);

  /// What should be proposed now. Call it after follow(), and at the latest at next_step().
  supervision step(uint64_t now, const metadata_snapshot& in, const heard_of_replicas& heard = {});
  /// When something is due; UINT64_MAX: only after a change.
  uint64_t next_step(uint64_t now) const;
  /// In the middle of looking at every queue: nothing is proposed before that is done.
  bool walking() const noexcept { return under_way_.has_value(); }

private:
  struct queue_name {
    std::string vhost;
    std::string name;
  };
  struct waiting {
    queue_name which;
    uint64_t until = 0;
  };
  struct node_note {
    uint64_t session = 0;
    bool up = false;
    uint64_t since = 0; ///< seen so
  };
  /// Of every queue, each as it was when it was looked at; what has changed since is told by follow().
  struct survey {
    explicit survey(const metadata_snapshot& in) : nodes{in} {}
    size_t parts = 1; ///< of the queues
    size_t done = 0;  ///< parts looked at, of all rounds
    node_tables nodes;
    std::map<std::string, replication::node_id> ids;
    std::map<replication::node_id, uint64_t> loads;
    std::map<replication::node_id, uint64_t> masters;
    std::map<replication::node_id, uint64_t> targets; ///< masters of nodes that may have some
    std::deque<master_move> plan;
  };
  using view = replication::metadata_view;

  void note_nodes(uint64_t now, const metadata_snapshot& in);
  void note_queue(uint64_t now, const metadata_change& change);
  void open_due(uint64_t now);
  void begin_walk(const metadata_snapshot& in);
  void walk(uint64_t now, const metadata_snapshot& in);
  void look_at_part(const metadata_snapshot& in, survey& all, size_t& left);
  void count(const queue_record& queue, survey& all);
  void plan_move(const queue_record& record, bool must, survey& all) const;
  void look_at(uint64_t now, const queue_ptr& queue, const view& seen, const heard_of_replicas& heard,
               supervision& out);
  void propose_master(uint64_t now, const queue_record& queue, const view& seen, const heard_of_replicas& heard,
                      supervision& out);
  void propose_copies(uint64_t now, const queue_record& queue, const view& seen, supervision& out);
  void propose(uint64_t now, const queue_record& queue, replication::placement_command what, supervision& out);
  bool is_drained(replication::node_id node) const;
  /// How welcome a node is as the next master: those of fewest masters, drained ones last.
  replication::candidate_rank rank_of(replication::node_id node) const;
  uint64_t since(replication::node_id node) const;
  void look_later(const queue_record& queue, uint64_t when);

  const supervisor_settings settings_;
  std::map<replication::node_id, node_note> nodes_;
  std::vector<replication::node_id> drained_;
  std::map<replication::node_id, uint64_t> loads_;   ///< copies, as of the last walk and what was proposed since
  std::map<replication::node_id, uint64_t> masters_; ///< likewise, of nodes that are up
  std::map<queue_id, queue_name> open_;              ///< to be looked at in the next step
  std::map<queue_id, waiting> asked_;                ///< proposed, outcome not seen; at most proposals_max
  std::map<queue_id, waiting> later_;                ///< to be looked at when it is time
  uint64_t later_at_ = UINT64_MAX;                   ///< the first of them, or before it
  master_moves moves_;                               ///< at most proposals_max planned, moves_max under way
  queue_id last_ = 0;                                ///< looked at last, so that all get their turn
  bool walk_ = false;                                ///< from the beginning
  std::optional<survey> under_way_;
  uint64_t plan_at_ = UINT64_MAX; ///< masters are counted again
};

} // namespace broker

// Metadata hosts of several nodes in one process, in virtual time: a network that loses, reorders and cuts, disks that
// survive crashes, and clients that remember what they were told. What must hold is checked as it happens:
//
//   - every node applies the same commands: nodes at the same index have the same bytes;
//   - a command answered ok is there once: no more, no less, whatever was sent again meanwhile;
//   - the changes a node reports lead from its first state to its last;
//   - every proposal is answered once, within its time.
//
// The commands are declarations of queues: the same name a second time gives created = false, so that a command applied
// twice shows, as does a queue that nobody was told of or that was refused for certain.
#pragma once

#include <boost/test/unit_test.hpp>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "../metadata/fixture.hpp"
#include "base/random.hpp"
#include "metadata/metadata_host.hpp"

namespace metadata_cluster {

using namespace broker; // NOLINT: tests speak the module's language
using consensus::outcome;
using consensus::time_ms;

struct net_options {
  uint64_t seed = 1;
  unsigned delay_ms = 3;          ///< of a message: 1 to this
  unsigned lose_one_in = 0;       ///< datagrams; 0 = none
  unsigned refuse_one_in = 0;     ///< frames that find no room
  size_t snapshot_after = 10'000; ///< log entries
  time_ms proposal_ms = 5'000;
  time_ms node_down_ms = 60'000;
  time_ms session_ms = 0;
  size_t applied_at_once = limits::metadata_applied_at_once;
  time_ms restore_ms = 0; ///< a received snapshot takes up to so long to be restored, while its node goes on
};

class net;

/// One node: its disk, and while it runs its host.
struct node final : metadata_peers {
  node(net& in, std::string called) : world(in), name(std::move(called)) {}

  void send_datagram(const std::string& to, std::string bytes) override;
  bool send(const std::string& to, std::string bytes) override;

  bool up() const { return host != nullptr; }
  void flush();
  /// False: the disk failed it.
  bool take_snapshot();
  bool restore_snapshot();
  void take(const metadata_flush& what);

  net& world;
  const std::string name;
  metadata_test::memory_store disk;
  std::unique_ptr<metadata_host> host;
  std::optional<metadata_snapshot_job> snapshot; ///< under way
  std::optional<metadata_restore_job> restore;   ///< likewise
  consensus::time_ms restored_at = 0;
  bool holds_restore = false; ///< a snapshot that is whole finds its actor busy: no flush
  uint64_t life = 0;
  consensus::ticket start_ticket = 0;
  consensus::time_ms tick_due = 0;
  uint64_t ticks = 0;
  bool started() const {
    const auto at = results.find(start_ticket);
    return up() && at != results.end() && at->second.ok();
  }
  uint64_t checked_at = 0;
  bool forgotten = false;
  std::vector<peer_message::move_master> moves;
  std::set<queue_id> queues;                         ///< as the changes it reported say
  std::map<consensus::ticket, std::string> asked;    ///< names of queues declared, not yet answered
  std::map<consensus::ticket, std::string> deleting; ///< the same of deletions
  std::map<consensus::ticket, outcome> answers;
  std::map<consensus::ticket, command_result> results;
};

class net {
public:
  explicit net(net_options how) : options(how), random(how.seed) {}

  /// A first node, or one that joins what is there. Runs until it is a member.
  node& found(const std::string& name);
  node& join(const std::string& name);
  void start(node& who);
  void crash(node& who);
  node& at(const std::string& name) { return *nodes.at(name); }

  void run(time_ms ms);
  bool run_until(const std::function<bool()>& holds, time_ms ms);
  node* leader();
  node& wait_for_leader();

  consensus::ticket declare(node& at, const std::string& queue);
  void remove(node& at, const std::string& queue);
  /// Proposes and waits for the answer.
  command_result must(node& at, const command& what);
  bool has_queue(const node& at, const std::string& name) const {
    return at.host->snapshot()->find_queue("/", name) != nullptr;
  }
  /// Everybody who runs has applied the same.
  bool agree() const;
  void check(node& who);
  /// At the end: what was answered is what is there.
  void check_answers();

  void cut(const std::string& a, const std::string& b) { cuts.insert({std::min(a, b), std::max(a, b)}); }
  void isolate(const std::string& name);
  /// As cut(), and both ends have noticed.
  void part(const std::string& a, const std::string& b);
  void join_again(const std::string& a, const std::string& b);
  void heal() { cuts.clear(); }
  bool is_cut(const std::string& a, const std::string& b) const {
    return cuts.contains({std::min(a, b), std::max(a, b)});
  }

  net_options options;
  random_source random;
  time_ms now = 1;
  std::map<std::string, std::unique_ptr<node>> nodes;
  std::set<std::pair<std::string, std::string>> cuts;
  uint64_t messages_lost = 0;
  uint64_t frames_sent = 0;
  uint64_t lost_answers = 0;
  std::set<std::string> doomed; ///< queues that went with a node
  /// Nothing gets lost and nobody is slow: an answer must be visible on every node that runs.
  bool shown_everywhere = false;
  size_t acked() const { return acked_.size(); }
  const std::vector<std::string>& acked_queues() const { return acked_; }

  struct message {
    std::string from;
    std::string to;
    std::string bytes;
    uint64_t life = 0; ///< of the receiver when it was sent: frames do not outlive a session
    bool reliable = false;
  };
  void post(const std::string& from, const std::string& to, std::string bytes, bool reliable);
  std::function<void(const message&)> watch; ///< what is sent; may be empty

private:
  void deliver(message& what);
  void tick_all();
  void declared(const node& at, const std::string& queue, const metadata_completion& done);

  std::multimap<time_ms, message> wire_;
  std::map<std::pair<std::string, std::string>, time_ms> newest_frame_; ///< frames keep their order
  consensus::ticket next_ticket_ = 1;
  std::map<std::pair<uint64_t, uint64_t>, std::string> bytes_at_; ///< state by cluster and applied index
  std::vector<std::string> acked_;                                ///< queues answered ok
  std::set<std::string> deleted_;                                 ///< deletions answered ok
  std::set<std::string> unsure_;                                  ///< deletions asked for
  std::set<std::string> refused_;                                 ///< queues certainly not declared
  friend struct node;
};

} // namespace metadata_cluster

// Masters that should move to another node (features.md U05, Q18, O10): which, and a few at a time. Only the master
// itself can hand over without a pause (replication::hand_over), so a move is a wish that travels to its node; if it
// does not come to that, nothing has happened.
//
// Sans-IO, single-threaded, reads no clock: whoever runs it passes the time (monotonic ms) and the snapshot.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/limits.hpp"
#include "metadata/snapshot.hpp"
#include "replication/placement.hpp"

namespace broker {

struct master_move {
  std::string vhost;
  std::string name;
  queue_id id = 0;
  epoch mastership = 0; ///< of the master that should hand over
  replication::node_id from = 0;
  replication::node_id to = 0; ///< in sync and up
};

/// Is the master in office, as far as the metadata knows?
bool has_master(const replication::placement& queue, const replication::node_table& nodes);
/// In sync, alive and wanted: may become master by a hand-over.
bool may_take_over(const replication::placement& queue, replication::node_id to, const replication::node_table& nodes);

/// Moves after which nodes that are up have as many masters as each other of the queues that `counts` is true of, or as
/// nearly as their copies in sync allow; nodes of `drained` (rising) have none (rabbitmq-queues rebalance). Each queue
/// once.
std::vector<master_move> balancing_moves(const metadata_snapshot& in, const std::vector<replication::node_id>& drained,
                                         const std::function<bool(const queue_record&)>& counts);

/// A plan of moves, of which limits::master_moves_max at most are under way.
class master_moves {
public:
  explicit master_moves(size_t at_once = limits::master_moves_max, uint64_t patience_ms = limits::master_move_ms)
    : at_once_(at_once), patience_ms_(patience_ms) {}

  /// Takes the place of what was planned and has not begun. Moves that are of no use any more are left out later.
  void plan(std::deque<master_move> moves) { plan_ = std::move(moves); }
  void clear();
  /// Moves to be asked for now. A master that has not moved after the patience is not waited for.
  std::vector<master_move> step(uint64_t now, const metadata_snapshot& in,
                                const std::vector<replication::node_id>& drained = {});

  /// The queue has changed to this, or is gone (null): another move may take the place of its own.
  void changed(queue_id id, const queue_record* now);

  size_t planned() const noexcept { return plan_.size(); }
  bool over() const noexcept { return plan_.empty() && under_way_.empty(); }
  /// There is a move to be asked for.
  bool ready() const noexcept { return !plan_.empty() && under_way_.size() < at_once_; }
  /// When the first that is under way is given up, if others wait for it; UINT64_MAX: nothing waits.
  uint64_t next_step() const;

private:
  struct move_under_way {
    master_move what;
    uint64_t until = 0;
  };

  const size_t at_once_;
  const uint64_t patience_ms_;
  std::deque<master_move> plan_;
  std::map<queue_id, move_under_way> under_way_; ///< at most at_once_
};

} // namespace broker

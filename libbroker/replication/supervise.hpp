// What the queue supervisor proposes for one queue: who becomes master when the master is gone (R3), or when nobody in
// sync is alive (R6). Pure: it only proposes, the metadata decides (placement.hpp).
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "replication/placement.hpp"

namespace broker::replication {

/// How far a replica has come, as far as the supervisor has heard; hints only.
struct progress {
  node_id node = 0;
  log_position last;
};

/// Which of several that have everything committed should rather be master: the lowest.
struct candidate_rank {
  bool leaving = false; ///< its node is drained: the master would have to move again
  uint64_t masters = 0; ///< that its node has
};
using rank_candidate = std::function<candidate_rank(node_id)>;

/// Nothing if the queue has its master, or nobody may be promoted yet. `grace_over`: limits::recovery_grace_ms have
/// passed since nobody was alive (never, with recovery_wait: all).
/// Any in-sync replica may be promoted: each has everything that is committed. Of those that are not on a node that is
/// leaving it is the one with most of the log, so that least is sent again; then the one whose node has fewest masters;
/// then the one the placement names first.
std::optional<placement_command> supervise(const metadata_view& now, const std::vector<progress>& heard,
                                           bool grace_over, const rank_candidate& rank = {});

/// Where copies should move: those nodes of `now.queue.nodes` that are among `gone`, and neither live nor the master's,
/// are replaced by live candidates, in order. Nothing if nothing is to be done.
std::optional<place> restore_copies(const metadata_view& now, const std::vector<node_id>& gone,
                                    const std::vector<node_id>& candidates);

} // namespace broker::replication

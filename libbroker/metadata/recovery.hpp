// What is done to a metadata store while its node is stopped: joining, and the way out when a majority of the voters is
// gone for good (features.md U21; docs/cluster.md). Everything here writes little and deletes nothing.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "consensus/consensus.hpp"
#include "metadata/records.hpp"
#include "ports/metadata_store.hpp"

namespace broker {

/// What a stopped node knows. Of several nodes' stores the one with the highest (last_term, last_index) has every
/// change that was answered, if any of them has.
struct metadata_inventory {
  metadata_identity identity;
  consensus::hard_state state;
  uint64_t snapshot_index = 0;
  uint64_t last_index = 0;
  uint64_t last_term = 0;
  consensus::membership members; ///< newest in the log, committed or not
  /// Of the last snapshot and the log after it, as if all of it were committed.
  std::vector<node_ptr> nodes;
  size_t vhosts = 0;
  size_t queues = 0;
  size_t users = 0;
};

/// Errors: the store's, or bytes this version does not understand.
result<metadata_inventory> look_at(metadata_store& store);

/// Makes a blank store that of a node which joins `cluster` under the id that register_node gave it. Error: the store
/// is not blank; the node must be reset first.
result<void> prepare_to_join(metadata_store& store, uint64_t cluster, consensus::node_id self);

/// The only member from now on is this node, and the cluster is a new one: `new_cluster` is a fresh random number, so
/// that members which come back after all are not listened to (they must be reset and join again). Whatever the lost
/// members had answered and this store has not is lost; what this store has and no majority had becomes valid.
/// @returns what was there before.
result<metadata_inventory> become_only_member(metadata_store& store, uint64_t new_cluster);

} // namespace broker

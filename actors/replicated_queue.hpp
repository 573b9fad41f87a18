// The actor of a replica of a queue: a shell around replicated_queue (queue/replicated_queue.hpp). One per queue and
// node that holds a copy, master or mirror by what the metadata says (architecture.md D6;
// docs/internals/replication.md).
#pragma once

#include "actors/messages.hpp"
#include "actors/runtime.hpp"

namespace broker {

/// Is there to be a replica of `queue` on the node `own`, as far as the metadata knows?
bool wants_replica(const queue_record& queue, replication::node_id own);

enum class replica_content : uint8_t {
  here,   ///< what the store has of it, if anything
  coming, ///< the queue is not replicated yet: replica_content_msg of its actor follows
};

/// Spawns it; it is attached to the store when it has its content. `metadata` has the node and the record. `recovered`:
/// what the store has of it, may be null. The actor takes itself out of runtime::replicas_by_id once queue_deleted_msg
/// has detached it.
caf::actor spawn_replica(caf::actor_system& system, runtime& node, queue_ptr record, const snapshot_ptr& metadata,
                         replica_content content, std::shared_ptr<const recovered_queue> recovered);

} // namespace broker

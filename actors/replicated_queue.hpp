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
  ended,  ///< an earlier replica of this node had it, and has dropped it: nothing
};

/// What a replica begins with.
struct replica_beginning {
  replica_content content = replica_content::here;
  std::shared_ptr<const recovered_queue> recovered; ///< here: what the store has, may be null
  /// ended: that replica. coming: whoever stands there for the queue; held until the content is here, since nobody else
  /// need hold an actor that stands in front of a queue (queue_factory).
  caf::actor earlier;
};

/// Spawns it; it is attached to the store when it has its content. `metadata` has the node and the record. Where an
/// earlier replica has dropped its log, this one begins when that actor has ended, as another incarnation
/// (replication::note_lost): acknowledgements of what was dropped may still be on their way, and must not count for the
/// empty log (T19).
/// queue_deleted_msg or replica_unwanted_msg ends it; whoever sends that has taken it out of runtime::replicas_by_id.
caf::actor spawn_replica(caf::actor_system& system, runtime& node, queue_ptr record, const snapshot_ptr& metadata,
                         replica_beginning with);

} // namespace broker

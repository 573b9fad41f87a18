// The queue's actor: a shell around queue_state. One per queue and node (architecture.md D6); today always the master
// of a single-copy queue.
#pragma once

#include "actors/messages.hpp"
#include "actors/runtime.hpp"

namespace broker {

/// Spawns the actor of a queue and attaches it to the store. `recovered` may be null. The actor lives until some time
/// after queue_deleted_msg: requests that were under way are still answered.
caf::actor spawn_queue(caf::actor_system& system, runtime& node, queue_ptr record,
                       std::shared_ptr<const recovered_queue> recovered);

} // namespace broker

// Mistakes to plant in queues: a queue that was declared with other options than it was asked for, that recovers
// something else than the store found, or that is told something else than was sent to it. The queue itself is the
// production one.
#pragma once

#include <memory>

#include "actors/queue_replica.hpp"
#include "plants.hpp"

namespace broker::sim {

/// spawn_queue with the planted mistake around it, if it is one of queues. `mistakes` outlives the actor.
caf::actor spawn_spoiled_queue(caf::actor_system& system, runtime& node, queue_ptr record,
                               std::shared_ptr<const recovered_queue> recovered, plant& mistakes);

} // namespace broker::sim

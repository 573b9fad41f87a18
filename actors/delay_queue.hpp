// The actor of an exchange's hidden queue: a shell around delay_queue (features.md P07). To channels it is a queue, to
// the queues it publishes to it is a channel.
#pragma once

#include "actors/messages.hpp"
#include "actors/runtime.hpp"

namespace broker {

/// As spawn_queue, for a record with `delays_for`.
caf::actor spawn_delay_queue(caf::actor_system& system, runtime& node, queue_ptr record,
                             std::shared_ptr<const recovered_queue> recovered);

} // namespace broker

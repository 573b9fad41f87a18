// A behaviour of one's own that holds messages back: an actor in front of each queue that was declared with the
// argument x-publish-delay. What is published reaches the queue so many milliseconds later; everything else passes at
// once. A publisher's confirm comes when the queue has the message, so nothing is promised that a crash could take
// back.
#pragma once

#include "actors/queue_factory.hpp"

namespace examples {

/// Queues as the node makes them; those with x-publish-delay (milliseconds, 1 to 86,400,000) with a delay in front.
/// Other values of the argument delay nothing.
broker::queue_factory delayed_queues();

} // namespace examples

// A behaviour of one's own, to be simulated: an actor in front of every queue that gathers what the queue is asked for
// a few milliseconds and hands it on at once, in the order in which it came. The way in is runtime::make_queue.
#pragma once

#include "actors/queue_factory.hpp"

namespace examples {

/// What it does wrong, so that one sees the simulator notice it.
enum class gathering_mistake {
  none,
  backwards, ///< what came last is handed on first
  forgetful, ///< when much waits, the oldest request is forgotten
};

/// Queues as the node makes them, each with such an actor in front.
broker::queue_factory gathering_queues(gathering_mistake mistake = gathering_mistake::none);

} // namespace examples

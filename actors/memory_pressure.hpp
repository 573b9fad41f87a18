// Tells a node's queues that its memory is short (queue_state::under_pressure). Any thread.
#pragma once

#include "actors/runtime.hpp"

namespace broker {

/// Each queue and each replica of the node, mirrors included, once.
void tell_memory_pressure(const runtime& node);

} // namespace broker

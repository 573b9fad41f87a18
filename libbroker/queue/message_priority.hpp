// The priority a queue gives a message (features.md W55): missing is 0, above the queue's maximum is the maximum.
#pragma once

#include <algorithm>
#include <cstdint>

#include "amqp/properties.hpp"
#include "model/message.hpp"

namespace broker::queueing {

/// 0 without a look at the message when the queue has no priorities.
inline uint8_t priority_of(const message& one, uint8_t max_priority) noexcept {
  return max_priority == 0 ? uint8_t{0} : std::min(amqp::peek_properties(one.property_bytes()).priority, max_priority);
}

} // namespace broker::queueing

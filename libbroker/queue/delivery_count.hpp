// The header x-delivery-count of quorum queues (features.md W57): how often a message has come back. Headers travel as
// they came, so only what is delivered again is written anew; first deliveries and other queues pay nothing.
#pragma once

#include <cstdint>

#include "model/message.hpp"

namespace broker::queueing {

/// The same messages in a batch of their own, with x-delivery-count = `count`.
stored_run with_delivery_count(const stored_run& from, uint32_t count);

} // namespace broker::queueing

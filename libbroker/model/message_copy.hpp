// Copies of a message that differ from it in what the broker changes: names and properties. The body is copied as it
// came, frame by frame.
#pragma once

#include <string_view>

#include "amqp/properties.hpp"
#include "model/message.hpp"

namespace broker {

/// A batch of one: `old` with other properties. No publisher gets credit for it.
batch_ref copy_with_properties(const message& old, const amqp::properties& properties);
/// Likewise, as if it had been published to `exchange` with `routing_key`; its flags follow from the properties. Names
/// longer than limits::name_max_bytes are cut.
batch_ref copy_message(const message& old, std::string_view exchange, std::string_view routing_key,
                       const amqp::properties& properties);
/// A message with nothing but its names: for asking where one would go.
batch_ref bare_message(std::string_view exchange, std::string_view routing_key);

} // namespace broker

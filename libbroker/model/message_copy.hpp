// Copies of a message that differ from it in what the broker changes: names and properties. The body is copied as it
// came, frame by frame.
#pragma once

#include <string_view>

#include "amqp/properties.hpp"
#include "model/message.hpp"

namespace broker {

/// What a message is made of.
struct message_parts {
  std::string_view exchange; ///< at most limits::name_max_bytes, as the routing key
  std::string_view routing_key;
  uint16_t flags = 0;
  std::string_view header_frame; ///< the whole frame (amqp::encode_content_header)
  std::string_view body_frames;  ///< whole frames
  uint32_t body_size = 0;        ///< without their overhead
};
/// Appends one message, in a block of its own. Aborts when a name is too long.
void append_message(publish_batch& batch, const message_parts& parts);
/// The flags that follow from properties.
uint16_t flags_of(const amqp::properties& properties);
/// Likewise from a look at a content header.
inline uint16_t flags_of(const amqp::header_peek& peek) noexcept {
  return static_cast<uint16_t>(
    (peek.persistent ? message::persistent : 0) | (peek.has_headers ? message::has_headers : 0)
    | (peek.has_user_id ? message::has_user_id : 0) | (peek.has_expiration ? message::has_expiration : 0)
    | (peek.has_reply_to ? message::has_reply_to : 0));
}
/// The body of `what`, frame by frame.
std::string_view body_frames_of(const message& what);

/// A batch of one: `old` with other properties. No publisher gets credit for it.
batch_ref copy_with_properties(const message& old, const amqp::properties& properties);
/// Likewise, as if it had been published to `exchange` with `routing_key`; its flags follow from the properties. Names
/// longer than limits::name_max_bytes are cut.
batch_ref copy_message(const message& old, std::string_view exchange, std::string_view routing_key,
                       const amqp::properties& properties);
/// A message with nothing but its names: for asking where one would go.
batch_ref bare_message(std::string_view exchange, std::string_view routing_key);

} // namespace broker

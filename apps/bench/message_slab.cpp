#include "message_slab.hpp"

#include <algorithm>

#include "handshake.hpp"
#include "wire.hpp"

namespace broker::bench {
namespace {

std::string make_body(uint64_t size) {
  std::string body(size, '\0');
  for (uint64_t i = stamp_size; i < size; ++i)
    body[i] = body_octet(i);
  return body;
}

void append_content(encoded_message& to, const message_shape& shape) {
  wire::writer header{to.bytes, wire::frame_header, handshake::channel};
  header.u16(wire::class_basic).u16(0).u64(shape.size);
  header.u16(wire::flag_delivery_mode | (shape.priority ? wire::flag_priority : 0)).u8(shape.persistent ? 2 : 1);
  if (shape.priority)
    header.u8(*shape.priority);
  header.end();
  to.stamp_offset = to.bytes.size() + wire::frame_prefix;
  const std::string body = make_body(shape.size);
  const size_t piece_max = shape.frame_max - wire::frame_overhead;
  for (size_t at = 0; at < body.size(); at += piece_max)
    wire::writer{to.bytes, wire::frame_body, handshake::channel}
      .raw(std::string_view{body}.substr(at, piece_max))
      .end();
}

} // namespace

encoded_message encode_publish(const std::string& exchange, const std::string& routing_key,
                               const message_shape& shape) {
  encoded_message result;
  wire::writer{result.bytes, handshake::channel, wire::method::basic_publish}
    .u16(0)
    .short_string(exchange)
    .short_string(routing_key)
    .u8(0)
    .end();
  append_content(result, shape);
  return result;
}

encoded_message encode_deliver(const std::string& routing_key, const message_shape& shape) {
  encoded_message result;
  wire::writer{result.bytes, handshake::channel, wire::method::basic_deliver}
    .short_string("amq.ctag-0123456789abcdefghijkl") // as long as a broker's
    .u64(1)
    .u8(0)
    .short_string("")
    .short_string(routing_key)
    .end();
  append_content(result, shape);
  return result;
}

message_slab::message_slab(const std::vector<encoded_message>& messages) {
  size_t round = 0;
  for (const auto& message : messages)
    round += message.bytes.size();
  const size_t rounds = std::max<size_t>(bytes_wanted / round, messages.size() > 1 ? 1 : 4);
  bytes_.reserve(round * rounds);
  for (size_t i = 0; i < rounds; ++i)
    for (const auto& message : messages) {
      starts_.push_back(bytes_.size());
      stamps_.push_back(bytes_.size() + message.stamp_offset);
      bytes_.append(message.bytes);
    }
  starts_.push_back(bytes_.size());
}

} // namespace broker::bench

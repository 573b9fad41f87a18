// The client's side of AMQP 0-9-1 over bytes, with the broker's own codec: what model clients speak.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "amqp/method.hpp"
#include "amqp/properties.hpp"
#include "base/bytes.hpp"

namespace broker::sim {

/// A method from the broker, with its content where it has one (basic.deliver, get-ok, return).
struct wire_event {
  channel_number channel = 0;
  amqp::method method;
  std::string body;
  amqp::properties properties;
};

/// Cuts the broker's byte stream into methods with contents. Anything malformed is a defect of the broker and aborts
/// with a message: the wire is reliable.
class amqp_reader {
public:
  void feed(std::string_view bytes) { buffer_.append(bytes); }
  /// Next complete event, if any. Heartbeats are swallowed.
  std::optional<wire_event> next();

private:
  bool take_frame(uint8_t& type, channel_number& channel, std::string_view& payload);

  std::string buffer_;
  size_t consumed_ = 0;
  std::optional<wire_event> partial_; ///< its content is still arriving
  uint64_t body_left_ = 0;
  bool header_seen_ = false;
};

/// Appends basic.publish with header and body frames (bodies are cut at `frame_max`).
void put_publish(byte_buffer& out, channel_number channel, const amqp::basic_class::publish& what,
                 const amqp::properties& properties, std::string_view body, uint32_t frame_max);

} // namespace broker::sim

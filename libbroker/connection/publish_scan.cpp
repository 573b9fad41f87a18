#include "amqp/properties.hpp"
#include "amqp/reply.hpp"
#include "connection/content.hpp"
#include "model/message_copy.hpp"

namespace broker {

namespace {

/// Body frames may cost this much more than twice the body before the copying assembler takes over, so that a body in
/// tiny frames cannot pin many times its size.
constexpr size_t frame_overhead_allowed = 4096;

/// A frame of the expected type and channel that is well-formed as far as it has been read.
enum class next_frame : uint8_t { whole, cut, other };

next_frame look(std::string_view bytes, amqp::frame_type type, channel_number channel, size_t payload_max,
                amqp::frame_prefix& prefix) noexcept {
  if (bytes.size() < amqp::frame_prefix_bytes)
    return next_frame::cut;
  prefix = amqp::load_frame_prefix(bytes.data());
  if (prefix.type != type || prefix.channel != channel || prefix.payload_size > payload_max)
    return next_frame::other;
  const size_t size = static_cast<size_t>(prefix.frame_size());
  if (bytes.size() < size)
    return next_frame::cut;
  return bytes[size - 1] == amqp::frame_end ? next_frame::whole : next_frame::other;
}

} // namespace

bool read_publish_arguments(std::string_view arguments, publish_arguments& out) noexcept {
  constexpr size_t ticket_bytes = 2;
  constexpr uint8_t mandatory_bit = 1;
  constexpr uint8_t immediate_bit = 2;
  size_t at = ticket_bytes;
  for (int name = 0; name < 2; ++name) {
    if (at >= arguments.size())
      return false;
    at += 1 + static_cast<uint8_t>(arguments[at]);
  }
  if (at + 1 != arguments.size())
    return false;
  out.names = arguments.substr(ticket_bytes, at - ticket_bytes);
  const auto bits = static_cast<uint8_t>(arguments[at]);
  out.flags = static_cast<uint16_t>(((bits & mandatory_bit) != 0 ? message::mandatory : 0)
                                    | ((bits & immediate_bit) != 0 ? message::immediate : 0));
  return true;
}

result<uint16_t> content_flags(std::string_view property_bytes) {
  const amqp::header_peek peek = amqp::peek_properties(property_bytes);
  if (!peek.ok)
    return amqp::internal_error("malformed content properties");
  return flags_of(peek);
}

scan_result scan_publish(std::string_view bytes, size_t method_size, const publish_limits& limits, publish_scan& scan,
                         message& out, size_t& consumed) noexcept {
  constexpr size_t before_arguments = amqp::frame_prefix_bytes + amqp::method_id_bytes;
  publish_arguments arguments;
  if (!read_publish_arguments(bytes.substr(before_arguments, method_size - before_arguments - 1), arguments))
    return scan_result::malformed;
  const channel_number channel = amqp::load_frame_prefix(bytes.data()).channel;

  amqp::frame_prefix prefix{};
  const next_frame header =
    look(bytes.substr(method_size), amqp::frame_header, channel, limits.frame_payload_max, prefix);
  if (header == next_frame::cut) {
    const bool fits =
      bytes.size() < method_size + amqp::frame_prefix_bytes || method_size + prefix.frame_size() < limits.room;
    return fits ? scan_result::incomplete : scan_result::not_in_line;
  }
  if (header == next_frame::other || prefix.payload_size < amqp::content_header_bytes + 2)
    return scan_result::not_in_line;
  const char* raw = bytes.data() + method_size;
  const size_t header_size = static_cast<size_t>(prefix.frame_size());
  if (load_u32(raw + amqp::frame_prefix_bytes) != uint32_t{amqp::basic_class_id} << 16)
    return scan_result::not_in_line;
  const uint64_t body_size = load_u64(raw + amqp::frame_prefix_bytes + 4);
  if (body_size > limits.body_max || body_size >= limits.room)
    return scan_result::not_in_line;

  const size_t body_start = method_size + header_size;
  if (scan.at == 0)
    scan = {body_start, 0};
  while (scan.body < body_size) {
    const next_frame body = look(bytes.substr(scan.at), amqp::frame_body, channel, limits.frame_payload_max, prefix);
    if (body == next_frame::other || scan.at - body_start > 2 * scan.body + frame_overhead_allowed)
      return scan_result::not_in_line;
    const bool prefix_read = bytes.size() - scan.at >= amqp::frame_prefix_bytes;
    if (prefix_read && prefix.payload_size > body_size - scan.body)
      return scan_result::not_in_line;
    if (body == next_frame::cut) {
      const uint64_t rest = body_size - scan.body + amqp::frame_overhead_bytes;
      return scan.at + rest < limits.room ? scan_result::incomplete : scan_result::not_in_line;
    }
    scan.body += prefix.payload_size;
    scan.at += static_cast<size_t>(prefix.frame_size());
  }
  consumed = scan.at;
  out.names = arguments.names.data();
  out.names_size = static_cast<uint16_t>(arguments.names.size());
  out.raw = raw;
  out.raw_size = static_cast<uint32_t>(consumed - method_size);
  out.body_size = static_cast<uint32_t>(body_size);
  out.header_size = static_cast<uint32_t>(header_size);
  out.flags = arguments.flags;
  return scan_result::complete;
}

} // namespace broker

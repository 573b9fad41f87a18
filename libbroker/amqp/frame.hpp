// Frames of AMQP 0-9-1 (section 4.2.3): type octet, channel, payload size, payload, end octet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/ids.hpp"

namespace broker::amqp {

enum frame_type : uint8_t { frame_method = 1, frame_header = 2, frame_body = 3, frame_heartbeat = 8 };

inline constexpr char frame_end = static_cast<char>(0xCE);
/// Type, channel and payload size.
inline constexpr size_t frame_prefix_bytes = 7;
/// What a frame costs besides its payload.
inline constexpr size_t frame_overhead_bytes = frame_prefix_bytes + 1;
/// Class and method id at the start of a method frame's payload.
inline constexpr size_t method_id_bytes = 4;
/// Class id, weight and body size at the start of a content header frame's payload (section 4.2.6.1).
inline constexpr size_t content_header_bytes = 12;
/// Class id of basic, the only class with content.
inline constexpr uint16_t basic_class_id = 60;
inline constexpr size_t protocol_header_bytes = 8;
inline constexpr std::string_view protocol_header{"AMQP\x00\x00\x09\x01", protocol_header_bytes};
inline constexpr std::string_view heartbeat_frame{"\x08\x00\x00\x00\x00\x00\x00\xCE", frame_overhead_bytes};

/// The first seven octets of a frame.
struct frame_prefix {
  uint8_t type;
  channel_number channel;
  uint32_t payload_size;

  /// The frame's bytes in all; 64 bits, since the size is whatever the peer claims.
  uint64_t frame_size() const noexcept { return uint64_t{payload_size} + frame_overhead_bytes; }
};
/// `at` has at least frame_prefix_bytes.
inline frame_prefix load_frame_prefix(const char* at) noexcept {
  return {static_cast<uint8_t>(at[0]), load_u16(at + 1), load_u32(at + 3)};
}
inline void store_frame_prefix(char* at, frame_prefix prefix) noexcept {
  at[0] = static_cast<char>(prefix.type);
  store_u16(at + 1, prefix.channel);
  store_u32(at + 3, prefix.payload_size);
}

/// Starts a frame of yet unknown size; returns the mark that end_frame wants.
inline size_t begin_frame(byte_buffer& out, frame_type type, channel_number channel) {
  const size_t mark = out.size();
  store_frame_prefix(out.grow(frame_prefix_bytes), {type, channel, 0});
  return mark;
}
inline void end_frame(byte_buffer& out, size_t mark) {
  store_u32(out.data() + mark + 3, static_cast<uint32_t>(out.size() - mark - frame_prefix_bytes));
  out.put_u8(static_cast<uint8_t>(frame_end));
}

} // namespace broker::amqp

// The client side of AMQP 0-9-1, as little as a load generator needs: framing (section 4.2 of the specification), the
// arguments of methods, the ids. Written independently of the broker's codec.
#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "failure.hpp"

namespace broker::bench::wire {

inline constexpr uint8_t frame_method = 1;
inline constexpr uint8_t frame_header = 2;
inline constexpr uint8_t frame_body = 3;
inline constexpr uint8_t frame_heartbeat = 8;
inline constexpr uint8_t frame_end = 0xCE;
inline constexpr size_t frame_overhead = 8; // type, channel, size before the payload, the end octet after it
inline constexpr size_t frame_prefix = 7;

inline constexpr std::string_view protocol_header{"AMQP\x00\x00\x09\x01", 8};

/// Class id in the upper half, method id in the lower.
enum class method : uint32_t {
  connection_start = 10 << 16 | 10,
  connection_start_ok = 10 << 16 | 11,
  connection_tune = 10 << 16 | 30,
  connection_tune_ok = 10 << 16 | 31,
  connection_open = 10 << 16 | 40,
  connection_open_ok = 10 << 16 | 41,
  connection_close = 10 << 16 | 50,
  connection_close_ok = 10 << 16 | 51,
  channel_open = 20 << 16 | 10,
  channel_open_ok = 20 << 16 | 11,
  channel_close = 20 << 16 | 40,
  exchange_declare = 40 << 16 | 10,
  exchange_declare_ok = 40 << 16 | 11,
  exchange_delete = 40 << 16 | 20,
  exchange_delete_ok = 40 << 16 | 21,
  queue_declare = 50 << 16 | 10,
  queue_declare_ok = 50 << 16 | 11,
  queue_bind = 50 << 16 | 20,
  queue_bind_ok = 50 << 16 | 21,
  queue_delete = 50 << 16 | 40,
  queue_delete_ok = 50 << 16 | 41,
  basic_qos = 60 << 16 | 10,
  basic_qos_ok = 60 << 16 | 11,
  basic_consume = 60 << 16 | 20,
  basic_consume_ok = 60 << 16 | 21,
  basic_cancel = 60 << 16 | 30,
  basic_publish = 60 << 16 | 40,
  basic_return = 60 << 16 | 50,
  basic_deliver = 60 << 16 | 60,
  basic_ack = 60 << 16 | 80,
  basic_nack = 60 << 16 | 120,
  confirm_select = 85 << 16 | 10,
  confirm_select_ok = 85 << 16 | 11,
};

inline constexpr uint16_t class_basic = 60;
inline constexpr uint16_t flag_delivery_mode = 0x1000;
inline constexpr uint16_t flag_priority = 0x0800;

template<class integer>
integer to_wire(integer value) {
  static_assert(std::endian::native == std::endian::little, "x86-64 and arm64 only");
  if constexpr (sizeof value == 2)
    return __builtin_bswap16(value);
  else if constexpr (sizeof value == 4)
    return __builtin_bswap32(value);
  else if constexpr (sizeof value == 8)
    return __builtin_bswap64(value);
  else
    return value;
}

template<class integer>
integer load(const char* from) {
  integer value;
  std::memcpy(&value, from, sizeof value);
  return to_wire(value);
}

struct frame {
  uint8_t type;
  uint16_t channel;
  std::string_view payload;
};

/// Takes the first frame of `in`. @returns its length on the wire, 0 when it is not complete yet.
/// @throws failure on what is no frame: the peer speaks something else.
inline size_t take_frame(std::string_view in, frame& out) {
  if (in.size() < frame_prefix)
    return 0;
  const uint32_t size = load<uint32_t>(in.data() + 3);
  out.type = static_cast<uint8_t>(in[0]);
  if (out.type == 'A')
    throw failure{"the server refused AMQP 0-9-1"};
  if (in.size() < size + frame_overhead)
    return 0;
  if (static_cast<uint8_t>(in[frame_prefix + size]) != frame_end)
    throw failure{"the broker sent a frame without its end octet"};
  out.channel = load<uint16_t>(in.data() + 1);
  out.payload = in.substr(frame_prefix, size);
  return size + frame_overhead;
}

/// Reads arguments one after the other. @throws failure when the payload is too short.
class reader {
public:
  explicit reader(std::string_view payload) : left_(payload) {}

  uint8_t u8() { return integer<uint8_t>(); }

  uint16_t u16() { return integer<uint16_t>(); }

  uint32_t u32() { return integer<uint32_t>(); }

  uint64_t u64() { return integer<uint64_t>(); }

  std::string_view short_string() { return take(u8()); }

  method id() { return method{u32()}; }

private:
  template<class type>
  type integer() {
    return load<type>(take(sizeof(type)).data());
  }

  std::string_view take(size_t size) {
    if (left_.size() < size)
      throw failure{"the broker sent a method that is too short"};
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }

  std::string_view left_;
};

/// Appends one frame to a buffer: construct, add arguments, `end()`.
class writer {
public:
  writer(std::string& out, uint8_t type, uint16_t channel) : out_(out), start_(out.size()) {
    u8(type).u16(channel).u32(0);
  }

  writer(std::string& out, uint16_t channel, method id) : writer(out, frame_method, channel) {
    u32(static_cast<uint32_t>(id));
  }

  writer& u8(uint8_t value) { return integer(value); }

  writer& u16(uint16_t value) { return integer(value); }

  writer& u32(uint32_t value) { return integer(value); }

  writer& u64(uint64_t value) { return integer(value); }

  writer& raw(std::string_view bytes) {
    out_.append(bytes);
    return *this;
  }

  writer& short_string(std::string_view text) {
    if (text.size() > 255)
      throw failure{"longer than 255 octets: " + std::string{text}};
    return u8(static_cast<uint8_t>(text.size())).raw(text);
  }

  writer& long_string(std::string_view text) { return u32(static_cast<uint32_t>(text.size())).raw(text); }

  void end() {
    const uint32_t size = to_wire(static_cast<uint32_t>(out_.size() - start_ - frame_prefix));
    std::memcpy(out_.data() + start_ + 3, &size, sizeof size);
    u8(frame_end);
  }

private:
  template<class type>
  writer& integer(type value) {
    const type bytes = to_wire(value);
    out_.append(reinterpret_cast<const char*>(&bytes), sizeof bytes);
    return *this;
  }

  std::string& out_;
  size_t start_;
};

/// @throws failure with the broker's reply code and text when `in` closes the connection or the channel.
inline void throw_if_close(const frame& in) {
  if (in.type != frame_method)
    return;
  reader arguments{in.payload};
  const method id = arguments.id();
  if (id != method::connection_close && id != method::channel_close)
    return;
  const uint16_t code = arguments.u16();
  throw failure{std::string{"the broker closed the "} + (id == method::channel_close ? "channel: " : "connection: ")
                + std::to_string(code) + " " + std::string{arguments.short_string()}};
}

} // namespace broker::bench::wire

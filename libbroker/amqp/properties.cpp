#include "amqp/properties.hpp"

#include <utility>

#include "amqp/frame.hpp"
#include "amqp/reply.hpp"
#include "base/limits.hpp"

namespace broker::amqp {

namespace {

// Property flags, first property highest (AMQP 0-9-1 section 4.2.6.1). Bit 0 says that another flag word follows.
enum property : uint16_t {
  content_type = 1 << 15,
  content_encoding = 1 << 14,
  headers = 1 << 13,
  delivery_mode = 1 << 12,
  priority = 1 << 11,
  correlation_id = 1 << 10,
  reply_to = 1 << 9,
  expiration = 1 << 8,
  message_id = 1 << 7,
  timestamp_property = 1 << 6,
  type = 1 << 5,
  user_id = 1 << 4,
  app_id = 1 << 3,
  cluster_id = 1 << 2,
};
/// Bit 1 names no property of basic and bit 0 a second flag word, which no client of 0-9-1 sends.
constexpr uint16_t unknown_flags = 0b11;
constexpr uint8_t persistent_mode = 2;

/// Reads properties in wire order; the first failure sticks.
class property_reader {
public:
  explicit property_reader(std::string_view bytes) noexcept : at_(bytes.data()), end_(bytes.data() + bytes.size()) {
    if (const char* at = take(2))
      flags_ = load_u16(at);
    if ((flags_ & unknown_flags) != 0)
      ok_ = false;
  }

  bool has(property which) const noexcept { return ok_ && (flags_ & which) != 0; }
  /// Is there a property that comes behind `which` on the wire?
  bool has_behind(property which) const noexcept { return (flags_ & (which - 1)) != 0; }
  /// Everything was well-formed and nothing is left over.
  bool complete() const noexcept { return ok_ && at_ == end_; }

  std::string_view shortstr() noexcept {
    const char* size = take(1);
    const char* at = size ? take(static_cast<uint8_t>(*size)) : nullptr;
    return at ? std::string_view{at, static_cast<uint8_t>(*size)} : std::string_view{};
  }
  /// The table with its length, not yet validated.
  std::string_view table() noexcept {
    const char* size = take(4);
    if (!size || !take(load_u32(size)))
      return {};
    return {size, static_cast<size_t>(at_ - size)};
  }
  uint8_t u8() noexcept {
    const char* at = take(1);
    return at ? static_cast<uint8_t>(*at) : uint8_t{0};
  }
  uint64_t u64() noexcept {
    const char* at = take(8);
    return at ? load_u64(at) : 0;
  }
  void fail() noexcept { ok_ = false; }

private:
  const char* take(size_t count) noexcept {
    if (!ok_ || static_cast<size_t>(end_ - at_) < count) {
      ok_ = false;
      return nullptr;
    }
    return std::exchange(at_, at_ + count);
  }

  const char* at_;
  const char* end_;
  uint16_t flags_ = 0;
  bool ok_ = true;
};

void read_text(property_reader& in, property which, std::optional<std::string>& out) {
  if (in.has(which))
    out = std::string{in.shortstr()};
}

[[gnu::always_inline]] inline void skip_text(property_reader& in, property which) noexcept {
  if (in.has(which))
    in.shortstr();
}

void read_headers(property_reader& in, std::optional<field_table>& out) {
  if (!in.has(headers))
    return;
  auto table = decode_table(in.table());
  if (table)
    out = std::move(*table);
  else
    in.fail();
}

uint16_t flags_of(const properties& what) {
  uint16_t flags = 0;
  const auto mark = [&flags](property which, bool present) {
    if (present)
      flags = static_cast<uint16_t>(flags | which);
  };
  mark(content_type, what.content_type.has_value());
  mark(content_encoding, what.content_encoding.has_value());
  mark(headers, what.headers.has_value());
  mark(delivery_mode, what.delivery_mode.has_value());
  mark(priority, what.priority.has_value());
  mark(correlation_id, what.correlation_id.has_value());
  mark(reply_to, what.reply_to.has_value());
  mark(expiration, what.expiration.has_value());
  mark(message_id, what.message_id.has_value());
  mark(timestamp_property, what.timestamp.has_value());
  mark(type, what.type.has_value());
  mark(user_id, what.user_id.has_value());
  mark(app_id, what.app_id.has_value());
  mark(cluster_id, what.cluster_id.has_value());
  return flags;
}

void put_text(byte_buffer& out, const std::optional<std::string>& text) {
  if (!text)
    return;
  BROKER_ASSERT(text->size() <= limits::name_max_bytes, "a property is a shortstr");
  out.put_u8(static_cast<uint8_t>(text->size()));
  out.put(*text);
}

} // namespace

result<properties> decode_properties(std::string_view flags_and_values) {
  property_reader in{flags_and_values};
  properties out;
  read_text(in, content_type, out.content_type);
  read_text(in, content_encoding, out.content_encoding);
  read_headers(in, out.headers);
  if (in.has(delivery_mode))
    out.delivery_mode = in.u8();
  if (in.has(priority))
    out.priority = in.u8();
  read_text(in, correlation_id, out.correlation_id);
  read_text(in, reply_to, out.reply_to);
  read_text(in, expiration, out.expiration);
  read_text(in, message_id, out.message_id);
  if (in.has(timestamp_property))
    out.timestamp = in.u64();
  read_text(in, type, out.type);
  read_text(in, user_id, out.user_id);
  read_text(in, app_id, out.app_id);
  read_text(in, cluster_id, out.cluster_id);
  if (!in.complete())
    return internal_error("malformed content properties");
  return out;
}

header_peek peek_properties(std::string_view flags_and_values) noexcept {
  property_reader in{flags_and_values};
  header_peek out;
  skip_text(in, content_type);
  skip_text(in, content_encoding);
  out.has_headers = in.has(headers);
  if (out.has_headers && !is_valid_table(in.table()))
    in.fail();
  if (in.has(delivery_mode))
    out.persistent = in.u8() == persistent_mode;
  if (in.has(priority))
    out.priority = in.u8();
  if (!in.has_behind(priority)) { // as most messages
    out.ok = in.complete();
    return out;
  }
  skip_text(in, correlation_id);
  out.has_reply_to = in.has(reply_to);
  skip_text(in, reply_to);
  out.has_expiration = in.has(expiration);
  skip_text(in, expiration);
  skip_text(in, message_id);
  if (in.has(timestamp_property))
    in.u64();
  skip_text(in, type);
  out.has_user_id = in.has(user_id);
  skip_text(in, user_id);
  skip_text(in, app_id);
  skip_text(in, cluster_id);
  out.ok = in.complete();
  return out;
}

std::string_view peek_expiration(std::string_view flags_and_values) noexcept {
  property_reader in{flags_and_values};
  if (!in.has(expiration))
    return {};
  skip_text(in, content_type);
  skip_text(in, content_encoding);
  if (in.has(headers))
    in.table();
  if (in.has(delivery_mode))
    in.u8();
  if (in.has(priority))
    in.u8();
  skip_text(in, correlation_id);
  skip_text(in, reply_to);
  return in.shortstr();
}

namespace {

/// Everything before the property flags.
size_t begin_content_header(byte_buffer& out, channel_number channel, uint64_t body_size) {
  const size_t mark = begin_frame(out, frame_header, channel);
  out.put_u16(basic_class_id);
  out.put_u16(0); // weight, unused
  out.put_u64(body_size);
  return mark;
}

} // namespace

void encode_content_header(byte_buffer& out, channel_number channel, uint64_t body_size,
                           std::string_view flags_and_values) {
  const size_t mark = begin_content_header(out, channel, body_size);
  out.put(flags_and_values);
  end_frame(out, mark);
}

void encode_content_header(byte_buffer& out, channel_number channel, uint64_t body_size, const properties& what) {
  const size_t mark = begin_content_header(out, channel, body_size);
  out.put_u16(flags_of(what));
  put_text(out, what.content_type);
  put_text(out, what.content_encoding);
  if (what.headers)
    encode_table(out, *what.headers);
  if (what.delivery_mode)
    out.put_u8(*what.delivery_mode);
  if (what.priority)
    out.put_u8(*what.priority);
  put_text(out, what.correlation_id);
  put_text(out, what.reply_to);
  put_text(out, what.expiration);
  put_text(out, what.message_id);
  if (what.timestamp)
    out.put_u64(*what.timestamp);
  put_text(out, what.type);
  put_text(out, what.user_id);
  put_text(out, what.app_id);
  put_text(out, what.cluster_id);
  end_frame(out, mark);
}

} // namespace broker::amqp

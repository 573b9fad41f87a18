// The 14 properties of basic content (AMQP 0-9-1 section 4.2.6.1; features.md W72), in wire order. The broker parses
// them only where it must look inside: routing by headers, user-id, expiration, CC; otherwise header bytes travel as
// received.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "amqp/field_table.hpp"
#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace broker::amqp {

struct properties {
  std::optional<std::string> content_type;
  std::optional<std::string> content_encoding;
  std::optional<field_table> headers;
  std::optional<uint8_t> delivery_mode;
  std::optional<uint8_t> priority;
  std::optional<std::string> correlation_id;
  std::optional<std::string> reply_to;
  std::optional<std::string> expiration;
  std::optional<std::string> message_id;
  std::optional<uint64_t> timestamp;
  std::optional<std::string> type;
  std::optional<std::string> user_id;
  std::optional<std::string> app_id;
  std::optional<std::string> cluster_id;

  friend bool operator==(const properties&, const properties&) = default;
};

/// Decodes the payload of a content header frame after class-id, weight and body size: property flags and values.
/// Errors: 541 as RabbitMQ for truncated properties or unknown table types (wire-reactions.md), never a crash.
result<properties> decode_properties(std::string_view flags_and_values);

/// Appends a whole content header frame (type 2) for class basic.
void encode_content_header(byte_buffer& out, channel_number channel, uint64_t body_size, const properties& what);
/// Likewise from well-formed flags and values.
void encode_content_header(byte_buffer& out, channel_number channel, uint64_t body_size,
                           std::string_view flags_and_values);

/// What the hot path must know of a content header, read in one pass without allocation.
struct header_peek {
  bool persistent = false;  ///< delivery-mode 2
  bool has_headers = false; ///< a headers table is present
  bool has_user_id = false;
  bool has_expiration = false;
  bool has_reply_to = false;
  uint8_t priority = 0;
  bool ok = false; ///< false: malformed; the connection is answered as decode_properties says
};
header_peek peek_properties(std::string_view flags_and_values) noexcept;
/// Text of the expiration property, empty if there is none; without allocation. The header must be well-formed.
std::string_view peek_expiration(std::string_view flags_and_values) noexcept;

} // namespace broker::amqp

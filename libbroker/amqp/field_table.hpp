// Field tables (AMQP 0-9-1 section 4.2.5.5) with the type octets RabbitMQ uses (features.md W71: t b B s u I i l L f d
// D S A T F V x; `s` is signed 16-bit). Two forms: `field_table`, decoded values for arguments and properties that the
// broker looks into; and validated raw bytes, which is how message headers travel (never decoded unless needed).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace broker::amqp {

struct field_value;
struct field_entry;

/// Entries in wire order. Duplicate and empty keys are kept as they came.
struct field_table {
  std::vector<field_entry> entries;

  /// First entry of that name, or null.
  const field_value* find(std::string_view name) const;
  /// Replaces the first entry of that name or appends one.
  void set(std::string_view name, field_value value);
  bool empty() const noexcept;
  friend bool operator==(const field_table&, const field_table&);
};

struct field_array {
  std::vector<field_value> values;
  friend bool operator==(const field_array&, const field_array&);
};

/// 'D': value / 10^scale.
struct decimal {
  uint8_t scale = 0;
  int32_t value = 0;
  friend bool operator==(const decimal&, const decimal&) = default;
};
/// 'T': seconds since 1970, unsigned on the wire.
struct timestamp {
  uint64_t seconds = 0;
  friend bool operator==(const timestamp&, const timestamp&) = default;
};
/// 'S', any bytes.
struct longstr {
  std::string bytes;
  friend bool operator==(const longstr&, const longstr&) = default;
};
/// 'x'.
struct byte_array {
  std::string bytes;
  friend bool operator==(const byte_array&, const byte_array&) = default;
};
/// 'V'.
struct void_value {
  friend bool operator==(const void_value&, const void_value&) = default;
};

/// A table or array nested deeper than limits::table_decode_depth: valid, but kept as it came, so that what walks a
/// decoded table recursively (destructors, copies, comparisons) needs a small stack whatever a client sends.
struct nested_bytes {
  char type = 'F';   ///< 'F' or 'A'
  std::string bytes; ///< with the four-octet length
  friend bool operator==(const nested_bytes&, const nested_bytes&) = default;
};

/// One value. The alternative is the wire type: t=bool, b=int8, B=uint8, s=int16, u=uint16, I=int32, i=uint32,
/// l/L=int64, f=float, d=double, D=decimal, S=longstr, A=field_array, T=timestamp, F=field_table, V=void_value,
/// x=byte_array.
struct field_value {
  using any_content =
    std::variant<void_value, bool, int8_t, uint8_t, int16_t, uint16_t, int32_t, uint32_t, int64_t, float, double,
                 decimal, longstr, field_array, timestamp, field_table, byte_array, nested_bytes>;
  /// A class for the reason of amqp::method.
  class content : public any_content {
  public:
    using any_content::any_content;
    using any_content::operator=;
    content();
    content(const content& other);
    content(content&& other) noexcept;
    content& operator=(const content& other);
    content& operator=(content&& other) noexcept;
    ~content();
  };
  content value;

  /// Any integer type as a signed 64-bit number; false if this is no integer.
  bool as_integer(int64_t& out) const;
  /// Text of a longstr; null if this is none.
  const std::string* as_string() const;
  friend bool operator==(const field_value&, const field_value&);
};

/// Key and value; a struct of its own since std::pair must not be named before field_value is complete.
struct field_entry {
  std::string first;
  field_value second;

  field_entry(std::string key, field_value value) : first(std::move(key)), second(std::move(value)) {}
  friend bool operator==(const field_entry&, const field_entry&) = default;
};

inline bool field_table::empty() const noexcept {
  return entries.empty();
}

/// Decodes a table including its four-octet length. `bytes` must hold exactly the table.
/// Errors: 502 SYNTAX_ERROR for unknown types, bad lengths, nesting beyond limits::table_depth_max.
result<field_table> decode_table(std::string_view bytes);
/// Checks without building values; same errors. For message headers on their way through.
result<void> validate_table(std::string_view bytes);
/// validate_table without the error's text; for the hot path. Allocates nothing.
bool is_valid_table(std::string_view bytes) noexcept;
/// Appends the table with its four-octet length.
void encode_table(byte_buffer& out, const field_table& table);

} // namespace broker::amqp

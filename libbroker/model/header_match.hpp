// Routing of headers exchanges and the CC and BCC headers (features.md W45, W47), on raw field tables: a message's
// headers are looked through where they lie, no value is built.
#pragma once

#include <cstdint>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "amqp/field_table.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"

namespace broker {

/// One entry of an encoded field table. `value` is the payload without type octet and without the length of S, x, A, F.
struct raw_field {
  std::string_view name;
  char type = 'V';
  std::string_view value;
};
using raw_fields = std::pmr::vector<raw_field>;

/// Appends the entries of a table (without its four-octet length). False: malformed; what came before it is appended.
bool scan_table(std::string_view bytes, raw_fields& into);
/// Properties of class basic by the bit of the property flags that says they are there (AMQP 0-9-1 section 4.2.6.1).
enum class content_property : uint8_t {
  timestamp = 6,
  message_id = 7,
  expiration = 8,
  correlation_id = 10,
  headers = 13,
  content_encoding = 14,
  content_type = 15,
};
/// The value of one property without its length, where it lies in content properties; empty if it is absent or what
/// comes before it is malformed.
std::optional<std::string_view> find_property(std::string_view property_bytes, content_property which);
/// The headers table of content properties (flags and values, see message::property_bytes), without its length; empty
/// if there is none or the properties are malformed.
std::string_view find_headers(std::string_view property_bytes);
/// The field of that name, or null. `fields` sorted by name.
const raw_field* find_field(const raw_fields& fields, std::string_view name);
/// The value of a field of any integer type.
std::optional<int64_t> integer_value(const raw_field& field);
/// Appends the values of an array, without names. False: malformed; what came before it is appended.
bool scan_array(std::string_view bytes, raw_fields& into);
/// Type octet and value as they are in a table behind a name.
void put_value(byte_buffer& out, const raw_field& field);
/// Appends the texts of an array header (CC, BCC); other values in it are passed over.
void collect_array_texts(const raw_field& array, std::pmr::vector<std::string_view>& into);

/// The arguments of a binding, prepared for matching. Immutable.
class header_pattern {
public:
  /// Errors: 406 for a bad x-match, as RabbitMQ writes it.
  static result<header_pattern> compile(const amqp::field_table& arguments);

  header_pattern(header_pattern&&) = default;
  header_pattern& operator=(header_pattern&&) = default;
  header_pattern(const header_pattern&) = delete;

  /// `headers` sorted by name (stable). A void value asks for presence only;
  /// other values must be equal as RabbitMQ 3.13 has it: integers whatever their width, texts and byte arrays by their
  /// bytes, floats whatever their width; but no integer equals a float.
  bool matches(const raw_fields& headers) const;

private:
  header_pattern() = default;
  bool field_matches(const raw_field& wanted, const raw_fields& headers) const;

  bool all_ = true;
  std::vector<char> bytes_; ///< what `wanted_` points into; a vector keeps its place when moved
  std::vector<raw_field> wanted_;
};

/// The order `header_pattern::matches` asks for.
void sort_by_name(raw_fields& fields);

} // namespace broker

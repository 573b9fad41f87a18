// Routing of headers exchanges and the CC and BCC headers (features.md W45, W47), on raw field tables: a message's
// headers are looked through where they lie, no value is built.
#pragma once

#include <cstdint>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

#include "amqp/field_table.hpp"
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
/// The headers table of content properties (flags and values, see message::property_bytes), without its length; empty
/// if there is none or the properties are malformed.
std::string_view find_headers(std::string_view property_bytes);
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

  /// `headers` sorted by name (stable). Equal means equal type and bytes; a void value asks for presence only.
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

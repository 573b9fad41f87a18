#include "model/header_match.hpp"

#include <algorithm>
#include <bit>

#include "amqp/reply.hpp"
#include "base/bytes.hpp"
#include "model/field_text.hpp"

namespace broker {
namespace {

/// Cuts `count` bytes off the front; false if there are fewer.
bool take(std::string_view& from, size_t count, std::string_view& taken) {
  if (from.size() < count)
    return false;
  taken = from.substr(0, count);
  from.remove_prefix(count);
  return true;
}

bool take_short(std::string_view& from, std::string_view& taken) {
  std::string_view size;
  return take(from, 1, size) && take(from, static_cast<uint8_t>(size[0]), taken);
}

bool take_long(std::string_view& from, std::string_view& taken) {
  std::string_view size;
  return take(from, 4, size) && take(from, load_u32(size.data()), taken);
}

bool take_value(std::string_view& from, char type, std::string_view& taken) {
  switch (type) {
  case 't':
  case 'b':
  case 'B':
    return take(from, 1, taken);
  case 's':
  case 'u':
    return take(from, 2, taken);
  case 'I':
  case 'i':
  case 'f':
    return take(from, 4, taken);
  case 'D':
    return take(from, 5, taken);
  case 'l':
  case 'L':
  case 'd':
  case 'T':
    return take(from, 8, taken);
  case 'S':
  case 'A':
  case 'F':
  case 'x':
    return take_long(from, taken);
  case 'V':
    taken = {};
    return true;
  default:
    return false;
  }
}

/// Type octet and value.
bool take_typed(std::string_view& from, raw_field& field) {
  std::string_view type;
  if (!take(from, 1, type))
    return false;
  field.type = type[0] == 'L' ? 'l' : type[0]; // two octets for the same 64-bit integer (W71)
  return take_value(from, field.type, field.value);
}

bool take_field(std::string_view& from, raw_field& field) {
  return take_short(from, field.name) && take_typed(from, field);
}

/// Delivery-mode and priority are octets, the timestamp has 64 bits, headers are a table, all others short texts.
bool take_property(std::string_view& from, int bit, std::string_view& value) {
  switch (bit) {
  case 13:
    return take_long(from, value);
  case 12:
  case 11:
    return take(from, 1, value);
  case 6:
    return take(from, 8, value);
  default:
    return take_short(from, value);
  }
}

bool starts_with_x(std::string_view name) {
  return name.substr(0, 2) == "x-";
}

/// Values are compared across the types of one class; what is in a class of its own is compared by its bytes.
char value_class(char type) {
  switch (type) {
  case 'b':
  case 'B':
  case 's':
  case 'u':
  case 'I':
  case 'i':
  case 'l':
    return 'l';
  case 'f':
  case 'd':
    return 'd';
  case 'S':
  case 'x':
    return 'S';
  default:
    return type;
  }
}

/// Of an integer field; all types fit, there is no unsigned one of 64 bits.
int64_t integer_of(const raw_field& field) {
  const char* at = field.value.data();
  switch (field.type) {
  case 'b':
    return static_cast<int8_t>(*at);
  case 'B':
    return static_cast<uint8_t>(*at);
  case 's':
    return static_cast<int16_t>(load_u16(at));
  case 'u':
    return load_u16(at);
  case 'I':
    return static_cast<int32_t>(load_u32(at));
  case 'i':
    return load_u32(at);
  default:
    return static_cast<int64_t>(load_u64(at));
  }
}

double float_of(const raw_field& field) {
  return field.type == 'f' ? static_cast<double>(std::bit_cast<float>(load_u32(field.value.data())))
                           : std::bit_cast<double>(load_u64(field.value.data()));
}

bool same_value(const raw_field& a, const raw_field& b) {
  const char kind = value_class(a.type);
  if (kind != value_class(b.type))
    return false;
  if (a.type == b.type && a.value == b.value)
    return true;
  return (kind == 'l' && integer_of(a) == integer_of(b)) || (kind == 'd' && float_of(a) == float_of(b))
      || (kind == 'S' && a.value == b.value);
}

error bad_match(const std::string& what) {
  return amqp::precondition_failed("Invalid x-match field " + what);
}

} // namespace

bool scan_table(std::string_view bytes, raw_fields& into) {
  while (!bytes.empty()) {
    raw_field field;
    if (!take_field(bytes, field))
      return false;
    into.push_back(field);
  }
  return true;
}

std::optional<std::string_view> find_property(std::string_view bytes, content_property which) {
  std::string_view octets;
  if (!take(bytes, 2, octets))
    return std::nullopt;
  const uint16_t flags = load_u16(octets.data());
  for (uint16_t more = flags; (more & 1) != 0; more = load_u16(octets.data())) // flag words go on while bit 0 is set
    if (!take(bytes, 2, octets))
      return std::nullopt;
  for (int bit = 15; bit >= static_cast<int>(which); --bit) {
    std::string_view value;
    if ((flags & 1u << bit) == 0)
      continue;
    if (!take_property(bytes, bit, value))
      return std::nullopt;
    if (bit == static_cast<int>(which))
      return value;
  }
  return std::nullopt;
}

std::string_view find_headers(std::string_view property_bytes) {
  return find_property(property_bytes, content_property::headers).value_or(std::string_view{});
}

const raw_field* find_field(const raw_fields& fields, std::string_view name) {
  const auto at = std::lower_bound(fields.begin(), fields.end(), name,
                                   [](const raw_field& field, std::string_view wanted) { return field.name < wanted; });
  return at == fields.end() || at->name != name ? nullptr : &*at;
}

std::optional<int64_t> integer_value(const raw_field& field) {
  return value_class(field.type) == 'l' ? std::optional{integer_of(field)} : std::nullopt;
}

bool scan_array(std::string_view bytes, raw_fields& into) {
  while (!bytes.empty()) {
    raw_field one;
    if (!take_typed(bytes, one))
      return false;
    into.push_back(one);
  }
  return true;
}

void put_value(byte_buffer& out, const raw_field& field) {
  out.put_u8(static_cast<uint8_t>(field.type));
  if (std::string_view{"SAFx"}.find(field.type) != std::string_view::npos)
    out.put_u32(static_cast<uint32_t>(field.value.size()));
  out.put(field.value);
}

void collect_array_texts(const raw_field& array, std::pmr::vector<std::string_view>& into) {
  if (array.type != 'A')
    return;
  raw_fields values(into.get_allocator());
  scan_array(array.value, values);
  for (const raw_field& one : values)
    if (one.type == 'S')
      into.push_back(one.value);
}

void sort_by_name(raw_fields& fields) {
  std::stable_sort(fields.begin(), fields.end(),
                   [](const raw_field& a, const raw_field& b) { return a.name < b.name; });
}

result<header_pattern> header_pattern::compile(const amqp::field_table& arguments) {
  header_pattern pattern;
  bool with_x = false;
  if (const amqp::field_value* match = arguments.find("x-match")) {
    const std::string* kind = match->as_string();
    if (!kind)
      return bad_match("type " + std::string{field_type_name(*match)} + " (value " + field_text(*match)
                       + "); expected longstr");
    with_x = *kind == "all-with-x" || *kind == "any-with-x";
    pattern.all_ = *kind == "all" || *kind == "all-with-x";
    if (!with_x && *kind != "all" && *kind != "any")
      return bad_match("value <<\"" + *kind + "\">>; expected all, any, all-with-x, or any-with-x");
  }
  byte_buffer encoded;
  amqp::encode_table(encoded, arguments);
  pattern.bytes_.assign(encoded.data(), encoded.data() + encoded.size());
  raw_fields fields;
  const bool well_formed = scan_table({pattern.bytes_.data() + 4, pattern.bytes_.size() - 4}, fields);
  BROKER_ASSERT(well_formed, "an encoded table is well-formed");
  for (const raw_field& field : fields)
    if (field.name != "x-match" && (with_x || !starts_with_x(field.name)))
      pattern.wanted_.push_back(field);
  return pattern;
}

bool header_pattern::field_matches(const raw_field& wanted, const raw_fields& headers) const {
  const raw_field* header = find_field(headers, wanted.name);
  return header && (wanted.type == 'V' || same_value(wanted, *header));
}

bool header_pattern::matches(const raw_fields& headers) const {
  const auto matched = [&](const raw_field& wanted) { return field_matches(wanted, headers); };
  return all_ ? std::all_of(wanted_.begin(), wanted_.end(), matched)
              : std::any_of(wanted_.begin(), wanted_.end(), matched);
}

} // namespace broker

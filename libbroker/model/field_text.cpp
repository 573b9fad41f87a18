#include "model/field_text.hpp"

#include <charconv>

namespace broker {
namespace {

std::string term(const amqp::field_value& value);

struct type_namer {
  std::string_view operator()(const amqp::void_value&) const { return "void"; }
  std::string_view operator()(bool) const { return "bool"; }
  std::string_view operator()(int8_t) const { return "byte"; }
  std::string_view operator()(uint8_t) const { return "unsignedbyte"; }
  std::string_view operator()(int16_t) const { return "short"; }
  std::string_view operator()(uint16_t) const { return "unsignedshort"; }
  std::string_view operator()(int32_t) const { return "signedint"; }
  std::string_view operator()(uint32_t) const { return "unsignedint"; }
  std::string_view operator()(int64_t) const { return "long"; }
  std::string_view operator()(float) const { return "float"; }
  std::string_view operator()(double) const { return "double"; }
  std::string_view operator()(const amqp::decimal&) const { return "decimal"; }
  std::string_view operator()(const amqp::longstr&) const { return "longstr"; }
  std::string_view operator()(const amqp::field_array&) const { return "array"; }
  std::string_view operator()(const amqp::timestamp&) const { return "timestamp"; }
  std::string_view operator()(const amqp::field_table&) const { return "table"; }
  std::string_view operator()(const amqp::byte_array&) const { return "binary"; }
  std::string_view operator()(const amqp::nested_bytes& value) const { return value.type == 'A' ? "array" : "table"; }
};

/// Erlang's ~p.
struct term_printer {
  std::string operator()(const amqp::void_value&) const { return "undefined"; }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  template<class Integer>
  std::string operator()(Integer value) const {
    return std::to_string(value);
  }
  std::string operator()(float value) const { return (*this)(static_cast<double>(value)); }
  std::string operator()(double value) const {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    std::string text{digits, end};
    return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
  }
  std::string operator()(const amqp::decimal& value) const {
    return "{" + std::to_string(value.scale) + "," + std::to_string(value.value) + "}";
  }
  std::string operator()(const amqp::longstr& value) const { return "<<\"" + value.bytes + "\">>"; }
  std::string operator()(const amqp::byte_array& value) const { return "<<\"" + value.bytes + "\">>"; }
  std::string operator()(const amqp::nested_bytes&) const { return "[...]"; } // deeper than anything worth showing
  std::string operator()(const amqp::timestamp& value) const { return std::to_string(value.seconds); }
  std::string operator()(const amqp::field_array& value) const {
    std::string text = "[";
    for (const amqp::field_value& item : value.values)
      text += (text.size() > 1 ? ",{" : "{") + std::string{field_type_name(item)} + "," + term(item) + "}";
    return text + "]";
  }
  std::string operator()(const amqp::field_table& value) const {
    std::string text = "[";
    for (const auto& [name, item] : value.entries) {
      text += text.size() > 1 ? ",{<<\"" : "{<<\"";
      text += name + "\">>," + std::string{field_type_name(item)} + "," + term(item) + "}";
    }
    return text + "]";
  }
};

std::string term(const amqp::field_value& value) {
  return std::visit(term_printer{}, value.value);
}

} // namespace

std::string_view field_type_name(const amqp::field_value& value) {
  return std::visit(type_namer{}, value.value);
}

std::string field_text(const amqp::field_value& value) {
  if (const std::string* text = value.as_string())
    return *text;
  if (const auto* bytes = std::get_if<amqp::byte_array>(&value.value))
    return bytes->bytes;
  return term(value);
}

} // namespace broker

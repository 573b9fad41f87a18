#include "channel/argument_checks.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "amqp/reply.hpp"
#include "channel/reply_texts.hpp"

namespace broker {
namespace {

constexpr std::string_view not_supported = "not supported by this version";

/// 406 for the first x- argument other than `honoured`.
result<void> refuse_unknown(const amqp::field_table& arguments, std::string_view honoured, std::string_view title) {
  for (const auto& [name, value] : arguments.entries)
    if (name.starts_with("x-") && name != honoured)
      return invalid_argument(name, title, not_supported);
  return {};
}

std::string unacceptable_type(const amqp::field_value& value) {
  return "{unacceptable_type," + std::string{type_name(value)} + "}";
}

} // namespace

std::string_view type_name(const amqp::field_value& value) {
  constexpr std::array<std::string_view, std::variant_size_v<amqp::field_value::content>> names{
    "void",  "bool",   "byte",    "unsignedbyte", "short", "unsignedshort", "signedint", "unsignedint", "long",
    "float", "double", "decimal", "longstr",      "array", "timestamp",     "table",     "binary"};
  return names[value.value.index()];
}

result<void> check_queue_arguments(const amqp::field_table& arguments, std::string_view title) {
  constexpr std::string_view queue_type = "x-queue-type";
  if (const auto* type = arguments.find(queue_type)) {
    const auto* text = type->as_string();
    if (!text)
      return invalid_argument(queue_type, title, unacceptable_type(*type));
    if (*text != "classic")
      return invalid_argument(queue_type, title, not_supported);
  }
  return refuse_unknown(arguments, queue_type, title);
}

result<std::string> check_exchange_arguments(const amqp::field_table& arguments, exchange_type kind,
                                             std::string_view title) {
  if (kind != exchange_type::plugin)
    if (auto known = refuse_unknown(arguments, {}, title); !known)
      return known.error();
  const auto* alternate = arguments.find("alternate-exchange");
  if (!alternate)
    return std::string{};
  if (const auto* text = alternate->as_string())
    return *text;
  std::string explanation{"invalid type '"};
  explanation.append(type_name(*alternate)).append("' for arg 'alternate-exchange' in ").append(title);
  return amqp::precondition_failed(explanation);
}

result<int32_t> check_consume_arguments(const amqp::field_table& arguments, std::string_view title) {
  constexpr std::string_view priority = "x-priority";
  if (auto known = refuse_unknown(arguments, priority, title); !known)
    return known.error();
  const auto* given = arguments.find(priority);
  if (!given)
    return 0;
  int64_t number = 0;
  if (!given->as_integer(number))
    return invalid_argument(priority, title, unacceptable_type(*given));
  using limits = std::numeric_limits<int32_t>;
  return static_cast<int32_t>(std::clamp<int64_t>(number, limits::min(), limits::max()));
}

} // namespace broker

#include "channel/argument_checks.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "amqp/reply.hpp"
#include "model/queue_arguments.hpp"

namespace broker {
namespace {

/// The name of an exchange in an argument (rabbit_misc:r_arg).
result<std::optional<std::string>> exchange_argument(const amqp::field_table& arguments, std::string_view name,
                                                     std::string_view title) {
  const auto* value = arguments.find(name);
  if (!value)
    return std::optional<std::string>{};
  if (const auto* text = value->as_string())
    return std::optional{*text};
  std::string explanation{"invalid type '"};
  explanation.append(type_name(*value)).append("' for arg '").append(name).append("' in ").append(title);
  return amqp::precondition_failed(explanation);
}

} // namespace

std::string_view type_name(const amqp::field_value& value) {
  constexpr std::array<std::string_view, std::variant_size_v<amqp::field_value::any_content>> names{
    "void",  "bool",   "byte",    "unsignedbyte", "short", "unsignedshort", "signedint", "unsignedint", "long",
    "float", "double", "decimal", "longstr",      "array", "timestamp",     "table",     "binary"};
  return names[value.value.index()];
}

result<std::optional<std::string>> check_exchange_arguments(const amqp::field_table& arguments,
                                                            std::string_view title) {
  return exchange_argument(arguments, "alternate-exchange", title);
}

result<std::optional<std::string>> check_dead_letter_exchange(const amqp::field_table& arguments,
                                                              std::string_view title) {
  return exchange_argument(arguments, "x-dead-letter-exchange", title);
}

result<int32_t> check_consume_arguments(const amqp::field_table& arguments, const queue_record& queue) {
  const auto known = check_consumer_arguments(arguments, type_of_arguments(queue.arguments), queue.vhost, queue.name);
  if (!known)
    return known.error();
  int64_t number = 0;
  if (const auto* given = arguments.find("x-priority"))
    static_cast<void>(given->as_integer(number)); // checked above
  using limits = std::numeric_limits<int32_t>;
  return static_cast<int32_t>(std::clamp<int64_t>(number, limits::min(), limits::max()));
}

} // namespace broker

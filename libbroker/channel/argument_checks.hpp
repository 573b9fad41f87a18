// Arguments of exchange.declare, bind and consume (features.md W42, W46, W62) and which of them need permissions.
// Unknown ones are ignored, as RabbitMQ does. Those of queue.declare: model/queue_arguments.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "amqp/field_table.hpp"
#include "base/result.hpp"
#include "metadata/records.hpp"

namespace broker {

/// exchange.declare: alternate-exchange. Gives its name, empty if absent. Error 406.
result<std::optional<std::string>> check_exchange_arguments(const amqp::field_table& arguments, std::string_view title);
/// queue.declare: x-dead-letter-exchange. Gives its name, empty if absent. Error 406.
result<std::optional<std::string>> check_dead_letter_exchange(const amqp::field_table& arguments,
                                                              std::string_view title);
/// basic.consume on a queue of this type: gives x-priority, 0 if absent (W62). Error 406.
result<int32_t> check_consume_arguments(const amqp::field_table& arguments, const queue_record& queue);

/// RabbitMQ's name of a value's type: "longstr", "signedint", "table", ...
std::string_view type_name(const amqp::field_value& value);

} // namespace broker

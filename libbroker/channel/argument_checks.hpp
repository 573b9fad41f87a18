// Arguments of declare, bind and consume (features.md W37, W46, W62). An x- argument whose meaning is not honoured yet
// is refused by name, never ignored silently; other unknown arguments are ignored, as RabbitMQ does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "amqp/field_table.hpp"
#include "base/result.hpp"
#include "metadata/records.hpp"

namespace broker {

/// queue.declare: honours x-queue-type "classic". Error 406.
result<void> check_queue_arguments(const amqp::field_table& arguments, std::string_view title);
/// exchange.declare: honours alternate-exchange; a plug-in knows its x- arguments itself. Gives the alternate's name,
/// "" if absent. Error 406.
result<std::string> check_exchange_arguments(const amqp::field_table& arguments, exchange_type kind,
                                             std::string_view title);
/// basic.consume: honours x-priority. Gives its value, 0 if absent. Error 406.
result<int32_t> check_consume_arguments(const amqp::field_table& arguments, std::string_view title);

/// RabbitMQ's name of a value's type: "longstr", "signedint", "table", ...
std::string_view type_name(const amqp::field_value& value);

} // namespace broker

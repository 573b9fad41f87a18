// Field values in the words of RabbitMQ's error texts, which print Erlang terms (wire-reactions.md: clients read them).
#pragma once

#include <string>
#include <string_view>

#include "amqp/field_table.hpp"

namespace broker {

/// "longstr", "signedint", "long", ...
std::string_view field_type_name(const amqp::field_value& value);
/// Texts as they are, everything else as Erlang's ~p prints it: 5, true, <<"x">> inside arrays.
std::string field_text(const amqp::field_value& value);

} // namespace broker

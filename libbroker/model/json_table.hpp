// Field tables to and from JSON as definitions files have them (features.md O28). Integers become long, whatever they
// were; texts longstr.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "amqp/field_table.hpp"
#include "base/result.hpp"

namespace broker {

nlohmann::json table_to_json(const amqp::field_table& table);
/// An object, or an empty array (old exports write that for "none"). The JSON has been bounded by parse_json. Error
/// (code 0): something else, or an integer beyond 64 bits.
result<amqp::field_table> table_from_json(const nlohmann::json& value);

} // namespace broker

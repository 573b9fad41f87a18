// The definition of a policy: validation by key and type with RabbitMQ's texts (features.md O30, O31, Q10-Q15).
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/result.hpp"
#include "model/policy.hpp"

namespace broker {

/// Error (code 0): the reason in RabbitMQ's words, e.g. "-1 is not a valid message TTL".
result<policy_definition> read_policy_definition(const nlohmann::json& definition, bool operator_policy);

} // namespace broker

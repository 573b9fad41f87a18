#include "model/effective_policy.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/assert.hpp"
#include "model/policy.hpp"
#include "model/policy_definition.hpp"

namespace broker {

namespace {

using nlohmann::json;

json definition_of(const policy_record& from) {
  auto parsed = json::parse(from.definition, nullptr, false);
  BROKER_ASSERT(parsed.is_object(), "a policy was checked when it was set");
  return parsed;
}

mirroring_options mirroring_of(const json& definition, bool of_operators) {
  const auto read = read_policy_definition(definition, of_operators);
  BROKER_ASSERT(read.ok() && read->mirroring, "a policy was checked when it was set");
  return *read->mirroring;
}

/// How many copies to make and where belongs together.
void take_mode(json& out, const json& from) {
  out["ha-mode"] = from["ha-mode"];
  out.erase("ha-params");
  if (from.contains("ha-params"))
    out["ha-params"] = from["ha-params"];
}

} // namespace

std::string effective_definition(const policy_record* user, const policy_record* operators) {
  const json of_user = user ? definition_of(*user) : json::object();
  const json of_operators = operators ? definition_of(*operators) : json::object();
  json out = of_user;
  for (const auto& [key, value] : of_operators.items()) {
    const bool limits = out.contains(key) && out[key].is_number() && value.is_number();
    out[key] = limits ? std::min(out[key], value) : value;
  }
  if (of_operators.contains("ha-mode")) {
    const bool users =
      of_user.contains("ha-mode") && makes_more_copies(mirroring_of(of_user, false), mirroring_of(of_operators, true));
    take_mode(out, users ? of_user : of_operators);
  }
  return out.dump();
}

} // namespace broker

// Policies, operator policies and runtime parameters (features.md O04, O29-O31, O34). Whether a definition is valid is
// decided by the metadata, in rabbitmqctl's words.
#include <charconv>

#include <nlohmann/json.hpp>

#include "control_verb.hpp"
#include "metadata/own_parameters.hpp"

namespace broker {

namespace {

using control::reply;
using control::request;
using control::response;

constexpr std::string_view json_problem = "JSON decoding error. Reason: badarg";
constexpr std::string_view missing_parameter = "Parameter does not exist";

/// The text with its keys sorted and without blanks; nothing when it is not JSON.
std::optional<std::string> normal_json(const std::string& text) {
  const auto parsed = nlohmann::json::parse(text, nullptr, false);
  if (parsed.is_discarded())
    return {};
  return parsed.dump();
}

int64_t priority_of(const request& what) {
  const std::string text = option_of(what, "priority").value_or("0");
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number); // the tool has checked it
  return number;
}

void set_one_policy(node_view& node, const request& what, bool operator_policy, reply done) {
  const std::string vhost = vhost_of(what);
  if (!node.metadata()->vhost_exists(vhost))
    return done(no_such_vhost(vhost));
  auto definition = normal_json(what.arguments[2]);
  if (!definition)
    return done(failure(exit_with::unavailable, std::string{json_problem}));
  put_policy change;
  change.operator_policy = operator_policy;
  change.policy.vhost = vhost;
  change.policy.name = what.arguments[0];
  change.policy.pattern = what.arguments[1];
  change.policy.apply_to = option_of(what, "apply-to").value_or("all");
  change.policy.priority = priority_of(what);
  change.policy.definition = *std::move(definition);
  propose_and_answer(node, std::move(change), exit_with::unavailable, std::move(done));
}

/// Every policy or operator policy of a vhost.
template<class Visit>
void visit_policies(const metadata_snapshot& metadata, const std::string& vhost, bool operator_policies, Visit visit) {
  metadata.for_each_policy(operator_policies, [&](const policy_record& policy) {
    if (policy.vhost == vhost)
      visit(policy);
  });
}

void clear_one_policy(node_view& node, const request& what, bool operator_policy, reply done) {
  const std::string vhost = vhost_of(what);
  bool exists = false;
  visit_policies(*node.metadata(), vhost, operator_policy,
                 [&](const policy_record& policy) { exists |= policy.name == what.arguments[0]; });
  if (!exists)
    return done(failure(exit_with::unavailable, std::string{missing_parameter}));
  propose_and_answer(node, delete_policy{vhost, what.arguments[0], operator_policy}, exit_with::unavailable,
                     std::move(done));
}

void list_of_policies(node_view& node, const request& what, bool operator_policies, reply done) {
  const std::string vhost = vhost_of(what);
  if (!node.metadata()->vhost_exists(vhost))
    return done(no_such_vhost(vhost));
  response answer = table({"vhost", "name", "pattern", "apply-to", "definition", "priority"});
  visit_policies(*node.metadata(), vhost, operator_policies, [&](const policy_record& policy) {
    answer.rows.push_back(
      {policy.vhost, policy.name, policy.pattern, policy.apply_to, policy.definition, policy.priority});
  });
  done(std::move(answer));
}

// -- parameters
// -------------------------------------------------------------------------------------------------------

void set_one_parameter(node_view& node, parameter_record parameter, reply done) {
  auto value = normal_json(parameter.value);
  if (!value)
    return done(failure(exit_with::unavailable, std::string{json_problem}));
  parameter.value = *std::move(value);
  propose_and_answer(node, set_parameter{std::move(parameter)}, exit_with::unavailable, std::move(done));
}

void clear_one_parameter(node_view& node, clear_parameter change, reply done) {
  bool exists = false;
  const auto compare = [&](const parameter_record& known) {
    exists |= known.vhost == change.vhost && known.component == change.component && known.name == change.name;
  };
  const auto metadata = node.metadata();
  change.component.empty() ? metadata->for_each_global_parameter(compare) : metadata->for_each_parameter(compare);
  if (!exists)
    return done(failure(exit_with::unavailable, std::string{missing_parameter}));
  propose_and_answer(node, std::move(change), exit_with::unavailable, std::move(done));
}

void set_vhost_parameter(node_view& node, const request& what, reply done) {
  const std::string vhost = vhost_of(what);
  if (!node.metadata()->vhost_exists(vhost))
    return done(no_such_vhost(vhost));
  set_one_parameter(node, {vhost, what.arguments[0], what.arguments[1], what.arguments[2]}, std::move(done));
}

void clear_vhost_parameter(node_view& node, const request& what, reply done) {
  clear_one_parameter(node, {vhost_of(what), what.arguments[0], what.arguments[1]}, std::move(done));
}

void list_parameters(node_view& node, const request& what, reply done) {
  const std::string vhost = vhost_of(what);
  if (!node.metadata()->vhost_exists(vhost))
    return done(no_such_vhost(vhost));
  response answer = table({"component", "name", "value"});
  node.metadata()->for_each_parameter([&](const parameter_record& parameter) {
    if (parameter.vhost == vhost)
      answer.rows.push_back({parameter.component, parameter.name, parameter.value});
  });
  done(std::move(answer));
}

void set_global_parameter(node_view& node, const request& what, reply done) {
  if (is_own_parameter(what.arguments[0]))
    return done(failure(exit_with::unavailable, "names that begin with 'warren.' are the nodes' own"));
  set_one_parameter(node, {{}, {}, what.arguments[0], what.arguments[1]}, std::move(done));
}

void clear_global_parameter(node_view& node, const request& what, reply done) {
  clear_one_parameter(node, {{}, {}, what.arguments[0]}, std::move(done));
}

void list_global_parameters(node_view& node, const request&, reply done) {
  response answer = table({"name", "value"});
  node.metadata()->for_each_global_parameter([&](const parameter_record& parameter) {
    answer.rows.push_back({parameter.name, parameter.value});
  });
  done(std::move(answer));
}

} // namespace

std::span<const verb> policy_verbs() {
  static constexpr verb policies[] = {
    {"set_policy", 3, 3, [](node_view& n, const request& r, reply d) { set_one_policy(n, r, false, std::move(d)); }},
    {"clear_policy", 1, 1,
     [](node_view& n, const request& r, reply d) { clear_one_policy(n, r, false, std::move(d)); }},
    {"list_policies", 0, 0,
     [](node_view& n, const request& r, reply d) { list_of_policies(n, r, false, std::move(d)); }},
    {"set_operator_policy", 3, 3,
     [](node_view& n, const request& r, reply d) { set_one_policy(n, r, true, std::move(d)); }},
    {"clear_operator_policy", 1, 1,
     [](node_view& n, const request& r, reply d) { clear_one_policy(n, r, true, std::move(d)); }},
    {"list_operator_policies", 0, 0,
     [](node_view& n, const request& r, reply d) { list_of_policies(n, r, true, std::move(d)); }},
  };
  return policies;
}

std::span<const verb> parameter_verbs() {
  static constexpr verb parameters[] = {
    {"set_parameter", 3, 3, set_vhost_parameter},
    {"clear_parameter", 2, 2, clear_vhost_parameter},
    {"list_parameters", 0, 0, list_parameters},
    {"set_global_parameter", 2, 2, set_global_parameter},
    {"clear_global_parameter", 1, 1, clear_global_parameter},
    {"list_global_parameters", 0, 0, list_global_parameters},
  };
  return parameters;
}

} // namespace broker

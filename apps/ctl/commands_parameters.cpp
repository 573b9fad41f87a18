// Headings Parameters and Policies (features.md O04).
#include "command.hpp"

#include <charconv>

namespace broker::ctl {

namespace {

const char* const parameters = "Parameters";
const char* const policies = "Policies";

std::string for_vhost(std::string_view what, const invocation& call) {
  return std::string{what} + " for vhost " + in_quotes(call.vhost_or_default()) + " ...";
}

std::string on_vhost(std::string_view what, const invocation& call) {
  return std::string{what} + " " + in_quotes(call.arguments[0]) + " on vhost " + in_quotes(call.vhost_or_default())
       + " ...";
}

std::string set_policy_banner(std::string_view what, const invocation& call) {
  return "Setting " + std::string{what} + " " + in_quotes(call.arguments[0]) + " for pattern "
       + in_quotes(call.arguments[1]) + " to " + in_quotes(call.arguments[2]) + " with priority "
       + in_quotes(call.option_or("priority", "0")) + for_vhost("", call);
}

complaint priority_problem(const invocation& call) {
  const std::string text = call.option_or("priority", "0");
  int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size())
    return {64, "Invalid options for this command:\n--priority : " + text};
  return {};
}

std::vector<option> policy_options() {
  return {{"--priority", "", true}, {"--apply-to", "", true}};
}

} // namespace

std::vector<command> parameter_commands() {
  return {
    {.name = "clear_global_parameter",
     .group = parameters,
     .usage = "<name>",
     .description = "Clears a global runtime parameter",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner =
       [](const invocation& i) { return "Clearing global runtime parameter " + in_quotes(i.arguments[0]) + " ..."; }},
    {.name = "clear_parameter",
     .group = parameters,
     .usage = "[--vhost <vhost>] <component_name> <name>",
     .description = "Clears a runtime parameter.",
     .least_arguments = 2,
     .most_arguments = 2,
     .banner =
       [](const invocation& i) {
         return "Clearing runtime parameter " + in_quotes(i.arguments[1]) + " for component "
              + in_quotes(i.arguments[0]) + " on vhost " + in_quotes(i.vhost_or_default()) + " ...";
       }},
    {.name = "list_global_parameters",
     .group = parameters,
     .usage = "[--no-table-headers] [--timeout <timeout>]",
     .description = "Lists global runtime parameters",
     .banner = [](const invocation&) { return std::string{"Listing global runtime parameters ..."}; },
     .tools = tool::look},
    {.name = "list_parameters",
     .group = parameters,
     .usage = "[--vhost <vhost>] [--no-table-headers] [--timeout <timeout>]",
     .description = "Lists runtime parameters for a virtual host",
     .banner = [](const invocation& i) { return for_vhost("Listing runtime parameters", i); },
     .tools = tool::look},
    {.name = "set_global_parameter",
     .group = parameters,
     .usage = "<name> <value>",
     .description = "Sets a runtime parameter.",
     .least_arguments = 2,
     .most_arguments = 2,
     .banner =
       [](const invocation& i) {
         return "Setting global runtime parameter " + in_quotes(i.arguments[0]) + " to " + in_quotes(i.arguments[1])
              + " ...";
       }},
    {.name = "set_parameter",
     .group = parameters,
     .usage = "[--vhost <vhost>] <component_name> <name> <value>",
     .description = "Sets a runtime parameter.",
     .least_arguments = 3,
     .most_arguments = 3,
     .banner =
       [](const invocation& i) {
         return "Setting runtime parameter " + in_quotes(i.arguments[1]) + " for component " + in_quotes(i.arguments[0])
              + " to " + in_quotes(i.arguments[2]) + " in vhost " + in_quotes(i.vhost_or_default()) + " ...";
       }},
  };
}

std::vector<command> policy_commands() {
  return {
    {.name = "clear_operator_policy",
     .group = policies,
     .usage = "[--vhost <vhost>] <name>",
     .description = "Clears an operator policy",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner = [](const invocation& i) { return on_vhost("Clearing operator policy", i); }},
    {.name = "clear_policy",
     .group = policies,
     .usage = "[--vhost <vhost>] <name>",
     .description = "Clears (removes) a policy",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner = [](const invocation& i) { return on_vhost("Clearing policy", i); }},
    {.name = "list_operator_policies",
     .group = policies,
     .usage = "[--vhost <vhost>] [--no-table-headers] [--timeout <timeout>]",
     .description = "Lists operator policy overrides for a virtual host",
     .banner = [](const invocation& i) { return for_vhost("Listing operator policy overrides", i); },
     .tools = tool::look},
    {.name = "list_policies",
     .group = policies,
     .usage = "[--vhost <vhost>] [--no-table-headers] [--timeout <timeout>]",
     .description = "Lists all policies in a virtual host",
     .banner = [](const invocation& i) { return for_vhost("Listing policies", i); },
     .tools = tool::look},
    {.name = "set_operator_policy",
     .group = policies,
     .usage = "[--vhost <vhost>] [--priority <priority>] [--apply-to <apply-to>] <name> <pattern> <definition>",
     .description = "Sets an operator policy that overrides a subset of arguments in user policies",
     .least_arguments = 3,
     .most_arguments = 3,
     .banner = [](const invocation& i) { return set_policy_banner("operator policy override", i); },
     .options = policy_options(),
     .problem = priority_problem},
    {.name = "set_policy",
     .group = policies,
     .usage = "[--vhost <vhost>] [--priority <priority>] [--apply-to <apply-to>] <name> <pattern> <definition>",
     .description = "Sets or updates a policy",
     .least_arguments = 3,
     .most_arguments = 3,
     .banner = [](const invocation& i) { return set_policy_banner("policy", i); },
     .options = policy_options(),
     .problem = priority_problem},
  };
}

} // namespace broker::ctl

// rabbitmq-plugins (features.md O07).
#include "command.hpp"
#include "plugins.hpp"

namespace broker::ctl {

namespace {

const char* const management = "Plugin Management";

std::string names(const invocation& call, std::string_view separator) {
  std::string all;
  for (const auto& each : call.arguments)
    all += (all.empty() ? "" : std::string{separator}) + each;
  return all;
}

std::string change_banner(std::string_view what, const invocation& call) {
  return call.has("all") ? std::string{what} + " ALL plugins on node " + call.node
                         : std::string{what} + " plugins on node " + call.node + ":\n" + names(call, "\n");
}

std::string is_enabled_banner(const invocation& call) {
  return "Asking node " + call.node + " if " + (call.arguments.size() == 1 ? "plugin " : "plugins ") + names(call, ", ")
       + (call.arguments.size() == 1 ? " is" : " are") + " enabled...";
}

complaint names_problem(const invocation& call) {
  return call.arguments.empty() && !call.has("all") ? complaint{64, "not enough arguments."} : complaint{};
}

std::vector<option> change_options() {
  return {{"--all", ""}, {"--offline", ""}, {"--online", ""}};
}

} // namespace

std::vector<command> plugin_commands() {
  return {
    {.name = "disable",
     .group = management,
     .usage = "<plugin1> [ <plugin2>] | --all [--offline] [--online]",
     .description = "Disables one or more plugins",
     .most_arguments = any_number,
     .banner = [](const invocation& i) { return change_banner("Disabling", i); },
     .options = change_options(),
     .tools = tool::plugins,
     .needs = app_need::any,
     .problem = names_problem,
     .perform = disable_plugins},
    {.name = "enable",
     .group = management,
     .usage = "<plugin1> [ <plugin2>] | --all [--offline] [--online]",
     .description = "Enables one or more plugins",
     .most_arguments = any_number,
     .banner = [](const invocation& i) { return change_banner("Enabling", i); },
     .options = change_options(),
     .tools = tool::plugins,
     .needs = app_need::any,
     .problem = names_problem,
     .perform = enable_plugins},
    {.name = "is_enabled",
     .group = heading::monitoring,
     .usage = "<plugin1> [ <plugin2>] [--offline] [--online]",
     .description = "Health check that exits with a non-zero code if provided plugins are not enabled on target node",
     .least_arguments = 1,
     .most_arguments = any_number,
     .banner = is_enabled_banner,
     .options = {{"--offline", ""}, {"--online", ""}},
     .tools = tool::plugins,
     .needs = app_need::any,
     .perform = check_plugins},
    {.name = "list",
     .group = management,
     .usage = "[pattern] [--verbose] [--minimal] [--enabled] [--implicitly-enabled]",
     .description = "Lists plugins and their state",
     .most_arguments = 1,
     .banner =
       [](const invocation& i) {
         return "Listing plugins with pattern " + in_quotes(i.arguments.empty() ? ".*" : i.arguments[0]) + " ...";
       },
     .options = {{"--verbose", "-v"}, {"--minimal", "-m"}, {"--enabled", "-E"}, {"--implicitly-enabled", "-e"}},
     .tools = tool::plugins,
     .needs = app_need::any,
     .perform = list_plugins},
    {.name = "set",
     .group = management,
     .usage = "<plugin1> [ <plugin2>] [--offline] [--online]",
     .description = "Enables one or more plugins, disables the rest",
     .most_arguments = any_number,
     .banner = [](const invocation& i) { return change_banner("Enabling", i); },
     .options = {{"--offline", ""}, {"--online", ""}},
     .tools = tool::plugins,
     .needs = app_need::any,
     .perform = set_plugins},
  };
}

} // namespace broker::ctl

#include "command.hpp"

#include <algorithm>
#include <numeric>

#include "run.hpp"

namespace broker::ctl {

namespace {

/// The headings in RabbitMQ's order.
constexpr std::string_view groups[] = {
  "Help",
  "Nodes",
  "Cluster",
  "Replication",
  "Users",
  "Access Control",
  "Monitoring, observability and health checks",
  "Parameters",
  "Policies",
  "Virtual hosts",
  "Configuration and Environment",
  "Definitions",
  "Feature flags",
  "Operations",
  "Queues",
  "Plugin Management",
  "Upgrade",
};

size_t place_of(std::string_view group) {
  return static_cast<size_t>(std::find(std::begin(groups), std::end(groups), group) - std::begin(groups));
}

uint8_t tools_of(std::string_view program) {
  if (program == "rabbitmqctl")
    return tool::ctl;
  if (program == "rabbitmq-diagnostics")
    return tool::diagnostics;
  if (program == "rabbitmq-plugins")
    return tool::plugins;
  if (program == "rabbitmq-queues")
    return tool::queues;
  if (program == "rabbitmq-upgrade")
    return tool::upgrade;
  return tool::all;
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

} // namespace

std::string in_quotes(std::string_view text) {
  return "\"" + std::string{text} + "\"";
}

const std::vector<command>& commands() {
  static const std::vector<command> all = [] {
    std::vector<command> joined;
    for (auto part : {help_commands(), node_commands(), cluster_commands(), member_commands(), maintenance_commands(),
                      user_commands(), access_commands(), look_commands(), health_commands(), parameter_commands(),
                      policy_commands(), vhost_commands(), configuration_commands(), definition_commands(),
                      operation_commands(), queue_commands(), plugin_commands()})
      joined.insert(joined.end(), part.begin(), part.end());
    std::stable_sort(joined.begin(), joined.end(), [](const command& a, const command& b) {
      return std::pair{place_of(a.group), a.name} < std::pair{place_of(b.group), b.name};
    });
    return joined;
  }();
  return all;
}

const command* find_command(std::string_view program, std::string_view name) {
  const auto& all = commands();
  const auto found = std::find_if(all.begin(), all.end(), [&](const command& each) {
    return each.name == name && (each.tools & tools_of(program)) != 0;
  });
  return found == all.end() ? nullptr : &*found;
}

std::string usage_line(const invocation& call, const command& what) {
  return call.program + " [--node <node>] [--longnames] [--quiet] " + std::string{what.name}
       + (what.usage.empty() ? "" : " " + std::string{what.usage});
}

std::string overview(std::string_view program) {
  size_t width = 0;
  for (const auto& each : commands())
    if ((each.tools & tools_of(program)) != 0)
      width = std::max(width, each.name.size());
  std::string page = "\nUsage\n\n" + std::string{program}
                   + " [--node <node>] [--timeout <timeout>] [--longnames] [--quiet] <command> [<command options>]\n"
                     "\nAvailable commands:\n";
  std::string_view group;
  for (const auto& each : commands()) {
    if ((each.tools & tools_of(program)) == 0)
      continue;
    if (each.group != group)
      page += "\n" + std::string{each.group} + ":\n\n";
    group = each.group;
    std::string name{each.name};
    name.resize(width + 2, ' ');
    page += "   " + name + std::string{each.description} + "\n";
  }
  return page + "\nUse '" + std::string{program} + " help <command>' to learn more about a specific command\n";
}

std::string unknown_command(const invocation& call) {
  std::string text = "\nCommand '" + call.command + "' not found. \n";
  size_t best = 4; // more changes than three is another word
  std::string_view nearest;
  constexpr size_t longest = 64;
  if (call.command.size() <= longest)
    for (const auto& each : commands())
      if (const size_t distance = edit_distance(call.command, each.name);
          distance < best && (each.tools & tools_of(call.program)) != 0) {
        best = distance;
        nearest = each.name;
      }
  if (!nearest.empty())
    text += "Did you mean '" + std::string{nearest} + "'?\n";
  return text + overview(call.program);
}

complaint argument_problem(const invocation& call, const command& what) {
  if (call.arguments.size() < what.least_arguments)
    return {exit_code::usage, "not enough arguments."};
  if (call.arguments.size() > what.most_arguments)
    return {exit_code::usage, "too many arguments."};
  std::string unknown;
  for (const auto& column : call.arguments)
    if (!what.columns.empty() && std::find(what.columns.begin(), what.columns.end(), column) == what.columns.end())
      unknown += (unknown.empty() ? "" : ",") + column;
  if (!unknown.empty())
    return {exit_code::usage, "Info key(s) " + unknown + " are not supported"};
  return what.problem == nullptr ? complaint{} : what.problem(call);
}

double timeout_of(const invocation& call, double preset) {
  return call.timeout_s.value_or(preset);
}

} // namespace broker::ctl

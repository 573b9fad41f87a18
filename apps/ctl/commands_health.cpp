// rabbitmq-diagnostics: the checks of one node (features.md O08).
#include "command.hpp"
#include "health.hpp"
#include "perform.hpp"

#include <charconv>

namespace broker::ctl {

namespace {

std::string asking(const invocation& call, std::string_view what) {
  return "Asking node " + call.node + " " + std::string{what};
}

bool is_positive(const std::string& text) {
  uint32_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc{} && end == text.data() + text.size() && number > 0;
}

complaint port_problem(const invocation& call) {
  return is_positive(call.arguments[0]) ? complaint{}
                                        : complaint{65, "Bad argument: Argument must be a positive integer"};
}

complaint lines_problem(const invocation& call) {
  return is_positive(call.option_or("number", "50")) ? complaint{}
                                                     : complaint{65, "Bad argument: --number must be positive"};
}

complaint unit_problem(const invocation& call) {
  const std::string unit = call.option_or("unit", "gb");
  for (const char* known : {"bytes", "KB", "MB", "GB", "TB", "kb", "mb", "gb", "tb"})
    if (unit == known)
      return {};
  return {65, "Bad argument: unit '" + unit + "' is not supported. Please use one of: bytes, KB, MB, GB, TB"};
}

std::vector<command> alarm_commands() {
  return {
    {.name = "alarms",
     .group = heading::monitoring,
     .usage = "[--timeout <timeout>]",
     .description = "Lists resource alarms (local or cluster-wide) in effect on the target node",
     .banner = [](const invocation& i) { return asking(i, "to report any known resource alarms ..."); },
     .tools = tool::diagnostics,
     .perform = show_alarms},
    {.name = "check_alarms",
     .group = heading::monitoring,
     .usage = "[--timeout <timeout>]",
     .description = "Health check that exits with a non-zero code if the target node reports any alarms, local or "
                    "cluster-wide.",
     .banner = [](const invocation& i) { return asking(i, "to report any local resource alarms ..."); },
     .tools = tool::diagnostics,
     .perform = check_alarms},
    {.name = "check_local_alarms",
     .group = heading::monitoring,
     .usage = "[--timeout <timeout>]",
     .description = "Health check that exits with a non-zero code if the target node reports any local alarms",
     .banner = [](const invocation& i) { return asking(i, "to report any local resource alarms ..."); },
     .tools = tool::diagnostics,
     .perform = check_local_alarms},
  };
}

std::vector<command> listener_commands() {
  return {
    {.name = "check_port_connectivity",
     .group = heading::monitoring,
     .usage = "[--timeout <timeout>]",
     .description = "Basic TCP connectivity health check for each listener's port on the target node",
     .banner =
       [](const invocation& i) { return "Testing TCP connections to all active listeners on node " + i.node + " ..."; },
     .tools = tool::diagnostics,
     .perform = check_port_connectivity},
    {.name = "check_port_listener",
     .group = heading::monitoring,
     .usage = "<port> [--timeout <timeout>]",
     .description = "Health check that exits with a non-zero code if target node does not have an active listener for "
                    "given port",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner =
       [](const invocation& i) {
         return asking(i, "if there's an active listener on port " + i.arguments[0] + " ...");
       },
     .tools = tool::diagnostics,
     .problem = port_problem,
     .perform = check_port_listener},
    {.name = "check_protocol_listener",
     .group = heading::monitoring,
     .usage = "<protocol> [--timeout <timeout>]",
     .description = "Health check that exits with a non-zero code if target node does not have an active listener for "
                    "given protocol",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner =
       [](const invocation& i) {
         return asking(i, "if there's an active listener for protocol " + i.arguments[0] + " ...");
       },
     .tools = tool::diagnostics,
     .perform = check_protocol_listener},
    {.name = "listeners",
     .group = heading::monitoring,
     .usage = "[--timeout <timeout>]",
     .description = "Lists active connection listeners (bound interface, port, protocol) on the target node",
     .banner = [](const invocation& i) { return asking(i, "to report its protocol listeners ..."); },
     .tools = tool::diagnostics,
     .perform = show_listeners},
  };
}

std::vector<command> running_commands() {
  return {
    {.name = "check_running",
     .group = heading::monitoring,
     .usage = "[--timeout <timeout>]",
     .description = "Health check that exits with a non-zero code if the RabbitMQ app on the target node is not "
                    "running",
     .banner = [](const invocation& i) { return "Checking if RabbitMQ is running on node " + i.node + " ..."; },
     .tools = tool::diagnostics,
     .needs = app_need::any,
     .perform = check_running},
    {.name = "check_virtual_hosts",
     .group = heading::monitoring,
     .usage = "[--timeout <timeout>]",
     .description = "Health check that checks if all vhosts are running in the target node",
     .banner = [](const invocation& i) { return "Checking if all vhosts are running on node " + i.node + " ..."; },
     .tools = tool::diagnostics,
     .perform = check_virtual_hosts},
    {.name = "is_booting",
     .group = heading::monitoring,
     .usage = "[--timeout <timeout>]",
     .description = "Checks if RabbitMQ is still booting on the target node",
     .banner = [](const invocation& i) { return asking(i, "for its boot status ..."); },
     .tools = tool::diagnostics,
     .needs = app_need::any,
     .perform = is_booting},
    {.name = "is_running",
     .group = heading::monitoring,
     .usage = "[--timeout <timeout>]",
     .description = "Checks if RabbitMQ is fully booted and running on the target node",
     .banner = [](const invocation& i) { return asking(i, "for its status ..."); },
     .tools = tool::diagnostics,
     .needs = app_need::any,
     .perform = is_running},
    {.name = "server_version",
     .group = heading::monitoring,
     .usage = "[--timeout <timeout>]",
     .description = "Displays server version on the target node",
     .banner = [](const invocation& i) { return asking(i, "for its RabbitMQ version..."); },
     .tools = tool::diagnostics,
     .needs = app_need::any,
     .page = value_page},
  };
}

/// Also of rabbitmq-queues.
std::vector<command> critical_commands() {
  return {
    {.name = "check_if_node_is_mirror_sync_critical",
     .group = heading::monitoring,
     .usage = "[--timeout <timeout>]",
     .description = "Health check that exits with a non-zero code if there are classic mirrored queues without online "
                    "synchronised mirrors (queues that would potentially lose data if the target node is shut down)",
     .banner =
       [](const invocation& i) {
         return "Checking if node " + i.node + " is critical for data safety of any classic mirrored queues ...";
       },
     .tools = tool::diagnostics | tool::queues,
     .perform = check_mirror_sync_critical},
    {.name = "check_if_node_is_quorum_critical",
     .group = heading::monitoring,
     .usage = "[--timeout <timeout>]",
     .description =
       "Health check that exits with a non-zero code if there are queues with minimum online quorum (queues "
       "that would lose their quorum if the target node is shut down)",
     .banner =
       [](const invocation& i) {
         return "Checking if node " + i.node + " is critical for quorum of any quorum queues ...";
       },
     .tools = tool::diagnostics | tool::queues,
     .perform = check_quorum_critical},
  };
}

std::vector<command> fact_commands() {
  return {
    {.name = "erlang_cookie_hash",
     .group = heading::configuration,
     .usage = "[--timeout <timeout>]",
     .description = "Displays a hash of the Erlang cookie (shared secret) used by the target node",
     .banner = [](const invocation& i) { return asking(i, "its Erlang cookie hash..."); },
     .tools = tool::diagnostics,
     .needs = app_need::any,
     .page = value_page},
    {.name = "log_location",
     .group = heading::configuration,
     .usage = "[--all|-a] [--timeout <timeout>]",
     .description = "Shows log file location(s) on target node",
     .banner = [](const invocation& i) { return "Log file location(s) on node " + i.node + " ..."; },
     .options = {{"--all", "-a"}},
     .tools = tool::diagnostics,
     .needs = app_need::any,
     .page = lines_page},
    {.name = "log_tail",
     .group = heading::monitoring,
     .usage = "[--number|-N <number>] [--timeout <timeout>]",
     .description = "Prints the last N lines of the log on the node",
     .banner =
       [](const invocation& i) {
         return "Last " + i.option_or("number", "50") + " log lines on node " + i.node + " ...";
       },
     .options = {{"--number", "-N", true}},
     .tools = tool::diagnostics,
     .needs = app_need::any,
     .problem = lines_problem,
     .page = lines_page},
    {.name = "memory_breakdown",
     .group = heading::monitoring,
     .usage = "[--unit <unit>] [--timeout <timeout>]",
     .description = "Provides a memory usage breakdown on the target node.",
     .banner = [](const invocation& i) { return "Reporting memory breakdown on node " + i.node + "..."; },
     .options = {{"--unit", "", true}},
     .tools = tool::diagnostics,
     .problem = unit_problem,
     .page = memory_page,
     .record = true},
  };
}

} // namespace

std::vector<command> health_commands() {
  std::vector<command> all;
  for (auto part : {alarm_commands(), listener_commands(), running_commands(), critical_commands(), fact_commands()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

} // namespace broker::ctl

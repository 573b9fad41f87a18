// Headings Help, Nodes and Cluster (features.md O01).
#include "command.hpp"
#include "formatter.hpp"
#include "perform.hpp"

namespace broker::ctl {

namespace {

std::string ping_banner(const invocation& call) {
  return "Will ping " + call.node
       + ". This only checks if the OS process is running and registered with epmd. Timeout: "
       + std::to_string(static_cast<long>(timeout_of(call, 60) * 1000)) + " ms.";
}

} // namespace

std::vector<command> help_commands() {
  return {
    {.name = "help",
     .group = "Help",
     .usage = "[<command>]",
     .description = "Displays usage information for a command",
     .most_arguments = 1,
     .tools = tool::ctl | tool::diagnostics | tool::plugins},
    {.name = "version",
     .group = "Help",
     .description = "Displays CLI tools version",
     .tools = tool::ctl | tool::diagnostics | tool::plugins,
     .perform = show_version},
  };
}

std::vector<command> node_commands() {
  return {
    {.name = "await_startup",
     .group = "Nodes",
     .usage = "[--timeout <timeout>]",
     .description = "Waits for the RabbitMQ application to start on the target node",
     .perform = await_startup},
    {.name = "rotate_logs",
     .group = "Nodes",
     .description = "Opens the log file again by its name, for external log rotation",
     .banner = [](const invocation& i) { return "Rotating logs for node " + i.node + " ..."; }},
    {.name = "stop",
     .group = "Nodes",
     .usage = "[<pidfile>]",
     .description = "Stops RabbitMQ and its runtime (Erlang VM). Requires a local node pid file path to monitor "
                    "progress.",
     .most_arguments = 1,
     .banner = [](const invocation& i) { return "Stopping and halting node " + i.node + " ..."; },
     .perform = stop_node},
    {.name = "shutdown",
     .group = "Nodes",
     .usage = "[--no-wait]",
     .description = "Stops RabbitMQ and its runtime (Erlang VM). Monitors progress for local nodes. Does not require "
                    "a PID file path.",
     .banner = [](const invocation& i) { return "Shutting down RabbitMQ node " + i.node; },
     .options = {{"--no-wait", ""}, {"--wait", ""}},
     .perform = stop_node},
    {.name = "cluster_status",
     .group = "Cluster",
     .usage = "[--timeout <timeout>]",
     .description = "Displays all the nodes in the cluster grouped by node type, together with the currently running "
                    "nodes",
     .banner = [](const invocation& i) { return "Cluster status of node " + i.node + " ..."; },
     .tools = tool::look,
     .page = [](const invocation&, const control::response& a) { return cluster_status_page(a); },
     .record = true},
    {.name = "ping",
     .group = "Monitoring, observability and health checks",
     .usage = "[--timeout <timeout>]",
     .description = "Checks that the node OS process is up, registered with EPMD and CLI tools can authenticate with "
                    "it",
     .banner = ping_banner,
     .tools = tool::look,
     .page = [](const invocation&, const control::response&) { return std::string{"Ping succeeded\n"}; }},
    {.name = "status",
     .group = "Monitoring, observability and health checks",
     .usage = "[--unit <unit>] [--timeout <timeout>]",
     .description = "Displays status of a node",
     .banner = [](const invocation& i) { return "Status of node " + i.node + " ..."; },
     .options = {{"--unit", "", true}},
     .tools = tool::look,
     .page = [](const invocation&, const control::response& a) { return status_page(a); },
     .record = true},
  };
}

} // namespace broker::ctl

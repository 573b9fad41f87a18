// Headings Help and Nodes (features.md O01).
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
     .tools = tool::all,
     .needs = app_need::any},
    {.name = "version",
     .group = "Help",
     .description = "Displays CLI tools version",
     .tools = tool::all,
     .needs = app_need::any,
     .perform = show_version},
  };
}

std::vector<command> node_commands() {
  return {
    {.name = "await_startup",
     .group = "Nodes",
     .usage = "[--timeout <timeout>]",
     .description = "Waits for the RabbitMQ application to start on the target node",
     .needs = app_need::any,
     .perform = await_startup},
    {.name = "force_reset",
     .group = "Nodes",
     .description = "Forcefully returns a RabbitMQ node to its virgin state",
     .banner = [](const invocation& i) { return "Forcefully resetting node " + i.node + " ..."; },
     .needs = app_need::stopped},
    {.name = "reset",
     .group = "Nodes",
     .description = "Instructs a RabbitMQ node to leave the cluster and return to its virgin state",
     .banner = [](const invocation& i) { return "Resetting node " + i.node + " ..."; },
     .needs = app_need::stopped},
    {.name = "rotate_logs",
     .group = "Nodes",
     .description = "Opens the log file again by its name, for external log rotation",
     .banner = [](const invocation& i) { return "Rotating logs for node " + i.node + " ..."; },
     .needs = app_need::any},
    {.name = "start_app",
     .group = "Nodes",
     .description = "Starts the RabbitMQ application but leaves the runtime (Erlang VM) running",
     .banner = [](const invocation& i) { return "Starting node " + i.node + " ..."; },
     .needs = app_need::any,
     .perform = order_app},
    {.name = "stop_app",
     .group = "Nodes",
     .description = "Stops the RabbitMQ application, leaving the runtime (Erlang VM) running",
     .banner = [](const invocation& i) { return "Stopping rabbit application on node " + i.node + " ..."; },
     .needs = app_need::any,
     .perform = order_app},
    {.name = "stop",
     .group = "Nodes",
     .usage = "[<pidfile>]",
     .description = "Stops RabbitMQ and its runtime (Erlang VM). Requires a local node pid file path to monitor "
                    "progress.",
     .most_arguments = 1,
     .banner = [](const invocation& i) { return "Stopping and halting node " + i.node + " ..."; },
     .needs = app_need::any,
     .perform = stop_node},
    {.name = "shutdown",
     .group = "Nodes",
     .usage = "[--no-wait]",
     .description = "Stops RabbitMQ and its runtime (Erlang VM). Monitors progress for local nodes. Does not require "
                    "a PID file path.",
     .banner = [](const invocation& i) { return "Shutting down RabbitMQ node " + i.node; },
     .options = {{"--no-wait", ""}, {"--wait", ""}},
     .needs = app_need::any,
     .perform = stop_node},
    {.name = "ping",
     .group = "Monitoring, observability and health checks",
     .usage = "[--timeout <timeout>]",
     .description = "Checks that the node OS process is up, registered with EPMD and CLI tools can authenticate with "
                    "it",
     .banner = ping_banner,
     .tools = tool::look,
     .needs = app_need::any,
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

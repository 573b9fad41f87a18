// The lists of the heading "Monitoring, observability and health checks" (features.md O05).
#include "columns.hpp"
#include "command.hpp"
#include "formatter.hpp"
#include "perform.hpp"

#include <array>
#include <cstdio>

namespace broker::ctl {

namespace {

std::string seconds_text(double seconds) {
  std::array<char, 32> text{};
  const int size = std::snprintf(text.data(), text.size(), "%.1f", seconds);
  return std::string{text.data(), static_cast<size_t>(size)};
}

std::string queues_banner(const invocation& call) {
  const double timeout_s = timeout_of(call, 60);
  return "Timeout: " + (timeout_s < 0 ? std::string{"infinity"} : seconds_text(timeout_s) + " seconds")
       + " ...\nListing queues for vhost " + call.vhost_or_default() + " ...";
}

std::string vhost_banner(std::string_view what, const invocation& call) {
  return "Listing " + std::string{what} + " for vhost " + call.vhost_or_default() + " ...";
}

constexpr std::string_view unresponsive_columns[] = {"name",      "durable", "auto_delete",
                                                     "arguments", "pid",     "recoverable_slaves"};

complaint report_problem(const invocation& call) {
  return call.format == layout::standard ? complaint{} : complaint{64, "\"Only report formatter is supported\""};
}

std::vector<std::string> all_of(std::span<const std::string_view> columns) {
  return {columns.begin(), columns.end()};
}

} // namespace

std::vector<command> look_commands() {
  return {
    {.name = "list_bindings",
     .group = heading::monitoring,
     .usage = "[--vhost <vhost>] [--no-table-headers] [<column> ...] [--timeout <timeout>]",
     .description = "Lists all bindings on a vhost",
     .most_arguments = any_number,
     .banner = [](const invocation& i) { return "Listing bindings for vhost " + i.vhost_or_default() + "..."; },
     .columns = binding_columns(),
     .default_columns = all_of(binding_columns()),
     .tools = tool::look},
    {.name = "list_channels",
     .group = heading::monitoring,
     .usage = "[--no-table-headers] [<column> ...]",
     .description = "Lists all channels in the node",
     .most_arguments = any_number,
     .banner = [](const invocation&) { return std::string{"Listing channels ..."}; },
     .columns = channel_columns(),
     .default_columns = {"pid", "user", "consumer_count", "messages_unacknowledged"},
     .tools = tool::look},
    {.name = "list_connections",
     .group = heading::monitoring,
     .usage = "[--no-table-headers] [<column> ...] [--timeout <timeout>]",
     .description = "Lists AMQP 0.9.1 connections for the node",
     .most_arguments = any_number,
     .banner = [](const invocation&) { return std::string{"Listing connections ..."}; },
     .columns = connection_columns(),
     .default_columns = {"user", "peer_host", "peer_port", "state"},
     .tools = tool::look},
    {.name = "list_consumers",
     .group = heading::monitoring,
     .usage = "[--vhost <vhost>] [--no-table-headers] [<column> ...] [--timeout <timeout>]",
     .description = "Lists all consumers for a vhost",
     .most_arguments = any_number,
     .banner = [](const invocation& i) { return "Listing consumers in vhost " + i.vhost_or_default() + " ..."; },
     .columns = consumer_columns(),
     .default_columns = {"queue_name", "channel_pid", "consumer_tag", "ack_required", "prefetch_count", "active",
                         "arguments"},
     .tools = tool::look},
    {.name = "list_exchanges",
     .group = heading::monitoring,
     .usage = "[--vhost <vhost>] [--no-table-headers] [<column> ...] [--timeout <timeout>]",
     .description = "Lists exchanges",
     .most_arguments = any_number,
     .banner = [](const invocation& i) { return vhost_banner("exchanges", i); },
     .columns = exchange_columns(),
     .default_columns = {"name", "type"},
     .tools = tool::look},
    {.name = "list_queues",
     .group = heading::monitoring,
     .usage = "[--vhost <vhost>] [--online] [--offline] [--local] [--no-table-headers] [<column>, ...] [--timeout "
              "<timeout>]",
     .description = "Lists queues and their properties",
     .most_arguments = any_number,
     .banner = queues_banner,
     .columns = queue_columns(),
     .default_columns = {"name", "messages"},
     .options = {{"--online", ""}, {"--offline", ""}, {"--local", ""}},
     .tools = tool::look},
    {.name = "list_unresponsive_queues",
     .group = heading::monitoring,
     .usage = "[--local] [--queue-timeout <milliseconds>] [<column> ...] [--no-table-headers] [--timeout <timeout>]",
     .description = "Tests queues to respond within timeout. Lists those which did not respond",
     .most_arguments = any_number,
     .banner = [](const invocation& i) { return vhost_banner("unresponsive queues", i); },
     .columns = unresponsive_columns,
     .default_columns = {"name"},
     .options = {{"--local", ""}, {"--all", ""}, {"--queue-timeout", "", true}},
     .tools = tool::look},
    {.name = "report",
     .group = heading::monitoring,
     .description = "Generate a server status report containing a concatenation of all server status information for "
                    "support purposes",
     .banner = [](const invocation& i) { return "Reporting server status of node " + i.node + " ...\n"; },
     .tools = tool::look,
     .problem = report_problem,
     .perform = print_report},
  };
}

} // namespace broker::ctl

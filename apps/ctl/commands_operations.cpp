// Headings Configuration and Environment, Definitions, Feature flags, Operations and Queues (features.md O05, O10,
// O11).
#include "columns.hpp"
#include "command.hpp"
#include "perform.hpp"

#include <charconv>
#include <filesystem>

namespace broker::ctl {

namespace {

const char* const operations = "Operations";

complaint bad(std::string_view why) {
  return {65, "Bad argument" + std::string{why}};
}

std::optional<double> real_of(const std::string& text) {
  double number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size())
    return {};
  return number;
}

/// "1GB", "1000000000": what follows the digits, or nothing when there are no digits.
std::optional<std::string> unit_of(const std::string& text) {
  const size_t digits = text.find_first_not_of("0123456789");
  if (digits == 0 || text.empty())
    return {};
  return digits == std::string::npos ? std::string{} : text.substr(digits);
}

bool is_unit(const std::string& unit) {
  for (const char* known : {"",   "kB", "KB",  "kiB", "KiB", "k",  "K",  "MB",  "MiB", "M", "m",
                            "mB", "GB", "GiB", "G",   "g",   "gB", "TB", "TiB", "T",   "t"})
    if (unit == known)
      return true;
  return false;
}

complaint size_problem(const std::string& text) {
  const auto unit = unit_of(text);
  if (!unit)
    return bad(".");
  return is_unit(*unit) ? complaint{} : bad(": Invalid units.");
}

complaint watermark_problem(const invocation& call) {
  if (call.arguments[0] == "absolute")
    return call.arguments.size() < 2 ? complaint{64, "not enough arguments."} : size_problem(call.arguments[1]);
  if (call.arguments.size() > 1)
    return {64, "too many arguments."};
  const auto share = real_of(call.arguments[0]);
  if (!share)
    return bad(".");
  return *share >= 0 && *share <= 1 ? complaint{} : bad(": The threshold should be a fraction between 0.0 and 1.0");
}

complaint disk_limit_problem(const invocation& call) {
  if (call.arguments[0] == "mem_relative") {
    if (call.arguments.size() < 2)
      return {64, "not enough arguments."};
    const auto times = real_of(call.arguments[1]);
    return times && *times >= 0 ? complaint{} : bad(".");
  }
  if (call.arguments.size() > 1)
    return {64, "too many arguments."};
  const auto unit = unit_of(call.arguments[0]);
  return unit && is_unit(*unit) ? complaint{} : bad(".");
}

std::string watermark_banner(const invocation& call) {
  return "Setting memory threshold on " + call.node + " to "
       + (call.arguments[0] == "absolute" ? call.arguments[1] + " bytes" : call.arguments[0]) + " ...";
}

std::string disk_limit_banner(const invocation& call) {
  return "Setting disk free limit on " + call.node + " to "
       + (call.arguments[0] == "mem_relative" ? call.arguments[1] + " times the total RAM"
                                              : call.arguments[0] + " bytes")
       + " ...";
}

/// RabbitMQ's tool says nothing before it refuses.
std::string log_level_banner(const invocation& call) {
  for (const char* known : {"debug", "info", "notice", "warning", "error", "critical", "none"})
    if (call.arguments[0] == known)
      return "Setting log level to " + in_quotes(call.arguments[0]) + " ...";
  return {};
}

std::string delete_queue_banner(const invocation& call) {
  std::string conditions;
  if (call.has("if-empty"))
    conditions = "if queue is empty ";
  if (call.has("if-unused"))
    conditions += (conditions.empty() ? "" : "and ") + std::string{"if queue is unused "};
  return "Deleting queue '" + call.arguments[0] + "' on vhost '" + call.vhost_or_default() + "' " + conditions + "...";
}

std::string close_all_banner(const invocation& call) {
  const std::string& why = call.arguments[0];
  return call.has("global")
         ? "Closing all connections to node " + call.node + " (across all vhosts), reason: " + why + "..."
         : "Closing all connections in vhost " + call.vhost_or_default() + ", reason: " + why + "...";
}

std::string definitions_banner(std::string_view what, const invocation& call) {
  return std::string{what} + " definitions in JSON " + (what == "Exporting" ? "to " : "from ")
       + (call.arguments.empty() || call.arguments[0] == "-"
            ? (what == "Exporting" ? "standard output" : "standard input")
            : "a file at \"" + call.arguments[0] + "\"")
       + " ...";
}

complaint format_problem(const invocation& call) {
  if (const auto format = call.option_or("format", "json"); format != "json")
    return {64, "Invalid formatter: only json is supported, not " + format};
  return {};
}

complaint export_problem(const invocation& call) {
  const std::filesystem::path file = call.arguments[0];
  std::error_code ignored; // what cannot be looked at is not there
  if (file != "-" && file.has_parent_path() && !std::filesystem::is_directory(file.parent_path(), ignored))
    return bad(": Directory " + file.parent_path().string() + " does not exist");
  return format_problem(call);
}

complaint import_problem(const invocation& call) {
  std::error_code ignored;
  if (!call.arguments.empty() && call.arguments[0] != "-" && !std::filesystem::exists(call.arguments[0], ignored))
    return bad(": File " + call.arguments[0] + " does not exist");
  return format_problem(call);
}

} // namespace

std::vector<command> configuration_commands() {
  return {
    {.name = "environment",
     .group = heading::configuration,
     .description = "Displays the name and value of each variable in the application environment for each running "
                    "application",
     .banner = [](const invocation& i) { return "Application environment of node " + i.node + " ..."; },
     .tools = tool::look,
     .needs = app_need::any,
     .page = environment_page,
     .record = true},
    {.name = "set_disk_free_limit",
     .group = heading::configuration,
     .usage = "<disk_limit> | mem_relative <fraction>",
     .description = "Sets the disk_free_limit setting",
     .least_arguments = 1,
     .most_arguments = 2,
     .banner = disk_limit_banner,
     .problem = disk_limit_problem},
    {.name = "set_log_level",
     .group = heading::configuration,
     .usage = "<log_level>",
     .description = "Sets log level in the running node",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner = log_level_banner},
    {.name = "set_vm_memory_high_watermark",
     .group = heading::configuration,
     .usage = "<fraction> | absolute <value>",
     .description = "Sets the vm_memory_high_watermark setting",
     .least_arguments = 1,
     .most_arguments = 2,
     .banner = watermark_banner,
     .problem = watermark_problem},
  };
}

std::vector<command> definition_commands() {
  return {
    {.name = "export_definitions",
     .group = "Definitions",
     .usage = "<file_path | \"-\"> [--format <json | erlang>] [--timeout <timeout>]",
     .description = "Exports definitions in JSON or compressed Erlang Term Format.",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner = [](const invocation& i) { return i.arguments[0] == "-" ? "" : definitions_banner("Exporting", i); },
     .options = {{"--format", "", true}},
     .problem = export_problem,
     .perform = export_definitions},
    {.name = "import_definitions",
     .group = "Definitions",
     .usage = "<file_path | \"-\"> [--format <json | erlang>] [--skip-if-unchanged] [--timeout <timeout>]",
     .description = "Imports definitions in JSON or compressed Erlang Term Format.",
     .most_arguments = 1,
     .banner = [](const invocation& i) { return definitions_banner("Importing", i); },
     .options = {{"--format", "", true}, {"--skip-if-unchanged", ""}},
     .problem = import_problem,
     .perform = import_definitions},
    {.name = "enable_feature_flag",
     .group = "Feature flags",
     .usage = "<all | feature_flag>",
     .description = "Enables a feature flag or all supported feature flags on the target node",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner =
       [](const invocation& i) {
         return i.arguments[0] == "all" ? std::string{"Enabling all feature flags ..."}
                                        : "Enabling feature flag " + in_quotes(i.arguments[0]) + " ...";
       },
     .options = {{"--experimental", ""}, {"--opt-in", ""}}},
    {.name = "list_feature_flags",
     .group = "Feature flags",
     .usage = "[<column> ...] [--timeout <timeout>]",
     .description = "Lists feature flags",
     .most_arguments = any_number,
     .banner = [](const invocation&) { return std::string{"Listing feature flags ..."}; },
     .columns = feature_flag_columns(),
     .default_columns = {"name", "state"},
     .tools = tool::look,
     .needs = app_need::any},
  };
}

std::vector<command> operation_commands() {
  return {
    {.name = "close_all_connections",
     .group = operations,
     .usage = "[--vhost <vhost> --limit <limit>] [-n <node> --global] [--per-connection-delay <delay>] <explanation>",
     .description = "Instructs the broker to close all connections for the specified vhost or entire RabbitMQ node",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner = close_all_banner,
     .options = {{"--global", ""}, {"--limit", "", true}, {"--per-connection-delay", "", true}},
     .page = value_page},
    {.name = "close_all_user_connections",
     .group = operations,
     .usage = "<username> <explanation>",
     .description = "Instructs the broker to close all connections of the specified user",
     .least_arguments = 2,
     .most_arguments = 2,
     .banner =
       [](const invocation& i) {
         return "Closing connections of user " + i.arguments[0] + ", reason: " + i.arguments[1] + "...";
       }},
    {.name = "close_connection",
     .group = operations,
     .usage = "<connection pid> <explanation>",
     .description = "Instructs the broker to close the connection associated with the Erlang process id",
     .least_arguments = 2,
     .most_arguments = 2,
     .banner =
       [](const invocation& i) {
         return "Closing connection " + i.arguments[0] + ", reason: " + i.arguments[1] + "...";
       }},
    {.name = "resume_listeners",
     .group = operations,
     .description = "Resumes client connection listeners making them accept client connections again",
     .banner =
       [](const invocation& i) {
         return "Will resume client connection listeners on node " + i.node
              + ". The node will now accept client connections";
       }},
    {.name = "suspend_listeners",
     .group = operations,
     .description = "Suspends client connection listeners so that no new client connections are accepted",
     .banner =
       [](const invocation& i) {
         return "Will suspend client connection listeners on node " + i.node
              + ". The node will no longer accept client connections!";
       }},
    {.name = "eval",
     .group = operations,
     .usage = "<expression>",
     .description = "Answers the few Erlang expressions that clients' tests use; others are refused",
     .least_arguments = 1,
     .most_arguments = 1,
     .page = value_page},
  };
}

std::vector<command> queue_commands() {
  return {
    {.name = "delete_queue",
     .group = "Queues",
     .usage = "<queue_name> [--if-empty|-e] [--if-unused|-u] [--timeout <timeout>]",
     .description = "Deletes a queue",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner = delete_queue_banner,
     .options = {{"--if-empty", "-e"}, {"--if-unused", "-u"}},
     .page = value_page},
    {.name = "purge_queue",
     .group = "Queues",
     .usage = "<queue> [--timeout <timeout>]",
     .description = "Purges a queue (removes all messages in it)",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner =
       [](const invocation& i) {
         return "Purging queue '" + i.arguments[0] + "' in vhost '" + i.vhost_or_default() + "' ...";
       }},
    {.name = "sync_queue",
     .group = "Replication",
     .usage = "[--vhost <vhost>] <queue>",
     .description = "Instructs a mirrored queue with unsynchronised mirrors (follower replicas) to synchronise them",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner =
       [](const invocation& i) {
         return "Synchronising queue '" + i.arguments[0] + "' in vhost '" + i.vhost_or_default() + "' ...";
       }},
    {.name = "cancel_sync_queue",
     .group = "Replication",
     .usage = "[--vhost <vhost>] <queue>",
     .description = "Instructs a synchronising mirrored queue to stop synchronising itself",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner =
       [](const invocation& i) {
         return "Stopping synchronising queue '" + i.arguments[0] + "' in vhost '" + i.vhost_or_default() + "' ...";
       },
     .page = value_page},
  };
}

} // namespace broker::ctl

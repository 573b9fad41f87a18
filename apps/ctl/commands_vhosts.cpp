// Heading Virtual hosts (features.md O03).
#include "command.hpp"
#include "perform.hpp"

namespace broker::ctl {

namespace {

const char* const virtual_hosts = "Virtual hosts";

std::string vhost_text(const invocation& call) {
  return in_quotes(call.vhost_or_default());
}

std::string list_limits_banner(const invocation& call) {
  return call.has("global") ? "Listing limits for all vhosts ..."
                            : "Listing limits for vhost " + vhost_text(call) + " ...";
}

std::string vhost_tags_banner(const invocation& call) {
  std::string tags;
  for (size_t i = 1; i < call.arguments.size(); ++i)
    tags += (tags.empty() ? "" : ", ") + call.arguments[i];
  return "Setting tags for virtual host " + in_quotes(call.arguments[0]) + " to [" + tags + "] ...";
}

std::string restarted_page(const invocation& call, const control::response&) {
  return "Vhost '" + call.vhost_or_default() + "' is already running on node '" + call.node + "'\n";
}

} // namespace

std::vector<command> vhost_commands() {
  return {
    {.name = "add_vhost",
     .group = virtual_hosts,
     .usage = "<vhost> [--description <description> --tags \"<tag1>,<tag2>,<...>\" --default-queue-type "
              "<quorum|classic|stream>]",
     .description = "Creates a virtual host",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner = [](const invocation& i) { return "Adding vhost " + in_quotes(i.arguments[0]) + " ..."; },
     .options = {{"--description", "", true}, {"--tags", "", true}, {"--default-queue-type", "", true}}},
    {.name = "clear_vhost_limits",
     .group = virtual_hosts,
     .usage = "[--vhost <vhost>]",
     .description = "Clears virtual host limits",
     .banner = [](const invocation& i) { return "Clearing vhost " + vhost_text(i) + " limits ..."; }},
    {.name = "delete_vhost",
     .group = virtual_hosts,
     .usage = "<vhost>",
     .description = "Deletes a virtual host",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner = [](const invocation& i) { return "Deleting vhost " + in_quotes(i.arguments[0]) + " ..."; }},
    {.name = "list_vhost_limits",
     .group = virtual_hosts,
     .usage = "[--vhost <vhost>] [--global] [--no-table-headers]",
     .description = "Displays configured virtual host limits",
     .banner = list_limits_banner,
     .options = {{"--global", ""}},
     .tools = tool::look,
     .page = limits_page},
    {.name = "restart_vhost",
     .group = virtual_hosts,
     .usage = "[--vhost <vhost>] [--timeout <timeout>]",
     .description = "Restarts a failed vhost data stores and queues",
     .banner =
       [](const invocation& i) {
         return "Trying to restart vhost '" + i.vhost_or_default() + "' on node '" + i.node + "' ...";
       },
     .page = restarted_page},
    {.name = "set_vhost_limits",
     .group = virtual_hosts,
     .usage = "[--vhost <vhost>] <definition>",
     .description = "Sets virtual host limits",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner =
       [](const invocation& i) {
         return "Setting vhost limits to " + in_quotes(i.arguments[0]) + " for vhost " + vhost_text(i) + " ...";
       }},
    {.name = "set_vhost_tags",
     .group = virtual_hosts,
     .usage = "<vhost> <tag> [...]",
     .description = "Sets virtual host tags",
     .least_arguments = 1,
     .most_arguments = 1 + any_number,
     .banner = vhost_tags_banner},
    {.name = "trace_off",
     .group = virtual_hosts,
     .usage = "[--vhost <vhost>]",
     .description = "Stops copying messages of a virtual host to amq.rabbitmq.trace",
     .banner = [](const invocation& i) { return "Stopping tracing for vhost " + vhost_text(i) + " ..."; },
     .page = [](const invocation& i,
                const control::response&) { return "Trace disabled for vhost " + i.vhost_or_default() + "\n"; }},
    {.name = "trace_on",
     .group = virtual_hosts,
     .usage = "[--vhost <vhost>]",
     .description = "Copies every message of a virtual host to amq.rabbitmq.trace",
     .banner = [](const invocation& i) { return "Starting tracing for vhost " + vhost_text(i) + " ..."; },
     .page = [](const invocation& i,
                const control::response&) { return "Trace enabled for vhost " + i.vhost_or_default() + "\n"; }},
  };
}

} // namespace broker::ctl

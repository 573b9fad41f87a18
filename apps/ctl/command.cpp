#include "command.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>

namespace broker::ctl {

namespace {

constexpr std::string_view queue_columns[] = {"name",
                                              "durable",
                                              "auto_delete",
                                              "arguments",
                                              "policy",
                                              "operator_policy",
                                              "effective_policy_definition",
                                              "pid",
                                              "owner_pid",
                                              "exclusive",
                                              "exclusive_consumer_pid",
                                              "exclusive_consumer_tag",
                                              "messages_ready",
                                              "messages_unacknowledged",
                                              "messages",
                                              "messages_ready_ram",
                                              "messages_unacknowledged_ram",
                                              "messages_ram",
                                              "messages_persistent",
                                              "message_bytes",
                                              "message_bytes_ready",
                                              "message_bytes_unacknowledged",
                                              "message_bytes_ram",
                                              "message_bytes_persistent",
                                              "head_message_timestamp",
                                              "disk_reads",
                                              "disk_writes",
                                              "consumers",
                                              "consumer_utilisation",
                                              "consumer_capacity",
                                              "memory",
                                              "slave_pids",
                                              "synchronised_slave_pids",
                                              "state",
                                              "type",
                                              "leader",
                                              "members",
                                              "online"};

constexpr std::string_view connection_columns[] = {"pid",
                                                   "name",
                                                   "port",
                                                   "host",
                                                   "peer_port",
                                                   "peer_host",
                                                   "ssl",
                                                   "ssl_protocol",
                                                   "ssl_key_exchange",
                                                   "ssl_cipher",
                                                   "ssl_hash",
                                                   "peer_cert_subject",
                                                   "peer_cert_issuer",
                                                   "peer_cert_validity",
                                                   "state",
                                                   "channels",
                                                   "protocol",
                                                   "auth_mechanism",
                                                   "user",
                                                   "vhost",
                                                   "timeout",
                                                   "frame_max",
                                                   "channel_max",
                                                   "client_properties",
                                                   "recv_oct",
                                                   "recv_cnt",
                                                   "send_oct",
                                                   "send_cnt",
                                                   "send_pend",
                                                   "connected_at"};

constexpr std::string_view channel_columns[] = {"pid",
                                                "connection",
                                                "name",
                                                "number",
                                                "user",
                                                "vhost",
                                                "transactional",
                                                "confirm",
                                                "consumer_count",
                                                "messages_unacknowledged",
                                                "messages_uncommitted",
                                                "acks_uncommitted",
                                                "messages_unconfirmed",
                                                "prefetch_count",
                                                "global_prefetch_count"};

constexpr std::string_view vhost_columns[] = {"name",    "description",  "tags", "default_queue_type",
                                              "tracing", "cluster_state"};

constexpr size_t any_number = 1000;

std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

std::string seconds_text(double seconds) {
  std::array<char, 32> text{};
  const int size = std::snprintf(text.data(), text.size(), "%.1f", seconds);
  return std::string{text.data(), static_cast<size_t>(size)};
}

std::string queues_banner(const invocation& call) {
  const double timeout_s = timeout_of(call, 60);
  return "Timeout: " + (timeout_s < 0 ? std::string{"infinity"} : seconds_text(timeout_s) + " seconds")
       + " ...\nListing queues for vhost " + call.vhost + " ...";
}

std::string ping_banner(const invocation& call) {
  return "Will ping " + call.node
       + ". This only checks if the OS process is running and registered with epmd. Timeout: "
       + std::to_string(static_cast<long>(timeout_of(call, 60) * 1000)) + " ms.";
}

std::string tags_banner(const invocation& call) {
  std::string tags;
  for (size_t i = 1; i < call.arguments.size(); ++i)
    tags += (tags.empty() ? "" : ", ") + call.arguments[i];
  return "Setting tags for user " + quoted(call.arguments[0]) + " to [" + tags + "] ...";
}

std::vector<command> node_commands() {
  return {
    {"await_startup", "Nodes", "[--timeout <timeout>]",
     "Waits for the RabbitMQ application to start on the target node"},
    {"ping", "Nodes", "[--timeout <timeout>]",
     "Checks that the node OS process is up, registered with EPMD and CLI tools can authenticate with it", 0, 0,
     ping_banner},
    {"status", "Nodes", "[--timeout <timeout>]", "Displays status of a node", 0, 0,
     [](const invocation& i) { return "Status of node " + i.node + " ..."; }},
    {"stop", "Nodes", "[<pidfile>]",
     "Stops RabbitMQ and its runtime (Erlang VM). Requires a local node pid file path to monitor progress.", 0, 1,
     [](const invocation& i) { return "Stopping and halting node " + i.node + " ..."; }},
    {"cluster_status", "Cluster", "[--timeout <timeout>]",
     "Displays all the nodes in the cluster grouped by node type, together with the currently running nodes", 0, 0,
     [](const invocation& i) { return "Cluster status of node " + i.node + " ..."; }},
  };
}

std::vector<command> user_commands() {
  return {
    {"add_user", "Users", "<username> <password>",
     "Creates a new user in the internal database. This user will have no permissions for any virtual hosts by "
     "default.",
     1, 2, [](const invocation& i) { return "Adding user " + quoted(i.arguments[0]) + " ..."; }},
    {"authenticate_user", "Users", "<username> <password>",
     "Attempts to authenticate a user. Exits with a non-zero code if authentication fails.", 1, 2,
     [](const invocation& i) { return "Authenticating user " + quoted(i.arguments[0]) + " ..."; }},
    {"change_password", "Users", "<username> <password>", "Changes the user password", 1, 2,
     [](const invocation& i) { return "Changing password for user " + quoted(i.arguments[0]) + " ..."; }},
    {"delete_user", "Users", "<username>",
     "Removes a user from the internal database. Has no effect on users provided by external backends such as LDAP", 1,
     1, [](const invocation& i) { return "Deleting user " + quoted(i.arguments[0]) + " ..."; }},
    {"list_users", "Users", "[--no-table-headers] [--timeout <timeout>]", "List user names and tags", 0, 0,
     [](const invocation&) { return std::string{"Listing users ..."}; }},
    {"set_user_tags", "Users", "<username> <tag> [...]", "Sets user tags", 1, 1 + any_number, tags_banner},
  };
}

std::vector<command> access_commands() {
  return {
    {"clear_permissions", "Access Control", "[--vhost <vhost>] <username>", "Revokes user permissions for a vhost", 1,
     1,
     [](const invocation& i) {
       return "Clearing permissions for user " + quoted(i.arguments[0]) + " in vhost " + quoted(i.vhost) + " ...";
     }},
    {"list_permissions", "Access Control", "[--vhost <vhost>] [--no-table-headers] [--timeout <timeout>]",
     "Lists user permissions in a virtual host", 0, 0,
     [](const invocation& i) { return "Listing permissions for vhost " + quoted(i.vhost) + " ..."; }},
    {"list_user_permissions", "Access Control", "[--no-table-headers] <username>",
     "Lists permissions of a user across all virtual hosts", 1, 1,
     [](const invocation& i) { return "Listing permissions for user " + quoted(i.arguments[0]) + " ..."; }},
    {"list_vhosts",
     "Access Control",
     "[--no-table-headers] [<column>, ...]",
     "Lists virtual hosts",
     0,
     any_number,
     [](const invocation&) { return std::string{"Listing vhosts ..."}; },
     vhost_columns,
     {"name"}},
    {"set_permissions", "Access Control", "[--vhost <vhost>] <username> <conf> <write> <read>",
     "Sets user permissions for a vhost", 4, 4,
     [](const invocation& i) {
       return "Setting permissions for user " + quoted(i.arguments[0]) + " in vhost " + quoted(i.vhost) + " ...";
     }},
  };
}

std::vector<command> look_commands() {
  return {
    {"list_channels",
     "Monitoring, observability and health checks",
     "[--no-table-headers] [<column>, ...] [--timeout <timeout>]",
     "Lists all channels in the node",
     0,
     any_number,
     [](const invocation&) { return std::string{"Listing channels ..."}; },
     channel_columns,
     {"pid", "user", "consumer_count", "messages_unacknowledged"}},
    {"list_connections",
     "Monitoring, observability and health checks",
     "[--no-table-headers] [<column>, ...] [--timeout <timeout>]",
     "Lists AMQP 0.9.1 connections for the node",
     0,
     any_number,
     [](const invocation&) { return std::string{"Listing connections ..."}; },
     connection_columns,
     {"user", "peer_host", "peer_port", "state"}},
    {"list_queues",
     "Monitoring, observability and health checks",
     "[--vhost <vhost>] [--online] [--offline] [--local] [--no-table-headers] [<column>, ...] [--timeout <timeout>]",
     "Lists queues and their properties",
     0,
     any_number,
     queues_banner,
     queue_columns,
     {"name", "messages"}},
  };
}

std::vector<command> help_commands() {
  return {
    {"help", "Help", "[<command>]", "Displays usage information for a command", 0, 1},
    {"version", "Help", "", "Displays CLI tools version"},
  };
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

const std::vector<command>& commands() {
  static const std::vector<command> all = [] {
    std::vector<command> joined;
    for (auto part : {help_commands(), node_commands(), user_commands(), access_commands(), look_commands()})
      joined.insert(joined.end(), part.begin(), part.end());
    return joined;
  }();
  return all;
}

const command* find_command(std::string_view name) {
  const auto& all = commands();
  const auto found = std::find_if(all.begin(), all.end(), [&](const command& each) { return each.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::string usage_line(const invocation& call, const command& what) {
  return call.program + " [--node <node>] [--longnames] [--quiet] " + std::string{what.name}
       + (what.usage.empty() ? "" : " " + std::string{what.usage});
}

std::string overview(std::string_view program) {
  constexpr size_t name_width = 30;
  std::string page = "Usage\n\n" + std::string{program}
                   + " [--node <node>] [--timeout <timeout>] [--longnames] [--quiet] <command> [<command options>]\n"
                     "\nAvailable commands:\n";
  std::string_view group;
  for (const auto& each : commands()) {
    if (each.group != group)
      page += "\n" + std::string{each.group} + ":\n\n";
    group = each.group;
    std::string name{each.name};
    name.resize(std::max(name_width, name.size() + 1), ' ');
    page += "   " + name + std::string{each.description} + "\n";
  }
  return page;
}

std::string unknown_command(const invocation& call) {
  std::string text = "\nCommand '" + call.command + "' not found. \n";
  size_t best = 4; // more changes than three is another word
  std::string_view nearest;
  constexpr size_t longest = 64;
  if (call.command.size() <= longest)
    for (const auto& each : commands())
      if (const size_t distance = edit_distance(call.command, each.name); distance < best) {
        best = distance;
        nearest = each.name;
      }
  if (!nearest.empty())
    text += "Did you mean '" + std::string{nearest} + "'?\n";
  return text + "\n" + overview(call.program);
}

std::string argument_problem(const invocation& call, const command& what) {
  if (call.arguments.size() < what.least_arguments)
    return "not enough arguments.";
  if (call.arguments.size() > what.most_arguments)
    return "too many arguments.";
  if (what.columns.empty())
    return {};
  std::string unknown;
  for (const auto& column : call.arguments)
    if (std::find(what.columns.begin(), what.columns.end(), column) == what.columns.end())
      unknown += (unknown.empty() ? "" : ",") + column;
  return unknown.empty() ? unknown : "Info key(s) " + unknown + " are not supported";
}

double timeout_of(const invocation& call, double preset) {
  return call.timeout_s.value_or(preset);
}

} // namespace broker::ctl

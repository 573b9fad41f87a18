// Headings Cluster, Replication and Upgrade: what makes nodes a cluster, and takes them in and out of service
// (features.md O01, O09, O10).
#include <charconv>

#include "command.hpp"
#include "formatter.hpp"
#include "health.hpp"
#include "perform.hpp"

namespace broker::ctl {

namespace {

const char* const cluster = "Cluster";

std::string join_banner(const invocation& call) {
  return "Clustering node " + call.node + " with " + call.arguments[0];
}

complaint join_problem(const invocation& call) {
  if (call.has("disc") && call.has("ram"))
    return {exit_code::data, "Bad argument: The node type must be either disc or ram."};
  return {};
}

std::string forget_banner(const invocation& call) {
  return "Removing node " + call.arguments[0] + " from the cluster"
       + (call.has("offline") ? ". Warning: quorum queues cannot be shrunk in offline mode" : "");
}

complaint count_problem(const invocation& call) {
  uint32_t number = 0;
  const auto& text = call.arguments[0];
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failed == std::errc{} && end == text.data() + text.size() && number > 0
         ? complaint{}
         : complaint{exit_code::data, "Bad argument: Argument must be a positive integer"};
}

std::string await_nodes_banner(const invocation& call) {
  const double limit_s = timeout_of(call, startup_timeout_s);
  return "Will wait for at least " + call.arguments[0] + " nodes to join the cluster of " + call.node
       + ". Timeout: " + (limit_s < 0 ? "infinity" : std::to_string(static_cast<long>(limit_s))) + " seconds.";
}

complaint type_problem(const invocation& call) {
  const auto& type = call.arguments[0];
  return type == "disc" || type == "disk" || type == "ram"
         ? complaint{}
         : complaint{exit_code::data, "Bad argument: The node type must be either disc or ram."};
}

std::string rename_banner(const invocation& call) {
  std::string banner = "Renaming cluster nodes: ";
  for (size_t i = 0; i + 1 < call.arguments.size(); i += 2)
    banner += "\n  " + call.arguments[i] + " -> " + call.arguments[i + 1] + " ";
  return banner;
}

complaint rename_problem(const invocation& call) {
  return call.arguments.size() % 2 == 0
         ? complaint{}
         : complaint{exit_code::data, "Bad argument: Argument list should contain even number of nodes"};
}

std::vector<command> membership_commands() {
  return {
    {.name = "forget_cluster_node",
     .group = cluster,
     .usage = "[--offline] <existing_cluster_member_node>",
     .description = "Removes a node from the cluster",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner = forget_banner,
     .options = {{"--offline", ""}},
     .needs = app_need::any,
     .perform = forget_node},
    {.name = "join_cluster",
     .group = cluster,
     .usage = "[--disc|--ram] <existing_cluster_member>",
     .description = "Instructs the node to become a member of the cluster that the specified node is in",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner = join_banner,
     .options = {{"--disc", ""}, {"--ram", ""}},
     .needs = app_need::stopped,
     .problem = join_problem,
     .page = value_page,
     .perform = join_cluster},
    {.name = "rename_cluster_node",
     .group = cluster,
     .usage = "<oldnode1> <newnode1> [oldnode2] [newnode2] ...",
     .description = "Not supported: a node that is to have another name is reset and joins again",
     .least_arguments = 2,
     .most_arguments = any_number,
     .banner = rename_banner,
     .needs = app_need::any,
     .problem = rename_problem,
     .perform = refuse_rename},
    {.name = "update_cluster_nodes",
     .group = cluster,
     .usage = "<seed_node>",
     .description = "Does nothing: a node learns of changed members when it starts",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner = [](const invocation& i) { return "Will seed " + i.node + " from " + i.arguments[0] + " on next start"; },
     .needs = app_need::stopped,
     .perform = update_nodes},
  };
}

std::vector<command> state_commands() {
  return {
    {.name = "await_online_nodes",
     .group = cluster,
     .usage = "<count>",
     .description = "Waits for <count> nodes to join the cluster",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner = await_nodes_banner,
     .problem = count_problem,
     .perform = await_online_nodes},
    {.name = "change_cluster_node_type",
     .group = cluster,
     .usage = "<disc | ram>",
     .description = "Changes the type of the cluster node",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner = [](const invocation& i) { return "Turning " + i.node + " into a " + i.arguments[0] + " node"; },
     .needs = app_need::stopped,
     .problem = type_problem,
     .perform = change_node_type},
    {.name = "cluster_status",
     .group = cluster,
     .usage = "[--timeout <timeout>]",
     .description = "Displays all the nodes in the cluster grouped by node type, together with the currently running "
                    "nodes",
     .banner = [](const invocation& i) { return "Cluster status of node " + i.node + " ..."; },
     .tools = tool::look,
     .page = [](const invocation&, const control::response& a) { return cluster_status_page(a); },
     .record = true},
    {.name = "force_boot",
     .group = cluster,
     .description = "Forces node to start even if it cannot contact or rejoin any of its previously known peers",
     .needs = app_need::stopped},
    {.name = "set_cluster_name",
     .group = "Configuration and Environment",
     .usage = "<name>",
     .description = "Sets the cluster name",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner = [](const invocation& i) { return "Setting cluster name to " + i.arguments[0] + " ..."; }},
  };
}

const char* rebalanced(const std::string& type) {
  return type == "all"     ? "Re-balancing leaders of all replicated queues..."
       : type == "classic" ? "Re-balancing leaders of replicated (mirrored, non-exclusive) classic queues..."
                           : "Re-balancing leaders of quorum queues...";
}

complaint rebalance_problem(const invocation& call) {
  const auto& type = call.arguments[0];
  return type == "all" || type == "classic" || type == "quorum"
         ? complaint{}
         : complaint{exit_code::unavailable, "type " + type + " is not supported. Try one of all, classic, quorum."};
}

std::string rebalance_page(const invocation& call, const control::response& answer) {
  return format_rows(answer, layout::pretty_table, !call.no_table_headers);
}

std::string status_banner(const invocation& call) {
  return "Status of quorum queue " + call.arguments[0] + " on node " + call.node + " ...";
}

complaint grow_problem(const invocation& call) {
  const auto& strategy = call.arguments[1];
  return strategy == "all" || strategy == "even"
         ? complaint{}
         : complaint{exit_code::usage, "\"strategy '" + strategy + "' is not recognised.\""};
}

/// Without rows an empty line, as RabbitMQ's.
std::string members_page(const invocation& call, const control::response& answer) {
  const std::string text = format_rows(answer, layout::table, !call.silent && !call.no_table_headers);
  return text.empty() ? "\n" : text;
}

std::string await_quorum_banner(const invocation& call) {
  return "Will wait for a quorum + 1 of nodes to be online for all quorum queues for "
       + std::to_string(static_cast<long>(timeout_of(call, quorum_await_s))) + " seconds...";
}

std::string await_mirror_banner(const invocation& call) {
  return "Will wait for a synchronised mirror be online for all classic mirrored queues for "
       + std::to_string(static_cast<long>(timeout_of(call, quorum_await_s))) + " seconds...";
}

} // namespace

std::vector<command> cluster_commands() {
  auto all = membership_commands();
  const auto more = state_commands();
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// Members of quorum queues.
std::vector<command> member_commands() {
  return {
    {.name = "add_member",
     .group = cluster,
     .usage = "[--vhost <vhost>] <queue> <node> [--timeout <timeout>]",
     .description = "Adds a quorum queue member (replica) on the given node.",
     .least_arguments = 2,
     .most_arguments = 2,
     .banner =
       [](const invocation& i) {
         return "Adding a replica for queue " + i.arguments[0] + " on node " + i.arguments[1] + "...";
       },
     .tools = tool::queues},
    {.name = "delete_member",
     .group = cluster,
     .usage = "[--vhost <vhost>] <queue> <node>",
     .description = "Removes a quorum queue member (replica) on the given node.",
     .least_arguments = 2,
     .most_arguments = 2,
     .banner =
       [](const invocation& i) {
         return "Removing a replica of queue " + i.arguments[0] + " on node " + i.arguments[1] + "...";
       },
     .tools = tool::queues},
    {.name = "grow",
     .group = cluster,
     .usage = "<node> <all | even> [--vhost-pattern <pattern>] [--queue-pattern <pattern>]",
     .description =
       "Grows quorum queue clusters by adding a member (replica) on the specified node for all matching queues",
     .least_arguments = 2,
     .most_arguments = 2,
     .banner =
       [](const invocation& i) { return "Growing " + i.arguments[1] + " quorum queues on " + i.arguments[0] + "..."; },
     .options = {{"--vhost-pattern", "", true}, {"--queue-pattern", "", true}, {"--errors-only", ""}},
     .tools = tool::queues,
     .problem = grow_problem,
     .page = members_page},
    {.name = "quorum_status",
     .group = heading::monitoring,
     .usage = "[--vhost <vhost>] <queue>",
     .description = "Displays quorum status of a quorum queue",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner = status_banner,
     .tools = tool::diagnostics | tool::queues,
     .page = rebalance_page},
    {.name = "shrink",
     .group = cluster,
     .usage = "<node> [--errors-only]",
     .description = "Shrinks quorum queue clusters by removing any members (replicas) on the given node.",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner = [](const invocation& i) { return "Shrinking quorum queues on " + i.arguments[0] + "..."; },
     .options = {{"--errors-only", ""}},
     .tools = tool::queues,
     .page = members_page},
  };
}

std::vector<command> maintenance_commands() {
  return {
    {.name = "drain",
     .group = "Upgrade",
     .description = "Puts the node in maintenance mode. Such nodes will not serve any client traffic or host any "
                    "primary queue replicas",
     .banner =
       [](const invocation& i) {
         return "Will put node " + i.node + " into maintenance mode. The node will no longer serve any client traffic!";
       },
     .tools = tool::upgrade},
    {.name = "revive",
     .group = "Upgrade",
     .description = "Puts the node out of maintenance and into regular operating mode. Such nodes will again serve "
                    "client traffic and host primary queue replicas",
     .banner =
       [](const invocation& i) {
         return "Will put node " + i.node
              + " back into regular operating mode. The node will again serve client traffic and host primary queue "
                "replicas.";
       },
     .tools = tool::upgrade},
    {.name = "await_online_quorum_plus_one",
     .group = "Upgrade",
     .description =
       "Waits for all quorum queues to have an above minimum online quorum. This makes sure that no queues "
       "would lose their quorum if the target node is shut down",
     .banner = await_quorum_banner,
     .tools = tool::upgrade,
     .perform = await_quorum_plus_one},
    {.name = "await_online_synchronized_mirror",
     .group = "Upgrade",
     .description =
       "Waits for all classic mirrored queues hosted on the target node to have at least one synchronized "
       "mirror online. This makes sure that if target node is shut down, there will be an up-to-date mirror "
       "to promote.",
     .banner = await_mirror_banner,
     .tools = tool::upgrade,
     .perform = await_synchronized_mirror},
    {.name = "rebalance",
     .group = cluster,
     .usage = "< all | classic | quorum > [--vhost-pattern <pattern>] [--queue-pattern <pattern>]",
     .description = "Re-balances leaders of replicated queues across up-and-running cluster nodes",
     .least_arguments = 1,
     .most_arguments = 1,
     .banner = [](const invocation& i) { return std::string{rebalanced(i.arguments[0])}; },
     .options = {{"--vhost-pattern", "", true}, {"--queue-pattern", "", true}},
     .tools = tool::queues,
     .problem = rebalance_problem,
     .page = rebalance_page},
  };
}

} // namespace broker::ctl

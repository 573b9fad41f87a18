// The verbs of the cluster that do more than ask the node once (features.md O01, S06, S15).
#include <chrono>
#include <thread>

#include "ask.hpp"
#include "node_name.hpp"
#include "perform.hpp"

namespace broker::ctl {

namespace {

using namespace std::chrono_literals;

constexpr auto poll_pause = 200ms;

void note_ram(const terminal& console) {
  console.err("Note: every node keeps its data on disk; a RAM node is a disc node here.\n");
}

/// How many nodes run, as cluster_status shows it.
size_t running_nodes(const control::response& status) {
  for (size_t i = 0; i < status.columns.size(); ++i)
    if (const auto* list = std::get_if<control::value_list>(&status.rows.at(0).at(i).content);
        list != nullptr && status.columns[i] == "running_nodes")
      return list->size();
  return 0;
}

} // namespace

int join_cluster(invocation& call, const command& what, const terminal& console) {
  const auto seed = complete_node_name(call.arguments[0]);
  if (!seed)
    return report_failure(call, exit_code::data, seed.error().text, console);
  if (*seed == call.node)
    return report_failure(call, exit_code::software, "Error: cannot cluster node with itself: " + call.node, console);
  if (call.has("ram"))
    note_ram(console);
  call.arguments[0] = *seed;
  return ask_node(call, what, console);
}

int forget_node(invocation& call, const command& what, const terminal& console) {
  const auto node = complete_node_name(call.arguments[0]);
  if (!node)
    return report_failure(call, exit_code::data, node.error().text, console);
  call.arguments[0] = *node;
  return ask_node(call, what, console);
}

int change_node_type(invocation& call, const command&, const terminal& console) {
  if (call.arguments[0] == "ram")
    note_ram(console);
  return exit_code::ok;
}

int refuse_rename(invocation& call, const command&, const terminal& console) {
  return report_failure(call, exit_code::unavailable,
                        "rename_cluster_node is not supported: reset the node and let it join under its new name",
                        console);
}

int update_nodes(invocation&, const command&, const terminal& console) {
  console.err("Note: a node asks every member it knows of when it starts; there is nothing to seed.\n");
  return exit_code::ok;
}

int await_online_nodes(invocation& call, const command&, const terminal& console) {
  const size_t wanted = std::stoul(call.arguments[0]); // argument_problem has seen that it is a number
  const double timeout_s = timeout_of(call, startup_timeout_s);
  const auto deadline = deadline_after(timeout_s);
  for (;;) {
    node_call node{call, console};
    control::response status;
    if (const int code = node.open(); code != exit_code::ok)
      return code;
    if (const int code = node.ask({"cluster_status", {}, {}, {}}, status); code != exit_code::ok)
      return code;
    if (running_nodes(status) >= wanted)
      return exit_code::ok;
    if (control_client::clock::now() + poll_pause > deadline)
      return report_failure(call, exit_code::temporary,
                            "Error: timed out while waiting. Not enough nodes joined " + call.node + "'s cluster.",
                            console);
    std::this_thread::sleep_for(poll_pause);
  }
}

} // namespace broker::ctl

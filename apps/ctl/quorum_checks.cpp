// May this node be stopped? (features.md O09, O10)
#include <chrono>
#include <thread>

#include "ask.hpp"
#include "health.hpp"

namespace broker::ctl {

namespace {

using namespace std::chrono_literals;

constexpr auto check_pause = 500ms;

const char* const single_check = " seems to be the only one in a single node cluster, the check does not apply";
const char* const single_command =
  "Target node seems to be the only one in a single node cluster, the command does not apply\n";

/// One request that tells whether the node is alone.
int ask_single(const invocation& call, const terminal& console, bool& single) {
  control::response answer;
  const int code = fetch(call, "is_single_node_cluster", {}, console, answer);
  if (code == exit_code::ok)
    single = answer.rows.at(0).at(0) == control::value{true};
  return code;
}

int report_single(const invocation& call, const terminal& console) {
  return report_finding(call, {.text = "Node " + call.node + single_check}, console);
}

/// Asks until the node names nothing that it is critical for.
int await_none(const invocation& call, std::string_view verb, const char* too_late, const terminal& console) {
  bool single = false;
  if (const int code = ask_single(call, console, single); code != exit_code::ok)
    return code;
  if (single) {
    if (!call.quiet)
      console.out(single_command);
    return exit_code::ok;
  }
  const auto deadline = deadline_after(timeout_of(call, quorum_await_s));
  for (;;) {
    control::response answer;
    if (const int code = fetch(call, verb, {}, console, answer); code != exit_code::ok)
      return code;
    if (answer.rows.empty())
      return exit_code::ok;
    if (control_client::clock::now() + check_pause > deadline)
      return report_failure(call, exit_code::unavailable, too_late, console);
    std::this_thread::sleep_for(check_pause);
  }
}

} // namespace

int check_quorum_critical(invocation& call, const command&, const terminal& console) {
  bool single = false;
  if (const int code = ask_single(call, console, single); code != exit_code::ok)
    return code;
  if (single)
    return report_single(call, console);
  control::response answer;
  if (const int code = fetch(call, "quorum_critical", {}, console, answer); code != exit_code::ok)
    return code;
  auto lines = column_of(answer, "readable_name");
  for (auto& line : lines)
    line += " would lose quorum if node " + call.node + " is stopped";
  finding found;
  found.healthy = lines.empty();
  found.text =
    lines.empty() ? "Node " + call.node + " reported no quorum queues with minimum quorum" : joined(lines, "\n");
  if (!lines.empty())
    found.facts = {{"queues", records_of(answer)}};
  return report_finding(call, found, console);
}

int check_mirror_sync_critical(invocation& call, const command&, const terminal& console) {
  bool single = false;
  if (const int code = ask_single(call, console, single); code != exit_code::ok)
    return code;
  if (single)
    return report_single(call, console);
  control::response answer;
  if (const int code = fetch(call, "mirror_sync_critical", {}, console, answer); code != exit_code::ok)
    return code;
  auto lines = column_of(answer, "readable_name");
  for (auto& line : lines)
    line += " would lose its only synchronised replica (master) if node " + call.node + " is stopped";
  finding found;
  found.healthy = lines.empty();
  found.text = "Node " + call.node + " reported no classic mirrored queues without online synchronised mirrors";
  if (!lines.empty()) {
    found.text = joined(lines, "\n");
    found.facts = {{"queues", records_of(answer)}};
  }
  return report_finding(call, found, console);
}

int await_quorum_plus_one(invocation& call, const command&, const terminal& console) {
  return await_none(call, "quorum_critical",
                    "time is up, no quorum + 1 online replicas came online for at least some quorum queues", console);
}

int await_synchronized_mirror(invocation& call, const command&, const terminal& console) {
  return await_none(call, "mirror_sync_critical",
                    "time is up, no synchronised mirror came online for at least some classic mirrored queues",
                    console);
}

} // namespace broker::ctl

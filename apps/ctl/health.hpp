// Checks of one node's health: what they ask, decide and say (features.md O08). Exit code 69 when the check fails.
#pragma once

#include "command.hpp"
#include "run.hpp"

namespace broker::ctl {

// -- command::perform
// -------------------------------------------------------------------------------------------------

int show_alarms(invocation& call, const command& what, const terminal& console);
int check_alarms(invocation& call, const command& what, const terminal& console);
int check_local_alarms(invocation& call, const command& what, const terminal& console);
int check_port_listener(invocation& call, const command& what, const terminal& console);
/// Connects to every port that the node listens on.
int check_port_connectivity(invocation& call, const command& what, const terminal& console);
int check_protocol_listener(invocation& call, const command& what, const terminal& console);
int check_virtual_hosts(invocation& call, const command& what, const terminal& console);
int show_listeners(invocation& call, const command& what, const terminal& console);

// -- before a node is taken out of service --
/// How long the last two wait, unless told otherwise; RabbitMQ's.
inline constexpr double quorum_await_s = 120;
int check_quorum_critical(invocation& call, const command& what, const terminal& console);
int check_mirror_sync_critical(invocation& call, const command& what, const terminal& console);
/// Asks until the node is not critical for anything any more.
int await_quorum_plus_one(invocation& call, const command& what, const terminal& console);
int await_synchronized_mirror(invocation& call, const command& what, const terminal& console);

// -- what checks are made of
// ------------------------------------------------------------------------------------------

/// What a check found. `facts` go into the JSON form besides result and message.
struct finding {
  bool healthy = true;
  std::string text;
  bool heading = false; ///< a failure's text stands below "Error:"
  control::value_record facts = {};
};
/// Prints it; returns the exit code.
int report_finding(const invocation& call, const finding& what, const terminal& console);
/// Asks for one list; `answer` is valid when exit_code::ok comes back.
int fetch(const invocation& call, std::string_view verb, std::vector<std::string> columns, const terminal& console,
          control::response& answer);
std::vector<std::string> column_of(const control::response& answer, std::string_view name);
std::string joined(const std::vector<std::string>& texts, std::string_view separator);
/// Rows as records, for the JSON form.
control::value_list records_of(const control::response& answer);

// -- command::page
// ----------------------------------------------------------------------------------------------------

std::string memory_page(const invocation& call, const control::response& answer);
/// Rows of one column, a line each.
std::string lines_page(const invocation& call, const control::response& answer);

} // namespace broker::ctl

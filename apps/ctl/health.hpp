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

// -- command::page
// ----------------------------------------------------------------------------------------------------

std::string memory_page(const invocation& call, const control::response& answer);
/// Rows of one column, a line each.
std::string lines_page(const invocation& call, const control::response& answer);

} // namespace broker::ctl

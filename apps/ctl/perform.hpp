// Commands that do more than ask the node once, and answers that are neither a table nor silence.
#pragma once

#include <string>

#include "command.hpp"
#include "control_message.hpp"
#include "run.hpp"

namespace broker::ctl {

// -- command::perform
// -------------------------------------------------------------------------------------------------

int show_version(invocation& call, const command& what, const terminal& console);
/// Waits for a node's start, unless told otherwise, in seconds.
inline constexpr double startup_timeout_s = 300;

/// Asks until the app runs.
int await_startup(invocation& call, const command& what, const terminal& console);
/// start_app and stop_app: as long as it takes, unless told otherwise.
int order_app(invocation& call, const command& what, const terminal& console);
/// Returns once the node's process is gone.
int stop_node(invocation& call, const command& what, const terminal& console);
/// Every page and list of the node, one after the other.
int print_report(invocation& call, const command& what, const terminal& console);
/// Writes the definitions to a file, or to standard output for "-".
int export_definitions(invocation& call, const command& what, const terminal& console);
/// Reads them from a file, or from standard input.
int import_definitions(invocation& call, const command& what, const terminal& console);

// -- the cluster
int join_cluster(invocation& call, const command& what, const terminal& console);
int forget_node(invocation& call, const command& what, const terminal& console);
int change_node_type(invocation& call, const command& what, const terminal& console);
/// Asks until so many nodes run.
int await_online_nodes(invocation& call, const command& what, const terminal& console);
int refuse_rename(invocation& call, const command& what, const terminal& console);
int update_nodes(invocation& call, const command& what, const terminal& console);

// -- the app's state
int check_running(invocation& call, const command& what, const terminal& console);
int is_running(invocation& call, const command& what, const terminal& console);
int is_booting(invocation& call, const command& what, const terminal& console);

// -- command::page
// ----------------------------------------------------------------------------------------------------

/// The one cell of the answer, as it is.
std::string value_page(const invocation& call, const control::response& answer);
/// One object's limits as JSON, or a table of all (--global).
std::string limits_page(const invocation& call, const control::response& answer);
/// The configuration as Erlang terms.
std::string environment_page(const invocation& call, const control::response& answer);

} // namespace broker::ctl

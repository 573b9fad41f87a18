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
/// Asks until the node answers, at most 5 minutes unless told otherwise.
int await_startup(invocation& call, const command& what, const terminal& console);
/// Returns once the node's process is gone.
int stop_node(invocation& call, const command& what, const terminal& console);
/// Every page and list of the node, one after the other.
int print_report(invocation& call, const command& what, const terminal& console);
/// Writes the definitions to a file, or to standard output for "-".
int export_definitions(invocation& call, const command& what, const terminal& console);
/// Reads them from a file, or from standard input.
int import_definitions(invocation& call, const command& what, const terminal& console);

// -- command::page
// ----------------------------------------------------------------------------------------------------

/// The one cell of the answer, as it is.
std::string value_page(const invocation& call, const control::response& answer);
/// One object's limits as JSON, or a table of all (--global).
std::string limits_page(const invocation& call, const control::response& answer);
/// The configuration as Erlang terms.
std::string environment_page(const invocation& call, const control::response& answer);

} // namespace broker::ctl

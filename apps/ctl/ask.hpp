// Asking the node: find it, prove the cookie, send one request or several, and say what went wrong.
#pragma once

#include <string>
#include <string_view>

#include "command.hpp"
#include "control_client.hpp"
#include "run.hpp"
#include "target_node.hpp"

namespace broker::ctl {

/// A connection to the node of an invocation. Everything that fails is reported on the terminal.
class node_call {
public:
  node_call(const invocation& call, const terminal& console);

  /// exit_code::ok once the node is reached and both ends have proved their cookie.
  int open();
  /// Sends `what` and waits. Anything but exit_code::ok has been reported, a refusal by the node included.
  int ask(const control::request& what, control::response& answer);
  /// Where the node is; valid after open().
  const target& where() const { return where_; }
  double timeout_s() const { return timeout_s_; }

private:
  int unreachable(const error& why);

  const invocation& call_;
  const terminal& console_;
  const double timeout_s_;
  target where_;
  secret_string cookie_;
  control_client client_;
};

/// A request for the command as it was given: its arguments, or its columns; its options and the vhost.
control::request make_request(const invocation& call, const command& what);

/// What `answer` looks like for the command, in the layout asked for.
std::string answer_text(const invocation& call, const command& what, const control::response& answer);

/// "Error:\n<text>" or its JSON form; returns `code`.
int report_failure(const invocation& call, int code, std::string_view text, const terminal& console);
int report_timeout(const invocation& call, double timeout_s, const terminal& console);

/// Is that the answer to `app_state`?
bool is_state(const control::response& answer, std::string_view state);
/// Asks for the state of the app: "running", "stopped", "starting", "stopping".
int ask_state(const invocation& call, const terminal& console, std::string& state);

/// One request, and its answer printed: what most commands are.
int ask_node(const invocation& call, const command& what, const terminal& console);

/// Now plus that many seconds; negative = for ever.
control_client::clock::time_point deadline_after(double seconds);

} // namespace broker::ctl

// Starting and stopping the app, and what it does (features.md O01, O08).
#include "ask.hpp"
#include "formatter.hpp"
#include "perform.hpp"

namespace broker::ctl {

namespace {

/// A sentence about the node; JSON has it beside whether it is so.
int tell(const invocation& call, bool so, const std::string& text, const terminal& console) {
  if (call.format == layout::json)
    console.out(format_record({0, {}, {"message", "result"}, {{text, so}}}));
  else
    console.out(text + "\n");
  return exit_code::ok;
}

std::string running_text(const invocation& call, bool running) {
  return "RabbitMQ on node " + call.node
       + (running ? " is fully booted and running"
                  : " is not running or has not fully booted yet (check with is_booting)");
}

} // namespace

int order_app(invocation& call, const command& what, const terminal& console) {
  if (!call.timeout_s)
    call.timeout_s = -1; // a long recovery, or a cluster that is not complete: RabbitMQ's tool waits as well
  return ask_node(call, what, console);
}

int check_running(invocation& call, const command&, const terminal& console) {
  std::string state;
  if (const int code = ask_state(call, console, state); code != exit_code::ok)
    return code;
  if (state == "running" && call.format == layout::json) {
    console.out(format_record({0, {}, {"message"}, {{running_text(call, true)}}}));
    return exit_code::ok;
  }
  if (state == "running")
    return tell(call, true, running_text(call, true), console);
  return report_failure(call, exit_code::unavailable, running_text(call, false), console);
}

int is_running(invocation& call, const command&, const terminal& console) {
  std::string state;
  if (const int code = ask_state(call, console, state); code != exit_code::ok)
    return code;
  return tell(call, state == "running", running_text(call, state == "running"), console);
}

int is_booting(invocation& call, const command&, const terminal& console) {
  std::string state;
  if (const int code = ask_state(call, console, state); code != exit_code::ok)
    return code;
  const bool booting = state == "starting";
  return tell(
    call, booting,
    "RabbitMQ on node " + call.node
      + (booting ? " is booting" : " is fully booted (check with is_running), stopped or has not started booting yet"),
    console);
}

} // namespace broker::ctl

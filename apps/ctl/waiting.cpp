// Commands that wait: for a node to start, for its process to end.
#include <chrono>
#include <fstream>
#include <thread>

#include "ask.hpp"
#include "perform.hpp"
#include "process_life.hpp"

namespace broker::ctl {

namespace {

using clock = control_client::clock;
using namespace std::chrono_literals;

/// Time one attempt to reach the node may take while waiting for its start.
constexpr auto attempt_timeout = 2s;
constexpr auto ask_pause = 100ms;

/// The process that a stopping node runs in: as told, or as registered. 0 = unknown.
int stopping_pid(const invocation& call, const target& where) {
  int pid = where.pid;
  if (!call.arguments.empty()) {
    std::ifstream file{call.arguments[0]};
    file >> pid;
  }
  return pid;
}

int await_end(const invocation& call, int pid, double timeout_s, const terminal& console) {
  const auto deadline = deadline_after(timeout_s);
  while (pid > 0 && process_lives(pid)) {
    if (clock::now() > deadline)
      return report_timeout(call, timeout_s, console);
    std::this_thread::sleep_for(ask_pause);
  }
  return exit_code::ok;
}

} // namespace

int await_startup(invocation& call, const command&, const terminal& console) {
  const double timeout_s = timeout_of(call, startup_timeout_s);
  const auto deadline = deadline_after(timeout_s);
  for (;;) {
    target where = find_target(call);
    if (const auto cookie = target_cookie(call, where)) {
      control_client client{std::min(deadline, clock::now() + attempt_timeout)};
      auto reached = client.connect(where.host, where.port);
      if (reached)
        reached = client.authenticate(cookie->reveal(), where.own_name, where.node);
      if (reached)
        if (auto state = client.call({"app_state", {}, {}, {}}); state && is_state(*state, "running"))
          return exit_code::ok;
      if (!reached && client.failure() == failure_kind::refused) { // another cookie will not heal by waiting
        console.err(unreachable_page(where, *cookie, client.failure(), reached.error().text));
        return exit_code::unavailable;
      }
    }
    if (clock::now() + ask_pause > deadline)
      return report_timeout(call, timeout_s, console);
    std::this_thread::sleep_for(ask_pause);
  }
}

int stop_node(invocation& call, const command& what, const terminal& console) {
  node_call node{call, console};
  if (const int code = node.open(); code != exit_code::ok)
    return code;
  const int pid = stopping_pid(call, node.where());
  control::request request;
  request.verb = "stop";
  control::response answer;
  if (const int code = node.ask(request, answer); code != exit_code::ok)
    return code;
  if (!call.has("no-wait"))
    if (const int code = await_end(call, pid, node.timeout_s(), console); code != exit_code::ok)
      return code;
  console.out(answer_text(call, what, answer));
  return exit_code::ok;
}

} // namespace broker::ctl

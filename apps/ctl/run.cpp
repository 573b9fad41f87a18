#include "run.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "command.hpp"
#include "control_client.hpp"
#include "formatter.hpp"
#include "target_node.hpp"
#include "version.hpp"

namespace broker::ctl {

namespace {

using clock = control_client::clock;
using namespace std::chrono_literals;

constexpr double request_timeout_s = 60;
constexpr double startup_timeout_s = 300;
/// Time one attempt to reach the node may take while waiting for its start.
constexpr auto attempt_timeout = 2s;
constexpr auto poll_pause = 100ms;

clock::time_point deadline_after(double seconds) {
  constexpr double forever_s = 31'536'000;
  const double bounded = seconds < 0 ? forever_s : seconds;
  return clock::now() + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>{bounded});
}

bool machine_readable(const invocation& call) {
  return call.format == layout::json || call.format == layout::csv;
}

int usage_error(const invocation& call, const command& what, const std::string& problem, const terminal& console) {
  console.err("Error (argument validation): " + problem + "\nArguments given:\n\t" + call.given + "\n\nUsage\n\n"
              + usage_line(call, what) + "\n");
  return exit_code::usage;
}

/// A refusal by the node or by our own checks after the banner.
int report_failure(const invocation& call, int code, const std::string& text, const terminal& console) {
  if (call.format == layout::json) {
    control::response as_json{0, {}, {"error", "node", "result"}, {{text, call.node, "error"}}};
    console.out(format_record(as_json));
  } else
    console.err("Error:\n" + text + "\n");
  return code;
}

int report_unreachable(const target& where, const secret_string& cookie, const control_client& client, const error& why,
                       const terminal& console) {
  console.err(unreachable_page(where, cookie, client.failure(), why.text));
  return exit_code::unavailable;
}

int report_timeout(const invocation& call, double timeout_s, const terminal& console) {
  console.err("Error: operation " + call.command + " on node " + call.node
              + " timed out. Timeout value used: " + std::to_string(static_cast<long>(timeout_s * 1000)) + "\n");
  return exit_code::temporary;
}

/// Commands that answer with text of their own once the node has said yes.
std::string success_text(const invocation& call) {
  if (call.command == "ping")
    return "Ping succeeded";
  if (call.command == "authenticate_user")
    return "Success";
  if (call.command == "add_user" && !call.quiet && !call.silent)
    return "Done. Don't forget to grant the user permissions to some virtual hosts! See 'rabbitmqctl help "
           "set_permissions' to learn more.";
  return {};
}

void print_answer(const invocation& call, const control::response& answer, const terminal& console) {
  const bool json = call.format == layout::json;
  if (call.command == "status" || call.command == "cluster_status") {
    console.out(json                       ? format_record(answer)
                : call.command == "status" ? status_page(answer)
                                           : cluster_status_page(answer));
  } else if (!answer.columns.empty()) {
    console.out(format_rows(answer, call.format, !call.silent && !call.no_table_headers));
  } else if (json) {
    console.out(format_record({0, {}, {"node", "result"}, {{call.node, "ok"}}}));
  } else if (const std::string text = success_text(call); !text.empty())
    console.out(text + "\n");
}

control::request make_request(const invocation& call, const command& what) {
  control::request request;
  request.verb = call.command;
  request.options["vhost"] = call.vhost;
  if (what.columns.empty())
    request.arguments = call.command == "stop" ? std::vector<std::string>{} : call.arguments;
  else
    request.columns = call.arguments.empty() ? what.default_columns : call.arguments;
  return request;
}

/// RabbitMQ's commands read a missing password from the terminal. False: there was none.
bool complete_password(invocation& call, const command& what, const terminal& console) {
  if (!what.usage.ends_with("<password>") || call.arguments.size() != 1)
    return true;
  console.out("Password: ");
  std::string password = console.read_secret();
  console.out("\n");
  if (password.empty())
    return false;
  call.arguments.push_back(std::move(password));
  return true;
}

bool alive(int pid) {
  return kill(pid, 0) == 0 || errno != ESRCH;
}

/// The process that a stopping node runs in: as told, or as registered. 0 = unknown.
int stopping_pid(const invocation& call, const target& where) {
  int pid = where.pid;
  if (!call.arguments.empty()) {
    std::ifstream file{call.arguments[0]};
    file >> pid;
  }
  return pid;
}

/// `stop` returns once the node is gone.
int await_end(const invocation& call, int pid, double timeout_s, const terminal& console) {
  const auto deadline = deadline_after(timeout_s);
  while (pid > 0 && alive(pid)) {
    if (clock::now() > deadline)
      return report_timeout(call, timeout_s, console);
    std::this_thread::sleep_for(poll_pause);
  }
  return exit_code::ok;
}

/// Asks until the node answers. A refusal (other cookie) will not heal by waiting.
int await_startup(const invocation& call, const terminal& console) {
  const double timeout_s = timeout_of(call, startup_timeout_s);
  const auto deadline = deadline_after(timeout_s);
  for (;;) {
    target where = find_target(call);
    if (const auto cookie = target_cookie(call, where)) {
      control_client client{std::min(deadline, clock::now() + attempt_timeout)};
      auto reached = client.connect(where.host, where.port);
      if (reached)
        reached = client.authenticate(cookie->reveal(), where.own_name, where.node);
      if (reached && client.call({"ping", {}, {}, {}}))
        return exit_code::ok;
      if (!reached && client.failure() == failure_kind::refused)
        return report_unreachable(where, *cookie, client, reached.error(), console);
    }
    if (clock::now() + poll_pause > deadline)
      return report_timeout(call, timeout_s, console);
    std::this_thread::sleep_for(poll_pause);
  }
}

int ask(const invocation& call, const command& what, const terminal& console) {
  target where = find_target(call);
  const auto cookie = target_cookie(call, where);
  if (!cookie) {
    console.err("Error: " + cookie.error().text + "\n");
    return exit_code::config;
  }
  const double timeout_s = timeout_of(call, request_timeout_s);
  control_client client{deadline_after(timeout_s)};
  if (auto connected = client.connect(where.host, where.port); !connected)
    return report_unreachable(where, *cookie, client, connected.error(), console);
  if (auto known = client.authenticate(cookie->reveal(), where.own_name, where.node); !known)
    return report_unreachable(where, *cookie, client, known.error(), console);
  const int pid = stopping_pid(call, where);
  auto answer = client.call(make_request(call, what));
  if (!answer && client.failure() == failure_kind::timed_out)
    return report_timeout(call, timeout_s, console);
  if (!answer)
    return report_unreachable(where, *cookie, client, answer.error(), console);
  if (answer->exit_code != 0)
    return report_failure(call, answer->exit_code, answer->error, console);
  if (call.offline)
    answer->rows.clear();
  if (call.command == "stop")
    if (const int code = await_end(call, pid, timeout_s, console); code != exit_code::ok)
      return code;
  print_answer(call, *answer, console);
  return exit_code::ok;
}

int execute(invocation& call, const command& what, const terminal& console) {
  if (const std::string problem = argument_problem(call, what); !problem.empty())
    return usage_error(call, what, problem, console);
  if (what.banner != nullptr && !call.quiet && !call.silent && !machine_readable(call))
    console.out(what.banner(call) + "\n");
  if (call.command == "await_startup")
    return await_startup(call, console);
  if (!complete_password(call, what, console))
    return report_failure(call, exit_code::data, "Password is not provided via argument or stdin", console);
  return ask(call, what, console);
}

int show_help(const invocation& call, const terminal& console) {
  const bool asked = call.command == "help";
  const std::string& name = asked && !call.arguments.empty() ? call.arguments[0] : call.command;
  const command* what = find_command(name);
  if (name.empty() || (asked && call.arguments.empty())) {
    console.out(overview(call.program));
    return exit_code::ok;
  }
  if (what == nullptr) {
    invocation unknown = call;
    unknown.command = name;
    console.err(unknown_command(unknown));
    return exit_code::usage;
  }
  console.out("Usage\n\n" + usage_line(call, *what) + "\n\n" + std::string{what->description} + "\n");
  return exit_code::ok;
}

} // namespace

int run(const char* program, std::span<const char* const> arguments, const terminal& console) {
  const char* node = std::getenv("RABBITMQ_NODENAME");
  invocation call;
  const auto parsed = parse_command_line(program, arguments, node == nullptr ? "" : node, call);
  const command* what = find_command(call.command);
  if (!parsed) {
    console.err("Error: " + parsed.error().text + "\nArguments given:\n\t" + call.given + "\n"
                + (what == nullptr ? "" : "\nUsage\n\n" + usage_line(call, *what) + "\n"));
    return exit_code::usage;
  }
  if (call.command.empty() && !call.help) {
    console.err(overview(call.program));
    return exit_code::usage;
  }
  if (call.help || call.command == "help")
    return show_help(call, console);
  if (what == nullptr) {
    console.err(unknown_command(call));
    return exit_code::usage;
  }
  if (call.command == "version") {
    console.out(std::string{rabbitmq_version} + "\n");
    return exit_code::ok;
  }
  return execute(call, *what, console);
}

} // namespace broker::ctl

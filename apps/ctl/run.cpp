#include "run.hpp"

#include <cstdlib>

#include "ask.hpp"
#include "command.hpp"
#include "refused.hpp"

namespace broker::ctl {

namespace {

int usage_error(const invocation& call, const command* what, const complaint& why, const terminal& console,
                std::string_view heading = "Error (argument validation): ") {
  console.err(std::string{heading} + why.text + "\nArguments given:\n\t" + call.given + "\n"
              + (what == nullptr ? "" : "\nUsage\n\n" + usage_line(call, *what) + "\n"));
  return why.exit_code;
}

/// RabbitMQ's commands read a missing password from the terminal. False: there was none.
bool complete_password(invocation& call, const command& what, const terminal& console) {
  if (!what.reads_password || call.arguments.size() == what.most_arguments)
    return true;
  console.out("Password: ");
  std::string password = console.read_secret();
  console.out("\n");
  if (password.empty())
    return false;
  call.arguments.push_back(std::move(password));
  return true;
}

/// Does the state of the app allow the command? Said, with the exit code, when it does not.
int check_state(const invocation& call, const command& what, const terminal& console) {
  if (what.needs == app_need::any)
    return exit_code::ok;
  std::string state;
  if (const int code = ask_state(call, console, state); code != exit_code::ok)
    return code;
  if (what.needs == app_need::running && state != "running")
    return usage_error(call, &what,
                       {exit_code::usage, "this command requires the 'rabbit' app to be running on the target node. "
                                          "Start it with 'rabbitmqctl start_app'."},
                       console, "Error: ");
  if (what.needs == app_need::stopped && state != "stopped")
    return usage_error(call, &what,
                       {exit_code::usage, "this command requires the 'rabbit' app to be stopped on the target node. "
                                          "Stop it with 'rabbitmqctl stop_app'."},
                       console, "Error: ");
  return exit_code::ok;
}

int execute(invocation& call, const command& what, const terminal& console) {
  if (const auto problem = argument_problem(call, what); !problem.text.empty())
    return usage_error(call, &what, problem, console);
  if (const int code = check_state(call, what, console); code != exit_code::ok)
    return code;
  if (what.banner != nullptr && call.shows_banner())
    if (const std::string banner = what.banner(call); !banner.empty())
      console.out(banner + "\n");
  if (!complete_password(call, what, console))
    return report_failure(call, exit_code::data, "Password is not provided via argument or stdin", console);
  return what.perform != nullptr ? what.perform(call, what, console) : ask_node(call, what, console);
}

int show_help(const invocation& call, const terminal& console) {
  const bool asked = call.command == "help";
  const std::string name = !asked ? call.command : call.arguments.empty() ? "" : call.arguments[0];
  if (name.empty()) {
    console.out(overview(call.program));
    return exit_code::ok;
  }
  const command* what = find_command(call.program, name);
  if (what == nullptr) {
    invocation unknown = call;
    unknown.command = name;
    console.err(unknown_command(unknown));
    return exit_code::usage;
  }
  console.out("\nUsage\n\n" + usage_line(call, *what) + "\n\n" + std::string{what->description}
              + (what->description.ends_with('.') ? "\n" : ".\n"));
  return exit_code::ok;
}

} // namespace

int run(const char* program, std::span<const char* const> arguments, const terminal& console) {
  const char* node = std::getenv("RABBITMQ_NODENAME");
  invocation call;
  const auto parsed = parse_command_line(program, arguments, node == nullptr ? "" : node, call);
  const command* what = find_command(call.program, call.command);
  if (!parsed)
    return usage_error(call, what, {exit_code::usage, parsed.error().text}, console);
  if (call.command.empty() && !call.help) {
    console.err(overview(call.program));
    return exit_code::usage;
  }
  if (call.help || call.command == "help")
    return show_help(call, console);
  if (what == nullptr) {
    if (const auto why = refusal_of(call.command); !why.empty())
      return report_failure(call, exit_code::unavailable,
                            "Command '" + call.command + "' is not offered: " + std::string{why}, console);
    console.err(unknown_command(call));
    return exit_code::usage;
  }
  return execute(call, *what, console);
}

} // namespace broker::ctl

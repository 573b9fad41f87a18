#include "ask.hpp"

#include <chrono>

#include "formatter.hpp"

namespace broker::ctl {

namespace {

constexpr double request_timeout_s = 60;

std::string result_record(const invocation& call, std::string_view result, std::string_view message) {
  control::response record;
  record.columns = {"node", "result"};
  record.rows = {{call.node, result}};
  if (!message.empty()) {
    record.columns.insert(record.columns.begin(), "message");
    record.rows[0].insert(record.rows[0].begin(), message);
  }
  return format_record(record);
}

/// A text that tools show as it is.
std::string message_record(std::string text) {
  while (text.ends_with('\n'))
    text.pop_back();
  return format_record({0, {}, {"message"}, {{text}}});
}

} // namespace

control_client::clock::time_point deadline_after(double seconds) {
  using clock = control_client::clock;
  constexpr double forever_s = 31'536'000;
  const double bounded = seconds < 0 ? forever_s : seconds;
  return clock::now() + std::chrono::duration_cast<clock::duration>(std::chrono::duration<double>{bounded});
}

int report_failure(const invocation& call, int code, std::string_view text, const terminal& console) {
  if (call.format == layout::json)
    console.out(result_record(call, "error", text));
  else
    console.err("Error:\n" + std::string{text} + "\n");
  return code;
}

int report_timeout(const invocation& call, double timeout_s, const terminal& console) {
  console.err("Error: operation " + call.command + " on node " + call.node
              + " timed out. Timeout value used: " + std::to_string(static_cast<long>(timeout_s * 1000)) + "\n");
  return exit_code::temporary;
}

node_call::node_call(const invocation& call, const terminal& console)
  : call_(call), console_(console), timeout_s_(timeout_of(call, request_timeout_s)),
    client_(deadline_after(timeout_s_)) {}

int node_call::open() {
  where_ = find_target(call_);
  auto cookie = target_cookie(call_, where_);
  if (!cookie) {
    console_.err("Error: " + cookie.error().text + "\n");
    return exit_code::config;
  }
  cookie_ = *std::move(cookie);
  if (auto connected = client_.connect(where_.host, where_.port); !connected)
    return unreachable(connected.error());
  if (auto known = client_.authenticate(cookie_.reveal(), where_.own_name, where_.node); !known)
    return unreachable(known.error());
  return exit_code::ok;
}

int node_call::unreachable(const error& why) {
  console_.err(unreachable_page(where_, cookie_, client_.failure(), why.text));
  return exit_code::unavailable;
}

int node_call::ask(const control::request& what, control::response& answer) {
  auto got = client_.call(what);
  if (!got && client_.failure() == failure_kind::timed_out)
    return report_timeout(call_, timeout_s_, console_);
  if (!got)
    return unreachable(got.error());
  answer = *std::move(got);
  if (answer.exit_code == exit_code::ok)
    return exit_code::ok;
  if (!answer.bare_error)
    return report_failure(call_, answer.exit_code, answer.error, console_);
  console_.err(answer.error + "\n");
  return answer.exit_code;
}

control::request make_request(const invocation& call, const command& what) {
  control::request request;
  request.verb = call.command;
  request.options = {call.options.begin(), call.options.end()};
  request.options["vhost"] = call.vhost_or_default();
  if (what.columns.empty())
    request.arguments = call.arguments;
  else
    request.columns = call.arguments.empty() ? what.default_columns : call.arguments;
  return request;
}

std::string answer_text(const invocation& call, const command& what, const control::response& answer) {
  const bool json = call.format == layout::json;
  if (what.page != nullptr && !json)
    return what.page(call, answer);
  if (json && what.record)
    return format_record(answer);
  if (json && what.page != nullptr && answer.columns == std::vector<std::string>{"value"})
    return format_record({0, {}, {"node", "result", "value"}, {{call.node, "ok", answer.rows.at(0).at(0)}}});
  if (json && what.page != nullptr && answer.columns.empty())
    return message_record(what.page(call, answer));
  if (answer.columns.empty())
    return json ? result_record(call, "ok", {}) : "";
  // RabbitMQ streams the lists that have columns; the others end even an empty table with a line.
  const bool headers = !call.silent && !call.no_table_headers;
  if (json && answer.rows.empty() && what.columns.empty())
    return "[]\n";
  const std::string text = format_rows(answer, call.format, headers);
  return text.empty() && what.columns.empty() && call.format != layout::csv ? "\n" : text;
}

bool is_state(const control::response& answer, std::string_view state) {
  return answer.exit_code == exit_code::ok && answer.rows.size() == 1 && plain_text(answer.rows[0].at(0)) == state;
}

int ask_state(const invocation& call, const terminal& console, std::string& state) {
  node_call node{call, console};
  if (const int code = node.open(); code != exit_code::ok)
    return code;
  control::response answer;
  if (const int code = node.ask({"app_state", {}, {}, {}}, answer); code != exit_code::ok)
    return code;
  state = answer.rows.empty() ? "" : plain_text(answer.rows[0].at(0));
  return exit_code::ok;
}

int ask_node(const invocation& call, const command& what, const terminal& console) {
  node_call node{call, console};
  if (const int code = node.open(); code != exit_code::ok)
    return code;
  control::response answer;
  if (const int code = node.ask(make_request(call, what), answer); code != exit_code::ok)
    return code;
  console.out(answer_text(call, what, answer));
  return exit_code::ok;
}

} // namespace broker::ctl

// export_definitions and import_definitions: the node makes and reads the JSON, this side has the file (features.md
// O10).
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "ask.hpp"
#include "formatter.hpp"
#include "perform.hpp"

namespace broker::ctl {

namespace {

constexpr int exit_data = exit_code::data;

bool is_standard_stream(const invocation& call) {
  return call.arguments.empty() || call.arguments[0] == "-";
}

/// At most one byte more than a request may bring: enough to be refused.
std::string read_all(std::istream& from) {
  std::string text;
  char block[64 * 1024];
  while (text.size() <= control::attachment_max_bytes && (from.read(block, sizeof block), from.gcount() > 0))
    text.append(block, static_cast<size_t>(from.gcount()));
  return text;
}

/// False: said why.
bool read_definitions(const invocation& call, std::string& text, const terminal& console) {
  if (is_standard_stream(call)) {
    text = console.read_input();
    return true;
  }
  std::ifstream file{call.arguments[0], std::ios::binary};
  if (!file) {
    report_failure(call, exit_data, "File " + call.arguments[0] + " does not exist or is not readable by the CLI tool",
                   console);
    return false;
  }
  text = read_all(file);
  return true;
}

} // namespace

int export_definitions(invocation& call, const command& what, const terminal& console) {
  std::ofstream file;
  if (!is_standard_stream(call)) {
    file.open(call.arguments[0], std::ios::binary | std::ios::trunc);
    if (!file)
      return report_failure(call, exit_data,
                            "Directory or file " + call.arguments[0] + " is not writeable: " + std::strerror(errno),
                            console);
  }
  node_call node{call, console};
  if (const int code = node.open(); code != exit_code::ok)
    return code;
  control::response answer;
  control::request request = make_request(call, what);
  request.arguments.clear();
  if (const int code = node.ask(request, answer); code != exit_code::ok)
    return code;
  std::string text;
  for (const auto& part : answer.rows)
    if (const auto* piece = std::get_if<std::string>(&part[0].content))
      text += *piece;
  if (is_standard_stream(call)) {
    console.out(text + "\n");
    return exit_code::ok;
  }
  file << text;
  file.close();
  if (!file)
    return report_failure(call, exit_data, "Writing " + call.arguments[0] + " failed", console);
  return exit_code::ok;
}

int import_definitions(invocation& call, const command& what, const terminal& console) {
  control::request request = make_request(call, what);
  request.arguments.clear();
  if (!read_definitions(call, request.attachment, console))
    return exit_data;
  if (request.attachment.size() > control::attachment_max_bytes)
    return report_failure(call, exit_data, "The definitions are larger than 20 MB", console);
  node_call node{call, console};
  if (const int code = node.open(); code != exit_code::ok)
    return code;
  control::response answer;
  if (const int code = node.ask(request, answer); code != exit_code::ok)
    return code;
  for (const auto& entry : answer.rows)
    console.err("Not imported: " + plain_text(entry[0]) + "\n");
  if (call.format == layout::json)
    console.out(format_record({0, {}, {"node", "result"}, {{call.node, "ok"}}}));
  else if (!call.quiet && !call.silent)
    console.out("Successfully imported definitions\n");
  return exit_code::ok;
}

} // namespace broker::ctl

#include "command_line.hpp"

#include <algorithm>
#include <charconv>

#include "node_name.hpp"

namespace broker::ctl {

namespace {

struct option {
  std::string_view name;
  std::string_view letter;
  bool takes_value;
  /// False: the value is none.
  bool (*store)(invocation&, std::string_view);
};

bool store_timeout(invocation& into, std::string_view text) {
  if (text == "infinity") {
    into.timeout_s = -1;
    return true;
  }
  double seconds = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  constexpr double year_s = 31'536'000;
  if (failure != std::errc{} || end != text.data() + text.size() || !(seconds >= 0 && seconds <= year_s))
    return false;
  into.timeout_s = seconds;
  return true;
}

bool store_format(invocation& into, std::string_view text) {
  if (text == "json")
    into.format = layout::json;
  else if (text == "csv")
    into.format = layout::csv;
  else if (text == "table" || text == "pretty_table")
    into.format = layout::table;
  else
    return false;
  return true;
}

constexpr option options[] = {
  {"--node", "-n", true,
   [](invocation& i, std::string_view v) {
     i.node = v;
     return !v.empty();
   }},
  {"--vhost", "-p", true,
   [](invocation& i, std::string_view v) {
     i.vhost = v;
     return true;
   }},
  {"--timeout", "-t", true, store_timeout},
  {"--formatter", "", true, store_format},
  {"--erlang-cookie", "", true,
   [](invocation& i, std::string_view v) {
     i.cookie = v;
     return !v.empty();
   }},
  {"--quiet", "-q", false, [](invocation& i, std::string_view) { return i.quiet = true; }},
  {"--silent", "-s", false, [](invocation& i, std::string_view) { return i.silent = true; }},
  {"--no-table-headers", "", false, [](invocation& i, std::string_view) { return i.no_table_headers = true; }},
  {"--longnames", "-l", false, [](invocation&, std::string_view) { return true; }},
  {"--verbose", "", false, [](invocation&, std::string_view) { return true; }},
  {"--print-stacktrace", "", false, [](invocation&, std::string_view) { return true; }},
  {"--offline", "", false, [](invocation& i, std::string_view) { return i.offline = true; }},
  {"--online", "", false, [](invocation&, std::string_view) { return true; }},
  {"--local", "", false, [](invocation&, std::string_view) { return true; }},
  {"--help", "-h", false, [](invocation& i, std::string_view) { return i.help = true; }},
};

const option* find_option(std::string_view name) {
  const auto found = std::find_if(std::begin(options), std::end(options), [&](const option& each) {
    return name == each.name || (!each.letter.empty() && name == each.letter);
  });
  return found == std::end(options) ? nullptr : found;
}

void take_word(invocation& into, std::string_view word) {
  if (into.command.empty())
    into.command = word;
  else
    into.arguments.emplace_back(word);
}

} // namespace

result<void> parse_command_line(std::string_view program, std::span<const char* const> arguments,
                                std::string_view default_node, invocation& into) {
  const size_t slash = program.rfind('/');
  into.program = slash == std::string_view::npos ? program : program.substr(slash + 1);
  for (const char* each : arguments)
    into.given += (into.given.empty() ? "" : " ") + std::string{each};
  into.node = default_node;
  bool only_words = false; // after "--"
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    if (only_words || word.size() < 2 || word.front() != '-') {
      take_word(into, word);
      continue;
    }
    if (word == "--") {
      only_words = true;
      continue;
    }
    const size_t equals = word.starts_with("--") ? word.find('=') : std::string_view::npos;
    const option* known = find_option(word.substr(0, equals));
    if (known == nullptr)
      return error{0, "Invalid options for this command:\n\t" + std::string{word}};
    std::string_view value;
    if (equals != std::string_view::npos)
      value = word.substr(equals + 1);
    else if (known->takes_value && i + 1 < arguments.size())
      value = arguments[++i];
    if ((equals != std::string_view::npos && !known->takes_value) || !known->store(into, value))
      return error{0, "Invalid options for this command:\n\t" + std::string{word}};
  }
  auto node = complete_node_name(into.node);
  if (!node)
    return node.error();
  into.node = *node;
  return {};
}

} // namespace broker::ctl

#include "command_line.hpp"

#include <algorithm>
#include <charconv>

#include "command.hpp"
#include "node_name.hpp"

namespace broker::ctl {

namespace {

/// An option that every command takes.
struct general_option {
  option what;
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
  constexpr std::pair<std::string_view, layout> layouts[] = {
    {"json", layout::json}, {"csv", layout::csv}, {"table", layout::table}, {"pretty_table", layout::pretty_table}};
  for (const auto& [name, format] : layouts)
    if (text == name) {
      into.format = format;
      return true;
    }
  return false;
}

bool nothing(invocation&, std::string_view) {
  return true;
}

constexpr general_option general_options[] = {
  {{"--node", "-n", true},
   [](invocation& i, std::string_view v) {
     i.node = v;
     return !v.empty();
   }},
  {{"--vhost", "-p", true},
   [](invocation& i, std::string_view v) {
     i.vhost = v;
     return true;
   }},
  {{"--timeout", "-t", true}, store_timeout},
  {{"--formatter", "", true}, store_format},
  {{"--erlang-cookie", "", true},
   [](invocation& i, std::string_view v) {
     i.cookie = v;
     return !v.empty();
   }},
  {{"--quiet", "-q"}, [](invocation& i, std::string_view) { return i.quiet = true; }},
  {{"--silent", "-s"}, [](invocation& i, std::string_view) { return i.silent = true; }},
  {{"--no-table-headers", ""}, [](invocation& i, std::string_view) { return i.no_table_headers = true; }},
  {{"--longnames", "-l"}, nothing},
  {{"--print-stacktrace", ""}, nothing},
  {{"--help", "-h"}, [](invocation& i, std::string_view) { return i.help = true; }},
};

bool is_called(const option& what, std::string_view word) {
  return word == what.name || (!what.letter.empty() && word == what.letter);
}

/// "--x=y" → "--x" and its value.
struct split_word {
  std::string_view name;
  std::optional<std::string_view> value;
};

split_word split(std::string_view word) {
  const size_t equals = word.starts_with("--") ? word.find('=') : std::string_view::npos;
  if (equals == std::string_view::npos)
    return {word, {}};
  return {word.substr(0, equals), word.substr(equals + 1)};
}

/// A negative number is an argument.
bool is_option(std::string_view word) {
  return word.size() >= 2 && word[0] == '-' && !(word[1] >= '0' && word[1] <= '9');
}

/// Does any option of any command by that name take a value? Only needed to find the command's own word.
bool takes_value(std::string_view name) {
  for (const auto& each : general_options)
    if (is_called(each.what, name))
      return each.what.takes_value;
  for (const auto& each : commands())
    for (const auto& own : each.options)
      if (is_called(own, name))
        return own.takes_value;
  return false;
}

std::string command_word(std::span<const char* const> arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const auto word = split(arguments[i]);
    if (!is_option(word.name))
      return arguments[i];
    if (!word.value && takes_value(word.name))
      ++i;
  }
  return {};
}

/// Reads one invocation whose command is known (or null).
class reader {
public:
  reader(const command* what, invocation& into) : what_(what), into_(into) {}

  /// Words that cannot be understood, as RabbitMQ lists them; "" when there are none.
  std::string read(std::span<const char* const> arguments) {
    bool only_words = false; // after "--"
    for (size_t i = 0; i < arguments.size(); ++i) {
      const std::string_view word = arguments[i];
      if (only_words || !is_option(word))
        take_word(word);
      else if (word == "--")
        only_words = true;
      else
        take_option(arguments, i);
    }
    return problems_;
  }

private:
  void take_word(std::string_view word) {
    if (!command_seen_)
      command_seen_ = true;
    else
      into_.arguments.emplace_back(word);
  }

  void take_option(std::span<const char* const> arguments, size_t& at) {
    const auto word = split(arguments[at]);
    std::string_view value = word.value.value_or("");
    const auto* general = std::find_if(std::begin(general_options), std::end(general_options),
                                       [&](const general_option& each) { return is_called(each.what, word.name); });
    const bool is_general = general != std::end(general_options) && own_option(word.name) == nullptr;
    const option* known = is_general ? &general->what : own_option(word.name);
    if (known == nullptr)
      return bad(word.name, {});
    if (known->takes_value && !word.value) {
      if (at + 1 == arguments.size())
        return bad(word.name, {});
      value = arguments[++at];
    }
    if (word.value && !known->takes_value)
      return bad(word.name, value);
    if (is_general ? !general->store(into_, value) : !store(*known, value))
      bad(word.name, value);
  }

  const option* own_option(std::string_view name) const {
    if (what_ != nullptr)
      for (const auto& own : what_->options)
        if (is_called(own, name))
          return &own;
    return nullptr;
  }

  bool store(const option& known, std::string_view value) {
    into_.options[std::string{known.name.substr(2)}] = known.takes_value ? value : "true";
    return true;
  }

  void bad(std::string_view name, std::string_view value) {
    problems_ += (problems_.empty() ? "" : "\n") + std::string{name} + " : " + std::string{value};
  }

  const command* const what_;
  invocation& into_;
  bool command_seen_ = false;
  std::string problems_;
};

} // namespace

result<void> parse_command_line(std::string_view program, std::span<const char* const> arguments,
                                std::string_view default_node, invocation& into) {
  const size_t slash = program.rfind('/');
  into.program = slash == std::string_view::npos ? program : program.substr(slash + 1);
  for (const char* each : arguments)
    into.given += (into.given.empty() ? "" : " ") + std::string{each};
  into.node = default_node;
  into.command = command_word(arguments);
  const std::string problems = reader{find_command(into.program, into.command), into}.read(arguments);
  if (!problems.empty())
    return error{0, "Invalid options for this command:\n" + problems};
  auto node = complete_node_name(into.node);
  if (!node)
    return node.error();
  into.node = *node;
  return {};
}

} // namespace broker::ctl

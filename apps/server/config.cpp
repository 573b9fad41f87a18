#include "config.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <numeric>
#include <sstream>

#include "config_values.hpp"

namespace broker {

namespace {

constexpr size_t file_max_bytes = 1024 * 1024;
/// Notes kept for the log at start.
constexpr size_t notes_max = 100;
/// Reading ends after this many mistakes: more would only scroll the first away, and each costs a search.
constexpr size_t mistakes_max = 20;

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// One line of the file, or why it is not one. An empty key means a blank or comment line.
struct parsed_line {
  std::string_view key;
  std::string_view value;
  std::string problem;
};

bool is_key(std::string_view key) {
  return std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '.' || c == '-' || c == '\\' || c == '@' || c == '%';
  });
}

/// Single quotes protect `#` and blanks; anything else ends at the first `#` (the rule of rabbitmq.conf).
parsed_line parse_line(std::string_view line) {
  const std::string_view text = trim(line);
  if (text.empty() || text.front() == '#')
    return {};
  if (text.find('\0') != std::string_view::npos)
    return {{}, {}, "holds a zero byte: this is not a text file"};
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos)
    return {{}, {}, "expects `key = value`"};
  const std::string_view key = trim(text.substr(0, equals));
  if (key.empty() || !is_key(key))
    return {{}, {}, "expects `key = value`, and a key consists of letters, digits, '_', '-' and '.'"};
  std::string_view value = trim(text.substr(equals + 1));
  if (!value.empty() && value.front() == '\'') {
    const size_t close = value.find('\'', 1);
    if (close == std::string_view::npos)
      return {{}, {}, "a value that starts with ' needs a closing '"};
    const std::string_view after = trim(value.substr(close + 1));
    if (!after.empty() && after.front() != '#')
      return {{}, {}, "text after the closing '"};
    return {key, value.substr(1, close - 1), {}};
  }
  value = trim(value.substr(0, value.find('#')));
  if (value.empty())
    return {{}, {}, "'" + std::string{key} + "' has no value"};
  return {key, value, {}};
}

/// `$` matches exactly one segment and is returned; "\." inside it is a dot.
bool matches(std::string_view pattern, std::string_view key, std::string& name) {
  const size_t hole = pattern.find('$');
  if (hole == std::string_view::npos)
    return pattern == key;
  const std::string_view before = pattern.substr(0, hole), after = pattern.substr(hole + 1);
  if (key.size() <= before.size() + after.size() || !key.starts_with(before) || !key.ends_with(after))
    return false;
  const std::string_view segment = key.substr(before.size(), key.size() - before.size() - after.size());
  std::string plain;
  for (size_t i = 0; i < segment.size(); ++i) {
    if (segment[i] == '.')
      return false;
    if (segment[i] == '\\' && i + 1 < segment.size())
      ++i;
    plain.push_back(segment[i]);
  }
  name = std::move(plain);
  return true;
}

const config_key* find_key(std::string_view key, std::string& name) {
  const config_key* found = nullptr;
  for (const auto& known : config_keys()) {
    if (known.pattern == key)
      return &known; // an exact key beats a pattern
    if (found == nullptr && matches(known.pattern, key, name))
      found = &known;
  }
  return found;
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

/// "" or what is wrong with the setting.
std::string apply_setting(std::string_view key, std::string_view value, node_config& config) {
  std::string name;
  const config_key* known = find_key(key, name);
  if (known == nullptr) {
    const std::string near = nearest_config_key(key);
    return "unknown key '" + std::string{key} + "'" + (near.empty() ? "" : "; did you mean '" + near + "'?");
  }
  const std::string quoted = "'" + std::string{key} + "' ";
  switch (known->what) {
  case config_key::treatment::refused:
    return quoted + "is not supported: " + std::string{known->meaning};
  case config_key::treatment::noted:
    if (config.notes.size() < notes_max)
      config.notes.push_back("configuration key " + quoted + "has no effect: " + std::string{known->meaning});
    return {};
  case config_key::treatment::honoured:
    break;
  }
  const std::string problem = known->apply(config, {key, name, value});
  return problem.empty() ? std::string{} : quoted + problem;
}

} // namespace

std::string nearest_config_key(std::string_view key) {
  constexpr size_t key_max = 80; // beyond it nothing is near
  if (key.size() > key_max)
    return {};
  const size_t tolerance = std::max<size_t>(2, key.size() / 3);
  std::string_view best;
  size_t best_distance = tolerance + 1;
  for (const auto& known : config_keys()) {
    if (known.what == config_key::treatment::refused)
      continue;
    if (const size_t distance = edit_distance(key, known.pattern); distance < best_distance) {
      best = known.pattern;
      best_distance = distance;
    }
  }
  return std::string{best};
}

result<void> apply_config_text(std::string_view text, std::string_view file_name, node_config& config) {
  std::string mistakes;
  size_t count = 0, number = 0;
  const auto report = [&](const std::string& problem) {
    ++count;
    mistakes += (mistakes.empty() ? "" : "\n") + std::string{file_name} + ":" + std::to_string(number) + ": " + problem;
  };
  while (!text.empty() && count < mistakes_max) {
    ++number;
    const size_t end = text.find('\n');
    const parsed_line line = parse_line(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (!line.problem.empty())
      report(line.problem);
    else if (!line.key.empty())
      if (const std::string problem = apply_setting(line.key, line.value, config); !problem.empty())
        report(problem);
  }
  if (count > 0)
    return error{0, mistakes};
  return {};
}

result<void> apply_config_file(const std::filesystem::path& file, node_config& config) {
  std::ifstream in{file, std::ios::binary};
  if (!in)
    return error{0, file.string() + ": cannot be read: " + std::strerror(errno)};
  std::string text(file_max_bytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad())
    return error{0, file.string() + ": cannot be read: " + std::strerror(errno)};
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() > file_max_bytes)
    return error{0, file.string() + ": is larger than 1 MiB"};
  return apply_config_text(text, file.string(), config);
}

} // namespace broker

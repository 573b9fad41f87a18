#include "management/sort_key.hpp"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

namespace broker::management {

namespace {

/// Behind the text that begins at `at`.
size_t skip_text(std::string_view json, size_t at) {
  for (++at; at < json.size() && json[at] != '"'; ++at)
    at += json[at] == '\\' ? 1 : 0;
  return std::min(at + 1, json.size());
}

/// Behind the value that begins at `at`.
size_t skip_value(std::string_view json, size_t at) {
  size_t depth = 0;
  while (at < json.size()) {
    const char c = json[at];
    if (c == '"') {
      at = skip_text(json, at);
      if (depth == 0)
        return at;
      continue;
    }
    if (c == '{' || c == '[')
      ++depth;
    else if (depth == 0 && (c == ',' || c == '}' || c == ']'))
      return at;
    else if ((c == '}' || c == ']') && --depth == 0)
      return at + 1;
    ++at;
  }
  return at;
}

/// "" when there is none of that name.
std::string_view member_in(std::string_view object, std::string_view name) {
  if (!object.starts_with('{'))
    return {};
  size_t at = 1;
  while (at < object.size() && object[at] == '"') {
    const size_t key_end = skip_text(object, at);
    const auto key = object.substr(at + 1, key_end - at - 2);
    const size_t begin = key_end + 1; // behind the colon
    const size_t end = skip_value(object, begin);
    if (key == name && begin < end)
      return object.substr(begin, end - begin);
    at = end + 1; // behind the comma
  }
  return {};
}

sort_key key_of(std::string_view value) {
  sort_key key;
  if (value.empty() || value == "null")
    return key;
  if (value == "true" || value == "false") {
    key.what = sort_key::kind::truth;
    key.number = value == "true" ? 1 : 0;
  } else if (value.front() == '"') {
    key.what = sort_key::kind::text;
    key.text = value.substr(1, value.size() - 2);
    if (key.text.find('\\') != std::string::npos) {
      const auto read = nlohmann::json::parse(value, nullptr, false);
      if (read.is_string())
        key.text = read.get<std::string>();
    }
  } else if (value.front() == '{' || value.front() == '[') {
    key.what = sort_key::kind::whole;
  } else {
    key.what = sort_key::kind::number;
    std::from_chars(value.data(), value.data() + value.size(), key.number);
  }
  return key;
}

} // namespace

sort_key sort_key_in(std::string_view object, std::span<const std::string> path) {
  for (const auto& name : path)
    object = member_in(object, name);
  return key_of(object);
}

} // namespace broker::management

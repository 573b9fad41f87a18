#include "model/json.hpp"

#include <nlohmann/json.hpp>

#include "base/limits.hpp"

namespace broker {
namespace {

std::string joined(const nlohmann::json& value) {
  std::string text;
  for (const auto& [key, item] : value.items()) {
    if (!text.empty())
      text += ",";
    text += value.is_object() ? "<<\"" + key + "\">> => " + json_term(item) : json_term(item);
  }
  return text;
}

} // namespace

result<nlohmann::json> parse_json(std::string_view text, size_t max_bytes) {
  if (text.size() > max_bytes)
    return error{0, "JSON of " + std::to_string(text.size()) + " bytes; at most " + std::to_string(max_bytes)
                      + " are accepted"};
  bool too_deep = false;
  const auto watch_depth = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    too_deep = too_deep || depth > static_cast<int>(limits::json_depth_max);
    return !too_deep; // what is too deep is dropped as it is read
  };
  auto value = nlohmann::json::parse(text.begin(), text.end(), watch_depth, false);
  if (too_deep)
    return error{0, "JSON nested deeper than " + std::to_string(limits::json_depth_max)};
  if (value.is_discarded())
    return error{0, "JSON decoding error. Reason: badarg"};
  return value;
}

std::string json_term(const nlohmann::json& value) {
  if (const auto* text = value.get_ptr<const std::string*>())
    return "<<\"" + *text + "\">>";
  if (value.is_array())
    return "[" + joined(value) + "]";
  if (value.is_object())
    return "#{" + joined(value) + "}";
  return value.dump();
}

} // namespace broker

#include "management/ended_sessions.hpp"

#include <nlohmann/json.hpp>

#include "base/hex.hpp"

namespace broker::management {

std::string to_text(const ended_sessions& from) {
  nlohmann::json ended = nlohmann::json::object();
  for (const auto& [id, until_ms] : from.until_ms)
    ended[to_hex(id)] = until_ms;
  return nlohmann::json{{"ended", std::move(ended)}, {"none_before", from.none_before_ms}}.dump();
}

ended_sessions ended_sessions_in(std::string_view text) {
  ended_sessions found;
  const auto all = nlohmann::json::parse(text, nullptr, false);
  if (!all.is_object())
    return found;
  if (const auto before = all.find("none_before"); before != all.end() && before->is_number_unsigned())
    found.none_before_ms = before->get<uint64_t>();
  const auto ended = all.find("ended");
  if (ended == all.end() || !ended->is_object())
    return found;
  for (const auto& [id, until] : ended->items())
    if (auto octets = from_hex(id); octets && until.is_number_unsigned())
      found.until_ms.emplace(*std::move(octets), until.get<uint64_t>());
  return found;
}

} // namespace broker::management

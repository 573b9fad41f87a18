#include "queue/death_headers.hpp"

#include <algorithm>
#include <utility>

namespace broker::queueing {

using amqp::field_array;
using amqp::field_table;
using amqp::field_value;
using amqp::longstr;

namespace {

field_value text(std::string_view bytes) {
  return {longstr{std::string{bytes}}};
}

bool says(const field_table& table, std::string_view key, std::string_view wanted) {
  const field_value* found = table.find(key);
  const std::string* value = found ? found->as_string() : nullptr;
  return value && *value == wanted;
}

/// The routing key and those of CC. BCC keys stay secret (W47).
field_array routing_keys(const message& what, const field_table& headers) {
  field_array keys;
  keys.values.push_back(text(what.routing_key()));
  const field_value* copies = headers.find("CC");
  if (const auto* listed = copies ? std::get_if<field_array>(&copies->value) : nullptr)
    for (const field_value& one : listed->values)
      if (one.as_string())
        keys.values.push_back(one);
  return keys;
}

field_table new_death(const death& what, const message& as_published, const amqp::properties& properties) {
  field_table made;
  if (properties.expiration)
    made.set("original-expiration", text(*properties.expiration));
  made.set("count", {int64_t{1}});
  made.set("reason", text(name_of(what.why)));
  made.set("queue", text(what.queue));
  made.set("time", {amqp::timestamp{what.time_s}});
  made.set("exchange", text(as_published.exchange()));
  made.set("routing-keys", {routing_keys(as_published, *properties.headers)});
  return made;
}

/// The deaths so far, the latest first.
field_array take_deaths(field_table& headers) {
  for (auto& [name, value] : headers.entries)
    if (auto* deaths = name == "x-death" ? std::get_if<field_array>(&value.value) : nullptr)
      return std::move(*deaths);
  return {};
}

/// By name and each once, as RabbitMQ writes the headers of a message that it has added to.
void sort_headers(field_table& headers) {
  auto& entries = headers.entries;
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  entries.erase(
    std::unique(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.first == b.first; }),
    entries.end());
}

} // namespace

std::string_view name_of(dead_letter_reason why) noexcept {
  switch (why) {
  case dead_letter_reason::expired:
    return "expired";
  case dead_letter_reason::maxlen:
    return "maxlen";
  case dead_letter_reason::delivery_limit:
    return "delivery_limit";
  default:
    return "rejected";
  }
}

void record_death(const death& what, const message& as_published, amqp::properties& properties) {
  if (!properties.headers)
    properties.headers.emplace();
  field_table& headers = *properties.headers;
  const std::string_view reason = name_of(what.why);
  const bool first = headers.find("x-death") == nullptr;

  field_array deaths = take_deaths(headers);
  auto& list = deaths.values;
  const auto same = std::find_if(list.begin(), list.end(), [&](const field_value& one) {
    const auto* table = std::get_if<field_table>(&one.value);
    return table && says(*table, "queue", what.queue) && says(*table, "reason", reason);
  });
  if (same == list.end()) {
    list.insert(list.begin(), {new_death(what, as_published, properties)});
  } else {
    auto& table = std::get<field_table>(same->value);
    int64_t count = 0;
    if (const field_value* counted = table.find("count"))
      counted->as_integer(count);
    table.set("count", {count + 1});
    std::rotate(list.begin(), same, same + 1);
  }
  headers.set("x-death", {std::move(deaths)});
  if (first) {
    headers.set("x-first-death-reason", text(reason));
    headers.set("x-first-death-queue", text(what.queue));
    headers.set("x-first-death-exchange", text(as_published.exchange()));
  }
  headers.set("x-last-death-reason", text(reason));
  headers.set("x-last-death-queue", text(what.queue));
  headers.set("x-last-death-exchange", text(as_published.exchange()));
  sort_headers(headers);
  properties.expiration.reset();
}

bool is_death_cycle(const amqp::properties& properties, std::string_view queue) {
  const field_value* found = properties.headers ? properties.headers->find("x-death") : nullptr;
  const auto* deaths = found ? std::get_if<field_array>(&found->value) : nullptr;
  if (!deaths)
    return false;
  for (const field_value& one : deaths->values) {
    const auto* table = std::get_if<field_table>(&one.value);
    if (!table)
      continue;
    if (says(*table, "reason", "rejected"))
      return false;
    if (says(*table, "queue", queue))
      return true;
  }
  return false;
}

} // namespace broker::queueing

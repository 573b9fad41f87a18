#include "deaths.hpp"

namespace broker::sim {

using amqp::field_array;
using amqp::field_table;
using amqp::field_value;

namespace {

std::string text_of(const field_table& table, std::string_view name) {
  const field_value* found = table.find(name);
  const std::string* text = found ? found->as_string() : nullptr;
  return text ? *text : "";
}

death_seen read_death(const field_table& table) {
  death_seen one;
  one.queue = text_of(table, "queue");
  one.reason = text_of(table, "reason");
  int64_t count = 0;
  if (const field_value* found = table.find("count"); found && found->as_integer(count))
    one.count = static_cast<uint64_t>(count);
  const field_value* time = table.find("time");
  if (const auto* seconds = time ? std::get_if<amqp::timestamp>(&time->value) : nullptr)
    one.time_s = seconds->seconds;
  if (table.find("original-expiration"))
    one.original_expiration = text_of(table, "original-expiration");
  return one;
}

/// x-first-death-* and x-last-death-* repeat what x-death says.
void check_repetitions(const field_table& headers, const deaths_seen& deaths, std::string& problem) {
  const auto same = [&](std::string_view name, const std::string& wanted) {
    if (text_of(headers, name) != wanted)
      problem = std::string{name} + " is '" + text_of(headers, name) + "', x-death says '" + wanted + "'";
  };
  same("x-last-death-queue", deaths.all.front().queue);
  same("x-last-death-reason", deaths.all.front().reason);
  if (deaths.total != deaths.all.size())
    return; // it went in a circle: the first death is no longer the last entry
  same("x-first-death-queue", deaths.all.back().queue);
  same("x-first-death-reason", deaths.all.back().reason);
}

} // namespace

deaths_seen read_deaths(const amqp::properties& properties, std::string& problem) {
  deaths_seen found;
  const field_value* header = properties.headers ? properties.headers->find("x-death") : nullptr;
  if (!header)
    return found;
  const auto* list = std::get_if<field_array>(&header->value);
  for (size_t at = 0; list && at < list->values.size(); ++at)
    if (const auto* table = std::get_if<field_table>(&list->values[at].value)) {
      found.all.push_back(read_death(*table));
      found.total += found.all.back().count;
    }
  if (found.all.empty())
    problem = "x-death lists no death";
  else
    check_repetitions(*properties.headers, found, problem);
  return found;
}

} // namespace broker::sim

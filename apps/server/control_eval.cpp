// The Erlang expressions that the Java client's own tests send through `rabbitmqctl eval` (features.md O11): known by
// heart, not evaluated.
#include <algorithm>
#include <charconv>

#include "control_verb.hpp"

namespace broker {

namespace {

using control::reply;
using control::request;

std::string without_blanks(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\t' || c == '\n'; });
  return text;
}

/// The names in loopback_users, as Erlang prints them.
std::string loopback_users_term(const node_view& node) {
  std::string term;
  for (const auto& [name, setting] : node.settings())
    if (const auto* users = std::get_if<control::value_list>(&setting.content); users && name == "loopback_users")
      for (const auto& user : *users)
        term += (term.empty() ? "<<\"" : ",<<\"") + std::get<std::string>(user.content) + "\">>";
  return "{ok,[" + term + "]}";
}

bool set_channel_max(node_view& node, std::string_view expression) {
  constexpr std::string_view before = "application:set_env(rabbit,channel_max,", after = ").";
  if (!expression.starts_with(before) || !expression.ends_with(after))
    return false;
  const auto digits = expression.substr(before.size(), expression.size() - before.size() - after.size());
  uint16_t most = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), most);
  if (failed != std::errc{} || end != digits.data() + digits.size() || most == 0)
    return false;
  node.set_channel_max(most);
  return true;
}

bool change_alarm(node_view& node, std::string_view expression) {
  constexpr std::pair<std::string_view, resource> resources[] = {{"memory", resource::memory},
                                                                 {"disk", resource::disk}};
  for (const auto& [name, what] : resources) {
    const std::string limit = "{resource_limit," + std::string{name} + ",node()}";
    const bool on = expression == "rabbit_alarm:set_alarm({" + limit + ",[]}).";
    if (on || expression == "rabbit_alarm:clear_alarm(" + limit + ").") {
      node.force_alarm(what, on);
      return true;
    }
  }
  return false;
}

bool change_loopback_users(node_view& node, std::string_view expression) {
  const bool free = expression == "application:set_env(rabbit,loopback_users,[]).";
  if (!free && expression != "application:set_env(rabbit,loopback_users,[<<\"guest\">>]).")
    return false;
  node.free_loopback_users(free);
  return true;
}

void eval(node_view& node, const request& what, reply done) {
  const std::string expression = without_blanks(what.arguments[0]);
  if (expression == "application:get_env(rabbit,loopback_users).")
    return done(one_value(loopback_users_term(node)));
  if (change_alarm(node, expression) || set_channel_max(node, expression) || change_loopback_users(node, expression))
    return done(one_value("ok"));
  done(failure(exit_with::unavailable, "there is no Erlang here: eval answers only what clients' tests ask"));
}

constexpr verb verbs[] = {{"eval", 1, 1, eval}};

} // namespace

std::span<const verb> eval_verbs() {
  return verbs;
}

} // namespace broker

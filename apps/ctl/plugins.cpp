#include "plugins.hpp"

#include <algorithm>
#include <set>

#include <re2/re2.h>

#include "ask.hpp"
#include "formatter.hpp"

namespace broker::ctl {

namespace {

struct plugin {
  std::string name;
  std::string version;
  bool enabled = false;
  bool running = false;
};

using name_set = std::set<std::string>;

std::vector<plugin> plugins_in(const control::response& answer) {
  std::vector<plugin> all;
  for (const auto& cells : answer.rows)
    all.push_back(
      {plain_text(cells[0]), plain_text(cells[1]), cells[2] == control::value{true}, cells[3] == control::value{true}});
  return all;
}

name_set enabled_in(const std::vector<plugin>& all) {
  name_set names;
  for (const auto& each : all)
    if (each.enabled)
      names.insert(each.name);
  return names;
}

std::string lines(const name_set& names) {
  std::string text;
  for (const auto& name : names)
    text += "  " + name + "\n";
  return text;
}

name_set without(const name_set& from, const name_set& what) {
  name_set rest;
  std::set_difference(from.begin(), from.end(), what.begin(), what.end(), std::inserter(rest, rest.end()));
  return rest;
}

/// What rabbitmq-plugins says after a change.
std::string change_text(const invocation& call, const name_set& before, const name_set& now) {
  std::string text =
    now.empty() ? "All plugins have been disabled.\n" : "The following plugins have been configured:\n" + lines(now);
  text += "Applying plugin configuration to " + call.node + "...\n";
  const name_set started = without(now, before), stopped = without(before, now);
  if (started.empty() && stopped.empty())
    return text + "Plugin configuration unchanged.\n";
  if (!started.empty())
    text += "The following plugins have been enabled:\n" + lines(started) + "\n";
  if (!stopped.empty())
    text += "The following plugins have been disabled:\n" + lines(stopped) + "\n";
  if (!started.empty())
    text += "started " + std::to_string(started.size()) + " plugins.\n";
  if (!stopped.empty())
    text += "stopped " + std::to_string(stopped.size()) + " plugins.\n";
  return text;
}

/// Connects and asks for the list. Returns an exit code.
int ask_for_plugins(node_call& node, std::vector<plugin>& all) {
  if (const int code = node.open(); code != exit_code::ok)
    return code;
  control::response answer;
  const int code = node.ask({"list_plugins", {}, {}, {}}, answer);
  if (code == exit_code::ok)
    all = plugins_in(answer);
  return code;
}

/// Asks for the list, lets `choose` say what is enabled from now on, and tells the node.
template<class Choose>
int change(const invocation& call, const terminal& console, Choose choose) {
  node_call node{call, console};
  std::vector<plugin> all;
  if (const int code = ask_for_plugins(node, all); code != exit_code::ok)
    return code;
  const name_set before = enabled_in(all), now = choose(all, before);
  control::response done;
  if (const int code = node.ask({"set_plugins", {now.begin(), now.end()}, {}, {}}, done); code != exit_code::ok)
    return code;
  console.out(call.format == layout::json ? format_record({0, {}, {"node", "result"}, {{call.node, "ok"}}})
                                          : change_text(call, before, now));
  for (const auto& each : all)
    if (!each.running && now.contains(each.name) && !before.contains(each.name))
      console.err("Warning: " + each.name + " is not part of Warren: its name is noted, nothing was started\n");
  return exit_code::ok;
}

name_set all_names(const std::vector<plugin>& all) {
  name_set names;
  for (const auto& each : all)
    names.insert(each.name);
  return names;
}

name_set given_names(const invocation& call) {
  return {call.arguments.begin(), call.arguments.end()};
}

std::string list_page(const invocation& call, const std::vector<plugin>& shown) {
  std::string page;
  if (call.has("minimal")) {
    for (const auto& each : shown)
      page += each.name + "\n";
    return page;
  }
  size_t width = 0;
  for (const auto& each : shown)
    width = std::max(width, each.name.size());
  page =
    " Configured: E = explicitly enabled; e = implicitly enabled\n | Status: * = running on " + call.node + "\n |/\n";
  for (const auto& each : shown) {
    page += std::string{"["} + (each.enabled ? "E" : " ") + (each.enabled && each.running ? "*" : " ") + "] ";
    page += call.has("verbose") ? each.name + "\n     Version:     \t" + each.version + "\n"
                                : each.name + std::string(width - each.name.size() + 1, ' ') + each.version + "\n";
  }
  return page;
}

std::string list_json(const std::vector<plugin>& shown) {
  control::value_list records;
  for (const auto& each : shown)
    records.emplace_back(control::value_record{{"enabled", each.enabled ? "enabled" : "not_enabled"},
                                               {"name", each.name},
                                               {"running", each.enabled && each.running},
                                               {"version", each.version}});
  return format_record({0, {}, {"format", "plugins", "status"}, {{"normal", records, "running"}}});
}

} // namespace

int enable_plugins(invocation& call, const command&, const terminal& console) {
  return change(call, console, [&](const std::vector<plugin>& all, name_set enabled) {
    enabled.merge(call.has("all") ? all_names(all) : given_names(call));
    return enabled;
  });
}

int disable_plugins(invocation& call, const command&, const terminal& console) {
  return change(call, console, [&](const std::vector<plugin>&, const name_set& enabled) {
    return call.has("all") ? name_set{} : without(enabled, given_names(call));
  });
}

int set_plugins(invocation& call, const command&, const terminal& console) {
  return change(call, console, [&](const std::vector<plugin>&, const name_set&) { return given_names(call); });
}

int check_plugins(invocation& call, const command&, const terminal& console) {
  node_call node{call, console};
  std::vector<plugin> all;
  if (const int code = ask_for_plugins(node, all); code != exit_code::ok)
    return code;
  const name_set enabled = enabled_in(all), missing = without(given_names(call), enabled);
  const auto joined = [](const name_set& names) {
    std::string text;
    for (const auto& name : names)
      text += (text.empty() ? "" : ", ") + name;
    return text;
  };
  const auto subject = [&](const name_set& names) {
    return (names.size() == 1 ? "Plugin " : "Plugins ") + joined(names) + (names.size() == 1 ? " is" : " are");
  };
  if (!missing.empty())
    return report_failure(call, exit_code::unavailable,
                          subject(missing) + " not enabled on node " + call.node
                            + ". Enabled plugins and dependencies: " + joined(enabled),
                          console);
  console.out(subject(given_names(call)) + " enabled on node " + call.node + "\n");
  return exit_code::ok;
}

int list_plugins(invocation& call, const command&, const terminal& console) {
  node_call node{call, console};
  std::vector<plugin> all;
  if (const int code = ask_for_plugins(node, all); code != exit_code::ok)
    return code;
  std::vector<plugin> shown;
  const re2::RE2 pattern{call.arguments.empty() ? ".*" : call.arguments[0], re2::RE2::Quiet};
  if (!pattern.ok())
    return report_failure(call, exit_code::software, "invalid pattern", console);
  for (auto& each : all)
    if (re2::RE2::PartialMatch(each.name, pattern)
        && (each.enabled || !(call.has("enabled") || call.has("implicitly-enabled"))))
      shown.push_back(std::move(each));
  console.out(call.format == layout::json ? list_json(shown) : list_page(call, shown));
  return exit_code::ok;
}

} // namespace broker::ctl

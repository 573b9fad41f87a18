// The node itself: what it is, how it does, what it is told at run time (features.md O05, O08, O10, O46).
#include <algorithm>
#include <charconv>
#include <cmath>

#include "config_values.hpp"
#include "control_status.hpp"
#include "control_verb.hpp"
#include "version.hpp"

namespace broker {

namespace {

using control::reply;
using control::request;
using control::response;
using control::value;
using control::value_record;

void status(node_view& node, const request&, reply done) {
  done(status_answer(node.facts()));
}

void cluster_status(node_view& node, const request&, reply done) {
  auto members = node.cluster().nodes();
  std::vector<std::string> others;
  for (const auto& each : members)
    if (each.running && each.node != node.name())
      others.push_back(each.node);
  if (others.empty())
    return done(cluster_status_answer(node.facts(), members, {}));
  node.ask_members(std::move(others), {"own_status", {}, {}, {}},
                   [facts = node.facts(), members = std::move(members), done = std::move(done)](const auto& told) {
                     done(cluster_status_answer(facts, members, told));
                   });
}

void listeners(node_view& node, const request&, reply done) {
  const auto facts = node.facts();
  response answer = table({"interface", "node", "port", "protocol", "purpose"});
  for (const auto& each : facts.listeners)
    answer.rows.push_back({each.interface, facts.node, each.port, each.protocol, each.purpose});
  done(std::move(answer));
}

void alarms(node_view& node, const request&, reply done) {
  const auto facts = node.facts();
  response answer = table({"alarm", "node"});
  for (const auto& each : facts.alarms)
    answer.rows.push_back({each, facts.node});
  for (const auto& [other, what] : facts.other_nodes)
    for (const auto& each : cluster::alarm_texts(other, what))
      answer.rows.push_back({each, other});
  done(std::move(answer));
}

void server_version(node_view&, const request&, reply done) {
  done(one_value(rabbitmq_version));
}

/// Shares of the resident memory; what is not counted is "other".
void memory_breakdown(node_view& node, const request&, reply done) {
  const auto facts = node.facts();
  const uint64_t total = std::max<uint64_t>(facts.memory_bytes, 1);
  const uint64_t messages = std::min(facts.message_bytes, total);
  response answer;
  answer.rows.emplace_back();
  const std::pair<const char*, uint64_t> parts[] = {{"messages", messages}, {"other", total - messages}};
  for (const auto& [name, bytes] : parts) {
    const double percentage = std::round(static_cast<double>(bytes) * 10'000 / static_cast<double>(total)) / 100;
    answer.columns.emplace_back(name);
    answer.rows[0].push_back(value_record{{"bytes", bytes}, {"percentage", percentage}});
  }
  done(std::move(answer));
}

void cookie_hash(node_view& node, const request&, reply done) {
  done(one_value(node.cookie_hash()));
}

void log_tail(node_view& node, const request& what, reply done) {
  constexpr size_t lines_max = 100'000;
  size_t lines = 50;
  if (const auto text = option_of(what, "number"))
    std::from_chars(text->data(), text->data() + text->size(), lines); // the tool has checked it
  const auto newest = node.log_tail(std::min(lines, lines_max));
  if (!newest)
    return done(failure(exit_with::unavailable, newest.error().text));
  response answer = table({"line"});
  for (const auto& line : *newest)
    answer.rows.push_back({line});
  done(std::move(answer));
}

void log_location(node_view& node, const request&, reply done) {
  response answer = table({"file"});
  if (const auto file = node.facts().log_file; !file.empty())
    answer.rows.push_back({file});
  done(std::move(answer));
}

void environment(node_view& node, const request&, reply done) {
  response answer;
  answer.rows.emplace_back();
  for (auto& [name, setting] : node.settings()) {
    answer.columns.push_back(name);
    answer.rows[0].push_back(std::move(setting));
  }
  done(std::move(answer));
}

void list_feature_flags(node_view&, const request& what, reply done) {
  done(feature_flag_rows(what.columns));
}

/// All of them are always enabled.
void enable_feature_flag(node_view& node, const request& what, reply done) {
  const auto& name = what.arguments[0];
  if (name.empty())
    return done(failure(exit_with::usage, "Feature flag name cannot be empty"));
  const auto known = feature_flag_rows({"name"});
  const bool exists = name == "all" || std::any_of(known.rows.begin(), known.rows.end(), [&](const control::row& each) {
                        return each[0] == value{name};
                      });
  if (!exists)
    return done(failure(exit_with::usage, "This feature flag is not supported by node " + node.facts().node));
  done({});
}

// -- settings, until the next start
// -------------------------------------------------------------------------------------

constexpr uint64_t exabyte = 1'000'000'000'000'000'000;

/// A factor of the memory as bytes. Error: not a number, negative, or more than `most`.
result<uint64_t> share_of(const std::string& text, uint64_t total, double most) {
  double factor = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), factor);
  if (failed != std::errc{} || end != text.data() + text.size() || !(factor >= 0 && factor <= most))
    return error{0, "Bad argument: " + text};
  return static_cast<uint64_t>(factor * static_cast<double>(total));
}

result<uint64_t> bytes_of(const std::string& text) {
  uint64_t bytes = 0;
  if (auto wrong = config_value::parse_bytes(text, 0, exabyte, bytes); !wrong.empty())
    return error{0, "Bad argument: " + wrong};
  return bytes;
}

void set_memory_watermark(node_view& node, const request& what, reply done) {
  const bool absolute = what.arguments.size() == 2 && what.arguments[0] == "absolute";
  const auto bytes = absolute ? bytes_of(what.arguments[1]) : share_of(what.arguments[0], node.total_memory_bytes(), 1);
  if (!bytes)
    return done(failure(exit_with::data, bytes.error().text));
  node.set_memory_watermark(*bytes);
  done({});
}

void set_disk_limit(node_view& node, const request& what, reply done) {
  constexpr double times_max = 1000;
  const bool relative = what.arguments.size() == 2 && what.arguments[0] == "mem_relative";
  const auto bytes =
    relative ? share_of(what.arguments[1], node.total_memory_bytes(), times_max) : bytes_of(what.arguments[0]);
  if (!bytes)
    return done(failure(exit_with::data, bytes.error().text));
  node.set_disk_free_limit(*bytes);
  done({});
}

void set_level(node_view& node, const request& what, reply done) {
  log_level level{};
  if (auto wrong = config_value::parse_log_level(what.arguments[0], level); !wrong.empty())
    return done(failure(exit_with::unavailable, "level " + what.arguments[0]
                                                  + " is not supported. Try one of debug, info, notice, warning, "
                                                    "error, critical, none"));
  node.set_log_level(level);
  done({});
}

void rotate_logs(node_view& node, const request&, reply done) {
  node.reopen_log();
  done({});
}

} // namespace

std::span<const verb> node_verbs() {
  static constexpr verb nodes[] = {
    {"status", 0, 0, status},
    {"cluster_status", 0, 0, cluster_status},
    {"listeners", 0, 0, listeners},
    {"alarms", 0, 0, alarms},
    {"server_version", 0, 0, server_version, app_need::any},
    {"memory_breakdown", 0, 0, memory_breakdown},
    {"erlang_cookie_hash", 0, 0, cookie_hash, app_need::any},
    {"log_tail", 0, 0, log_tail, app_need::any},
    {"log_location", 0, 0, log_location, app_need::any},
    {"environment", 0, 0, environment, app_need::any},
    {"list_feature_flags", 0, 0, list_feature_flags, app_need::any},
    {"enable_feature_flag", 1, 1, enable_feature_flag},
  };
  return nodes;
}

std::span<const verb> setting_verbs() {
  static constexpr verb settings[] = {
    {"set_vm_memory_high_watermark", 1, 2, set_memory_watermark},
    {"set_disk_free_limit", 1, 2, set_disk_limit},
    {"set_log_level", 1, 1, set_level, app_need::any},
    {"rotate_logs", 0, 0, rotate_logs, app_need::any},
  };
  return settings;
}

} // namespace broker

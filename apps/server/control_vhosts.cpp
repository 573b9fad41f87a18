// Virtual hosts, their limits and tracing (features.md O03, O32, P05).
#include "control_verb.hpp"

namespace broker {

namespace {

using control::reply;
using control::request;
using control::response;
using control::value;
using control::value_list;

constexpr std::string_view vhost_limit_names[] = {"max-connections", "max-queues"};

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  size_t from = 0;
  while (from <= text.size() && !text.empty()) {
    const size_t comma = std::min(text.find(',', from), text.size());
    if (comma > from)
      parts.push_back(text.substr(from, comma - from));
    from = comma + 1;
  }
  return parts;
}

value vhost_cell(const vhost_record& vhost, const std::string& column, const node_facts& node) {
  if (column == "name")
    return vhost.name;
  if (column == "description")
    return vhost.description;
  if (column == "tags")
    return value_list(vhost.tags.begin(), vhost.tags.end());
  if (column == "default_queue_type")
    return vhost.default_queue_type.empty() ? "undefined" : vhost.default_queue_type;
  if (column == "tracing")
    return vhost.tracing;
  if (column == "cluster_state")
    return control::value_record{{node.node, "running"}};
  return {};
}

void list_vhosts(node_view& node, const request& what, reply done) {
  response answer = table(what.columns);
  node.metadata()->for_each_vhost([&, facts = node.facts()](const vhost_record& vhost) {
    control::row cells;
    for (const auto& column : what.columns)
      cells.push_back(vhost_cell(vhost, column, facts));
    answer.rows.push_back(std::move(cells));
  });
  done(std::move(answer));
}

/// Adding one that exists changes what is given and succeeds, as RabbitMQ.
void add_vhost(node_view& node, const request& what, reply done) {
  const std::string type = option_of(what, "default-queue-type").value_or("");
  if (!type.empty() && type != "classic" && type != "quorum" && type != "stream")
    return done(failure(exit_with::unavailable, "invalid_queue_type"));
  if (type == "stream")
    return done(failure(exit_with::unavailable, "there are no streams yet"));
  put_vhost change;
  if (const auto known = node.metadata()->find_vhost(what.arguments[0]))
    change.vhost = *known;
  change.vhost.name = what.arguments[0];
  if (auto text = option_of(what, "description"))
    change.vhost.description = *text;
  if (auto tags = option_of(what, "tags"))
    change.vhost.tags = split(*tags);
  if (!type.empty())
    change.vhost.default_queue_type = type;
  propose_and_answer(node, std::move(change), exit_with::unavailable, std::move(done));
}

void set_vhost_tags(node_view& node, const request& what, reply done) {
  const auto known = node.metadata()->find_vhost(what.arguments[0]);
  if (!known)
    return done(failure(exit_with::data, "Virtual host \"" + what.arguments[0] + "\" does not exist"));
  put_vhost change{*known, false};
  change.vhost.tags = {what.arguments.begin() + 1, what.arguments.end()};
  propose_and_answer(node, std::move(change), exit_with::unavailable, std::move(done));
}

void remove_vhost(node_view& node, const request& what, reply done) {
  if (!node.metadata()->vhost_exists(what.arguments[0]))
    return done(no_such_vhost(what.arguments[0]));
  propose_and_answer(node, delete_vhost{what.arguments[0]}, exit_with::unavailable, std::move(done));
}

void limit_vhost(node_view& node, const request& what, reply done) {
  const std::string vhost = vhost_of(what);
  if (!node.metadata()->vhost_exists(vhost))
    return done(no_such_vhost(vhost));
  auto limits = parse_limits(what.arguments[0], "limits", vhost_limit_names);
  if (!limits) {
    const std::string& why = limits.error().text;
    return done(failure(exit_with::unavailable, why.starts_with("JSON") ? why : "Validation failed\n\n" + why + "\n"));
  }
  propose_and_answer(node, set_vhost_limits{vhost, *std::move(limits)}, exit_with::unavailable, std::move(done));
}

void lift_vhost_limits(node_view& node, const request& what, reply done) {
  const auto vhost = node.metadata()->find_vhost(vhost_of(what));
  if (!vhost || vhost->limits.empty())
    return done(failure(exit_with::unavailable, "Parameter does not exist"));
  propose_and_answer(node, set_vhost_limits{vhost->name, {}}, exit_with::unavailable, std::move(done));
}

void list_limited_vhosts(node_view& node, const request& what, reply done) {
  if (option_of(what, "global")) {
    response answer = table({"vhost", "limits"});
    node.metadata()->for_each_vhost([&](const vhost_record& vhost) {
      if (!vhost.limits.empty())
        answer.rows.push_back({vhost.name, limits_text(vhost.limits)});
    });
    return done(std::move(answer));
  }
  const std::string name = vhost_of(what);
  const auto vhost = node.metadata()->find_vhost(name);
  if (!vhost)
    return done(no_such_vhost(name));
  done(one_value(vhost->limits.empty() ? value{} : value{limits_text(vhost->limits)}));
}

void restart_vhost(node_view& node, const request& what, reply done) {
  const std::string vhost = vhost_of(what);
  if (!node.metadata()->vhost_exists(vhost))
    return done(failure(exit_with::software, "Failed to start vhost '" + vhost + "' on node '" + node.facts().node
                                               + "'Reason: {:no_such_vhost, \"" + vhost + "\"}"));
  done({}); // a vhost that is known is running
}

void trace(node_view& node, const request& what, bool on, reply done) {
  const std::string vhost = vhost_of(what);
  if (!node.metadata()->vhost_exists(vhost))
    return done(no_such_vhost(vhost));
  propose_and_answer(node, set_tracing{vhost, on}, exit_with::unavailable, std::move(done));
}

} // namespace

std::span<const verb> vhost_verbs() {
  static constexpr verb verbs[] = {
    {"list_vhosts", 0, 0, list_vhosts},
    {"add_vhost", 1, 1, add_vhost},
    {"set_vhost_tags", 1, 1 + tags_max, set_vhost_tags},
    {"delete_vhost", 1, 1, remove_vhost},
    {"set_vhost_limits", 1, 1, limit_vhost},
    {"clear_vhost_limits", 0, 0, lift_vhost_limits},
    {"list_vhost_limits", 0, 0, list_limited_vhosts},
    {"restart_vhost", 0, 0, restart_vhost},
    {"trace_on", 0, 0, [](node_view& n, const request& r, reply d) { trace(n, r, true, std::move(d)); }},
    {"trace_off", 0, 0, [](node_view& n, const request& r, reply d) { trace(n, r, false, std::move(d)); }},
  };
  return verbs;
}

} // namespace broker

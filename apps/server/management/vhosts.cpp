// Virtual hosts (features.md O17).
#include <nlohmann/json.hpp>

#include "base/limits.hpp"
#include "management/listing.hpp"
#include "management/router.hpp"
#include "management/service.hpp"
#include "management/stats_fields.hpp"

namespace broker::management {

namespace vhosts_part {
namespace {

using nlohmann::json;

struct vhost_row {
  vhost_record record;
  uint64_t ready = 0;
  uint64_t unacknowledged = 0;
  counts_report messages; ///< of its queues
};

std::string texts(const std::vector<std::string>& list) {
  return json(list).dump(-1, ' ', false, json::error_handler_t::replace);
}

void write_vhost(object_writer& to, const vhost_row& from, const metadata_snapshot& metadata) {
  const vhost_record& vhost = from.record;
  if (to.wants("cluster_state")) {
    to.out().key("cluster_state");
    object_writer nodes{to.out(), {}};
    metadata.for_each_node([&](const node_ptr& each) {
      to.out().key(each->name);
      to.out().value(each->up ? "running" : "stopped");
    });
  }
  const std::string type = vhost.default_queue_type.empty() ? "undefined" : vhost.default_queue_type;
  to.add("default_queue_type", type);
  to.add("description", vhost.description);
  to.add_rated("messages", from.ready + from.unacknowledged, 0.0);
  to.add_rated("messages_ready", from.ready, 0.0);
  to.add_rated("messages_unacknowledged", from.unacknowledged, 0.0);
  if (to.wants("metadata")) {
    to.out().key("metadata");
    object_writer details{to.out(), {}};
    details.add("description", vhost.description);
    details.add_raw("tags", texts(vhost.tags));
  }
  write_message_stats(to, from.messages, counts_of::queue);
  to.add("name", vhost.name);
  to.add_raw("tags", texts(vhost.tags));
  to.add("tracing", vhost.tracing);
}

/// Does anybody look at what only queues know? Names alone are asked for often.
bool wants_counts(const http::target& asked) {
  const auto columns = asked.value("columns");
  return !columns || columns->find("message") != std::string::npos;
}

void add_queue(vhost_row& to, const queue_info& from) {
  to.ready += from.ready;
  to.unacknowledged += from.unacknowledged;
  to.messages.counts += from.messages.counts;
  for (size_t i = 0; i < counted_kinds; ++i)
    to.messages.rates[i] += from.messages.rates[i];
}

/// Counts the messages of every vhost, then goes on with the rows.
void with_rows(const call_ptr& to, const std::function<bool(const vhost_record&)>& wanted,
               std::function<void(const std::vector<vhost_row>&)> then) {
  std::vector<vhost_row> rows;
  to->metadata->for_each_vhost([&](const vhost_record& each) {
    if (wanted(each))
      rows.push_back({each, 0, 0, {}});
  });
  if (!wants_counts(to->target))
    return then(rows);
  to->in_service.queues([to, rows = std::move(rows), then = std::move(then)](const queue_infos& queues) mutable {
    std::map<std::string, vhost_row*, std::less<>> by_name;
    for (auto& each : rows)
      by_name.emplace(each.record.name, &each);
    for (const auto& each : *queues)
      if (const auto found = by_name.find(each.queue->vhost); found != by_name.end())
        add_queue(*found->second, each);
    then(rows);
  });
}

void all_vhosts(const call_ptr& to) {
  const auto wanted = [&](const vhost_record& each) { return to->by.monitoring || has_access(*to, each.name); };
  with_rows(to, wanted, [to](const std::vector<vhost_row>& rows) {
    list_source source;
    source.size = rows.size();
    source.name = [&](size_t i) { return std::string_view{rows[i].record.name}; };
    source.write = [&](size_t i, object_writer& out) { write_vhost(out, rows[i], *to->metadata); };
    answer_list(to, source);
  });
}

void one_vhost(const call_ptr& to) {
  if (!to->metadata->vhost_exists(to->name(0)))
    return not_found(to);
  with_rows(
    to, [&](const vhost_record& each) { return each.name == to->name(0); },
    [to](const std::vector<vhost_row>& rows) {
      answer_object(to, [&](object_writer& out) { write_vhost(out, rows.front(), *to->metadata); });
    });
}

void put(const call_ptr& to) {
  const auto given = object_of(to);
  if (!given)
    return;
  put_vhost change;
  const auto known = to->metadata->find_vhost(to->name(0));
  if (known)
    change.vhost = *known;
  change.vhost.name = to->name(0);
  if (const auto text = given->find("description"); text != given->end() && text->is_string())
    change.vhost.description = text->get<std::string>();
  if (const auto list = given->find("tags"); list != given->end()) {
    auto tags = tags_of(*list);
    if (!tags)
      return bad_request(to, "tags are no texts");
    change.vhost.tags = *std::move(tags);
  }
  if (const auto type = given->find("default_queue_type"); type != given->end() && type->is_string()) {
    const auto name = type->get<std::string>();
    if (name != "classic" && name != "quorum" && name != "undefined")
      return bad_request(to, "Unsupported default queue type");
    change.vhost.default_queue_type = name == "undefined" ? "" : name;
  }
  const auto tracing = truth_of(to, *given, "tracing", change.vhost.tracing);
  if (!tracing)
    return;
  change.vhost.tracing = *tracing;
  if (known)
    return propose(to, std::move(change));
  // Whoever makes a vhost may use it, as in RabbitMQ.
  to->in_service.around.node.propose(std::move(change), [to](const command_result& made) {
    if (!made.ok())
      return bad_request(to, made.failure.text);
    to->post([to] { propose(to, set_permission{to->name(0), to->by.who.user, {".*", ".*", ".*"}}, true); });
  });
}

void remove(const call_ptr& to) {
  if (!to->metadata->vhost_exists(to->name(0)))
    return not_found(to);
  propose(to, delete_vhost{to->name(0)});
}

/// A vhost that is known runs on every node.
void start(const call_ptr& to) {
  if (!to->metadata->vhost_exists(to->name(0)) || !to->metadata->find_node(to->name(1)))
    return not_found(to);
  answer(to, 204);
}

} // namespace
} // namespace vhosts_part

std::span<const route> vhost_routes() {
  using namespace vhosts_part;
  static constexpr route all[] = {
    {"GET", "vhosts", rule::management, all_vhosts},
    {"GET", "vhosts/*", rule::administrator, one_vhost},
    {"PUT", "vhosts/*", rule::administrator, put},
    {"DELETE", "vhosts/*", rule::administrator, remove},
    {"POST", "vhosts/*/start/*", rule::administrator, start},
  };
  return all;
}

} // namespace broker::management

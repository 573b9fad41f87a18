// /api/cluster: who holds which queue, as the metadata say it (docs/management.md, docs/mirrored-queues.md). RabbitMQ
// has nothing of the kind; nothing is asked of any queue.
#include <nlohmann/json.hpp>

#include "control_replicas.hpp"
#include "management/listing.hpp"
#include "management/router.hpp"
#include "management/service.hpp"
#include "replication/placement.hpp"

namespace broker::management {

namespace cluster_part {
namespace {

bool has(const std::vector<std::string>& names, const std::string& one) {
  return std::find(names.begin(), names.end(), one) != names.end();
}

std::string_view type_of(const queue_record& queue) {
  return is_quorum(queue) ? "quorum" : queue.placement ? "mirrored" : "classic";
}

/// no_master: nobody hands out messages. blocked: too few copies to confirm (T11). behind: some copy is not in sync, or
/// its node is down.
std::string_view health_of(const queue_replicas& who) {
  if (!has(who.running, who.master))
    return "no_master";
  if (who.in_sync.size() < who.min_in_sync)
    return "blocked";
  return who.in_sync.size() < who.members.size() ? "behind" : "good";
}

void write_replicas(object_writer& to, const queue_record& queue, const queue_replicas& who) {
  if (!to.wants("replicas"))
    return;
  json_writer& out = to.out();
  out.key("replicas");
  out.begin_array();
  for (const auto& node : who.members) {
    object_writer one{out, {}};
    one.add("node", node);
    one.add("master", node == who.master);
    one.add("running", has(who.running, node));
    one.add("in_sync", has(who.in_sync, node));
  }
  if (!has(who.members, queue.node)) { // a master that is to hold a copy no longer, until it has handed over
    object_writer one{out, {}};
    one.add("node", queue.node);
    one.add("master", true);
    one.add("running", true);
    one.add("in_sync", true);
  }
  out.end_array();
}

void write_row(object_writer& to, const queue_record& queue, const metadata_snapshot& metadata) {
  const auto who = replicas_of(queue, metadata);
  to.add("name", queue.name);
  to.add("vhost", queue.vhost);
  to.add("type", type_of(queue));
  to.add("policy", queue.policy);
  to.add("master", who.master);
  if (queue.placement) {
    to.add("epoch", queue.placement->mastership);
    to.add("version", queue.placement->version);
  } else {
    to.add_null("epoch");
    to.add_null("version");
  }
  to.add("min_in_sync", who.min_in_sync);
  to.add("health", health_of(who));
  write_replicas(to, queue, who);
}

/// replicated=true: those with copies; health=bad: those that lack something.
std::vector<queue_ptr> wanted_queues(const call& from) {
  const auto* replicated = from.target.find("replicated");
  const auto* health = from.target.find("health");
  vhost_sight sight{from};
  std::vector<queue_ptr> rows;
  from.metadata->for_each_queue([&](const queue_ptr& each) {
    if (!sight.sees(each->vhost) || (replicated != nullptr && *replicated == "true" && !each->placement))
      return;
    if (health != nullptr && *health == "bad" && health_of(replicas_of(*each, *from.metadata)) == "good")
      return;
    rows.push_back(each);
  });
  return rows;
}

void queues(const call_ptr& to) {
  const auto rows = wanted_queues(*to);
  list_source source;
  source.size = rows.size();
  source.name = [&](size_t i) { return std::string_view{rows[i]->name}; };
  source.name_is_member = true;
  source.write = [&](size_t i, object_writer& out) { write_row(out, *rows[i], *to->metadata); };
  answer_list(to, source);
}

void one_queue(const call_ptr& to) {
  const auto queue = to->metadata->find_queue(to->name(0), to->name(1));
  queue ? answer_object(to, [&](object_writer& out) { write_row(out, *queue, *to->metadata); }) : not_found(to);
}

/// What one node has of all queues.
struct holdings {
  uint64_t masters = 0;
  uint64_t mirrors = 0;
  uint64_t mirrors_behind = 0;
};

std::map<std::string, holdings> count(const metadata_snapshot& metadata) {
  std::map<std::string, holdings> all;
  metadata.for_each_queue([&](const queue_ptr& each) {
    if (!each->placement) { // ten thousand of them are nothing to think about
      ++all[each->node].masters;
      return;
    }
    const auto who = replicas_of(*each, metadata);
    ++all[who.master].masters;
    for (const auto& node : who.members)
      if (node != who.master) {
        ++all[node].mirrors;
        all[node].mirrors_behind += has(who.in_sync, node) ? 0 : 1;
      }
  });
  return all;
}

void answer_nodes(const call_ptr& to, const group_facts& group) {
  const auto held = count(*to->metadata);
  const auto lost = to->in_service.around.node.unreachable();
  std::vector<node_ptr> rows;
  to->metadata->for_each_node([&](const node_ptr& each) { rows.push_back(each); });
  std::sort(rows.begin(), rows.end(), [](const node_ptr& a, const node_ptr& b) { return a->name < b->name; });
  list_source source;
  source.size = rows.size();
  source.name = [&](size_t i) { return std::string_view{rows[i]->name}; };
  source.write = [&](size_t i, object_writer& out) {
    const auto& node = *rows[i];
    const auto found = held.find(node.name);
    const holdings has_here = found == held.end() ? holdings{} : found->second;
    out.add("name", node.name);
    out.add("running", node.up && !has(lost, node.name));
    out.add("session", node.session);
    out.add("leads_metadata", node.name == group.leader);
    out.add("votes", has(group.voters, node.name));
    out.add("masters", has_here.masters);
    out.add("mirrors", has_here.mirrors);
    out.add("mirrors_behind", has_here.mirrors_behind);
  };
  answer_list(to, source);
}

void nodes(const call_ptr& to) {
  to->in_service.around.on_control([to, &node = to->in_service.around.node] {
    node.group_state([to](const group_facts& group) { to->post([to, group] { answer_nodes(to, group); }); });
  });
}

} // namespace
} // namespace cluster_part

std::span<const route> replica_routes() {
  using namespace cluster_part;
  static constexpr route all[] = {
    {"GET", "cluster/queues", rule::management, queues},
    {"GET", "cluster/queues/*/*", rule::vhost, one_queue},
    {"GET", "cluster/nodes", rule::monitoring, nodes},
  };
  return all;
}

} // namespace broker::management

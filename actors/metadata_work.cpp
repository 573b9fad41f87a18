#include "actors/metadata_work.hpp"

#include <algorithm>
#include <utility>

#include "actors/bridge.hpp"
#include "actors/metadata_replicas.hpp"
#include "base/raft_limits.hpp"
#include "base/run_ids.hpp"
#include "raft/membership.hpp"

namespace broker {

namespace {

using kind = metadata_change::kind;

/// Of a queue that lives on another node, the bridge to that node.
void start_queue(caf::actor_system& system, metadata_service& service, const queue_ptr& record) {
  if (record->placement) {
    std::vector<queue_move> moved; // a new queue has been nowhere
    return put_replicated_queue(system, service, record, moved);
  }
  if (auto& node = *service.node; node.cluster && record->node != node.node) {
    const caf::actor bridge = bridge_to(system, node, record->node);
    if (!bridge)
      return; // the node stops
    caf::anon_send(bridge, queue_changed_msg{record});
    return node.queues_by_id.put(record->id, {bridge, 0, false});
  }
  std::shared_ptr<const recovered_queue> found;
  if (auto at = service.options.recovered.find(record->id); at != service.options.recovered.end()) {
    found = std::move(at->second);
    service.options.recovered.erase(at);
  }
  auto& node = *service.node;
  node.queues_by_id.put(record->id, {node.make_queue(system, node, record, std::move(found)), 0, true});
}

void end_queue(metadata_service& service, const queue_ptr& record) {
  if (record->placement)
    return end_replicated_queue(service, record);
  runtime& node = *service.node;
  auto who = node.queues_by_id.find(record->id);
  node.queues_by_id.remove(record->id);
  if (who)
    caf::anon_send(who, queue_deleted_msg{record->id});
}

void evict_connections(runtime& node, const metadata_change& change) {
  const bool of_vhost = change.what == kind::vhost_deleted;
  if (!of_vhost && change.what != kind::user_deleted)
    return;
  for (const caf::actor& connection : node.connections_by_id.all())
    caf::anon_send(connection, connection_evicted_msg{of_vhost ? change.name : "", of_vhost ? "" : change.name});
}

/// Lets a queue begin with what time brings about. Not before the directory has every queue that the snapshot names:
/// dead letters to a queue that is not there count as delivered. Other nodes wake their own.
void wake_queue(const runtime& node, queue_id id) {
  if (const auto where = node.queues_by_id.locate(id); where.who && where.here)
    caf::anon_send(where.who, queue_tick_msg{});
}

/// Requests for a queue that this node did not know yet may wait there.
void tell_bridges(const runtime& node) {
  for (const caf::actor& bridge : node.bridges.all())
    caf::anon_send(bridge, queues_known_msg{});
}

bool change_queues(const std::vector<metadata_change>& changes) {
  return std::any_of(changes.begin(), changes.end(), [](const metadata_change& change) {
    return change.what == kind::queue_created || change.what == kind::queue_deleted;
  });
}

void publish_snapshot(metadata_service& service) {
  auto next = service.host.snapshot();
  service.node->tracing.store(next->any_tracing(), std::memory_order_relaxed);
  service.node->snapshots.publish(std::move(next));
}

/// The links follow the table of nodes.
void follow_node(const runtime& node, const metadata_change& change) {
  if (!node.cluster || !change.node || change.node->name == node.node)
    return;
  if (change.what == kind::node_registered || change.what == kind::node_up)
    node.cluster->connect(change.node->name, change.node->host, change.node->port);
  if (change.what == kind::node_forgotten)
    node.cluster->forget(change.node->name);
}

std::string described(const char* verb, const char* type, const std::string& name, const std::string& vhost) {
  return std::string{verb} + " " + type + " '" + name + "' in vhost '" + vhost + "'";
}

/// "declare queue 'q' in vhost '/'"
std::string verb_of(const command& what) {
  if (const auto* one = std::get_if<declare_queue>(&what))
    return described("declare", "queue", one->queue.name, one->queue.vhost);
  if (const auto* one = std::get_if<delete_queue>(&what))
    return described("delete", "queue", one->name, one->vhost);
  if (const auto* one = std::get_if<declare_exchange>(&what))
    return described("declare", "exchange", one->exchange.name, one->exchange.vhost);
  if (const auto* one = std::get_if<delete_exchange>(&what))
    return described("delete", "exchange", one->name, one->vhost);
  if (const auto* one = std::get_if<bind>(&what))
    return described("add binding to", one->binding.to_exchange ? "exchange" : "queue", one->binding.destination,
                     one->vhost);
  if (const auto* one = std::get_if<unbind>(&what))
    return described("delete binding to", one->binding.to_exchange ? "exchange" : "queue", one->binding.destination,
                     one->vhost);
  return "apply the change";
}

void start_all_queues(caf::actor_system& system, metadata_service& service) {
  std::vector<queue_ptr> all;
  const auto snapshot = service.host.snapshot();
  snapshot->for_each_queue([&](const queue_ptr& record) { all.push_back(record); });
  snapshot->for_each_exchange([&](const exchange_ptr& record) {
    if (record->delay_queue)
      all.push_back(record->delay_queue);
  });
  for (const queue_ptr& record : all)
    start_queue(system, service, record);
  for (const queue_ptr& record : all)
    wake_queue(*service.node, record->id);
}

void boot(caf::actor_system& system, metadata_service& service, uint64_t run) {
  service.booted = true;
  if (service.options.host.metadata.replication)
    service.node->replica_id = static_cast<replication::node_id>(service.host.identity().self);
  service.node->next_connection = service.node->next_channel = first_id_of_run(run);
  publish_snapshot(service);
  start_all_queues(system, service);
  tell_bridges(*service.node); // other nodes may have asked since their links were up
  // Queues that went with the node's last run (transient, exclusive), or while it was down, may have left messages.
  for (const queue_id id : std::exchange(service.gone, {})) {
    service.options.recovered.erase(id);
    service.node->store->drop(id);
  }
  for (const auto& [id, left] : service.options.recovered)
    service.options.note("messages of unknown queue " + std::to_string(id) + " are kept in the store ("
                         + std::to_string(left->runs.size()) + " runs)");
}

} // namespace

asker asker_of(proposal& what, bool in_cluster) {
  asker who{std::move(what.done), {}, 0};
  if (!in_cluster)
    return who;
  who.what = verb_of(what.what);
  if (const auto* one = std::get_if<delete_exclusive_queues>(&what.what))
    who.owner = one->owner;
  return who;
}

command_result refused(consensus::outcome why, const std::string& what) {
  std::string text = "INTERNAL_ERROR - ";
  switch (why) {
  case consensus::outcome::overloaded:
    text += "metadata store is overloaded";
    break;
  case consensus::outcome::refused:
    text += "the change is too large for the metadata store";
    break;
  case consensus::outcome::lost:
    text += "Could not " + what + " because the metadata store operation timed out; it may still take place";
    break;
  default:
    text += "Could not " + what + " because the metadata store operation timed out";
  }
  command_result result;
  result.failure = error{541, std::move(text)};
  return result;
}

void carry_out(caf::actor_system& system, metadata_service& service, const std::vector<metadata_change>& changes) {
  if (changes.empty() && service.host.snapshot() == service.node->snapshots.read())
    return;
  std::vector<queue_move> moved;
  for (const auto& change : changes) {
    if (change.what == kind::queue_created)
      start_queue(system, service, change.queue);
    if (change.what == kind::queue_changed && change.queue->placement)
      put_replicated_queue(system, service, change.queue, moved);
  }
  const snapshot_ptr before = service.node->snapshots.read();
  publish_snapshot(service);
  tell_news(service, *before, changes);
  if (change_queues(changes) || !moved.empty())
    tell_bridges(*service.node);
  show_replicas(*service.node, changes);
  tell_moved(*service.node, moved);
  for (const auto& change : changes) {
    if (change.what == kind::queue_created) {
      service.node->activity.queue_created(change.queue->node == service.node->node);
      wake_queue(*service.node, change.queue->id);
    }
    if (change.what == kind::queue_deleted) {
      service.node->activity.queue_deleted(change.queue->node == service.node->node);
      end_queue(service, change.queue);
    }
    if (change.what == kind::queue_changed && !change.queue->placement)
      if (auto who = service.node->queues_by_id.find(change.queue->id))
        caf::anon_send(who, queue_changed_msg{change.queue});
    evict_connections(*service.node, change);
    follow_node(*service.node, change);
  }
}

result<void> boot_if_ready(caf::actor_system& system, metadata_service& service, const metadata_flush& flushed) {
  for (const auto& change : flushed.changes) {
    if (change.what == kind::queue_deleted)
      service.gone.push_back(change.queue->id);
    follow_node(*service.node, change);
  }
  const auto started = std::find_if(flushed.done.begin(), flushed.done.end(),
                                    [](const metadata_completion& one) { return one.id == start_ticket; });
  if (started == flushed.done.end())
    return {};
  // Applied, but as part of a snapshot that was received: nobody saw its answer, the table of nodes has it.
  const node_ptr own = service.host.snapshot()->find_node(service.host.identity().self);
  const bool unseen =
    started->what == consensus::outcome::lost && own && own->incarnation == service.options.start.incarnation;
  const bool ok = unseen || (started->what == consensus::outcome::ok && started->result.ok());
  result<void> outcome =
    ok ? result<void>{} : error{0, "the node's first metadata change was refused: " + started->result.failure.text};
  if (ok) {
    boot(system, service, unseen ? own->run : started->result.number);
    service.ready_by_ms = service.node->now_ms() + limits::metadata_vote_wait_ms;
    say_ready(service);
  } else if (service.options.ready) {
    std::exchange(service.options.ready, nullptr)(outcome);
  }
  return outcome;
}

void say_ready(metadata_service& service) {
  if (!service.booted || !service.options.ready)
    return;
  const consensus::membership& members = service.host.group().members();
  if (raft::is_voter(members, service.host.identity().self) || members.voters.size() >= limits::metadata_voters_max
      || service.node->now_ms() >= service.ready_by_ms)
    std::exchange(service.options.ready, nullptr)({});
}

void connect_known_nodes(metadata_service& service) {
  for (const node_record& one : service.host.known_nodes())
    follow_node(*service.node, {kind::node_registered, nullptr, one.name, std::make_shared<const node_record>(one)});
}

metadata_status status_of(const metadata_service& service) {
  const metadata_host& host = service.host;
  metadata_status out;
  out.cluster = host.identity().cluster;
  out.self = host.identity().self;
  out.leader = host.leader();
  out.term = host.group().term();
  out.applied = host.applied_index();
  out.committed = host.group().commit_index();
  out.members = host.group().members();
  return out;
}

} // namespace broker

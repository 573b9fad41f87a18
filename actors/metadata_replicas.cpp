#include "actors/metadata_replicas.hpp"

#include <algorithm>
#include <utility>

#include "actors/bridge.hpp"
#include "actors/replicated_queue.hpp"

namespace broker {

namespace {

using kind = metadata_change::kind;

std::shared_ptr<const recovered_queue> take_recovered(metadata_service& service, queue_id id) {
  auto found = service.options.recovered.extract(id);
  return found.empty() ? nullptr : std::move(found.mapped());
}

/// A queue that this node has had alone so far gives all it has to its replica.
void start_replica(caf::actor_system& system, metadata_service& service, const queue_ptr& record) {
  runtime& node = *service.node;
  const queue_location before = node.queues_by_id.locate(record->id);
  const bool converted = before.who && before.here && before.mastership == 0;
  replica_beginning with;
  with.recovered = take_recovered(service, record->id);
  if (converted) {
    with.content = replica_content::coming;
    with.earlier = before.who;
  }
  if (const auto ended = service.ended_replicas.extract(record->id); !ended.empty()) {
    with.earlier = ended.mapped();
    with.content = replica_content::ended;
  }
  const caf::actor replica = spawn_replica(system, node, record, service.host.snapshot(), std::move(with));
  node.replicas_by_id.add(record->id, replica);
  if (converted)
    caf::anon_send(before.who, queue_converted_msg{replica});
}

/// Puts its master into the directory. The bridge keeps the records of its node's queues.
void locate(caf::actor_system& system, runtime& node, const queue_ptr& record) {
  const queue_location before = node.queues_by_id.locate(record->id);
  if (before.who && !before.here) // forgets it if it is not its node's any more
    caf::anon_send(before.who, queue_changed_msg{record});
  if (record->node == node.node)
    return node.queues_by_id.put(record->id, {node.replicas_by_id.find(record->id), record->mastership, true});
  const caf::actor bridge = bridge_to(system, node, record->node);
  if (!bridge)
    return; // the node stops
  if (before.who != bridge)
    caf::anon_send(bridge, queue_changed_msg{record});
  node.queues_by_id.put(record->id, {bridge, record->mastership, false});
}

void write_news(metadata_service& service, std::vector<placement_news> all) {
  for (const placement_news& each : service.news.pass(std::move(all), service.node->now_ms()))
    if (const auto& write = each.warning ? service.node->warn : service.options.note)
      write(each.text);
}

} // namespace

void put_replicated_queue(caf::actor_system& system, metadata_service& service, const queue_ptr& record,
                          std::vector<queue_move>& moved) {
  runtime& node = *service.node;
  const queue_location before = node.queues_by_id.locate(record->id);
  const bool wanted = wants_replica(*record, node.replica_id);
  if (wanted && !node.replicas_by_id.has(record->id))
    start_replica(system, service, record);
  if (!wanted)
    if (const caf::actor replica = node.replicas_by_id.find(record->id)) {
      node.replicas_by_id.remove(record->id);
      service.ended_replicas[record->id] = replica;
      caf::anon_send(replica, replica_unwanted_msg{record, service.host.snapshot()});
    }
  locate(system, node, record);
  if (before.who && before.mastership != record->mastership)
    moved.push_back({record->id, record->mastership});
}

void end_replicated_queue(metadata_service& service, const queue_ptr& record) {
  runtime& node = *service.node;
  service.ended_replicas.erase(record->id);
  if (take_recovered(service, record->id)) // of a copy that was not wanted any more when the node came back
    node.store->drop(record->id);
  const queue_location last = node.queues_by_id.locate(record->id);
  node.queues_by_id.remove(record->id);
  const caf::actor replica = node.replicas_by_id.find(record->id);
  if (last.who && last.who != replica)
    caf::anon_send(last.who, queue_deleted_msg{record->id});
  if (!replica)
    return;
  node.replicas_by_id.remove(record->id);
  caf::anon_send(replica, queue_deleted_msg{record->id});
}

void show_replica(const runtime& node, const metadata_change& change) {
  if (change.what == kind::queue_changed)
    if (const caf::actor replica = node.replicas_by_id.find(change.queue->id))
      caf::anon_send(replica, replica_look_msg{});
}

void tell_moved(const runtime& node, const std::vector<queue_move>& moved) {
  if (moved.empty())
    return;
  for (auto& [who, moves] : node.moves.of(moved))
    caf::anon_send(who, queues_moved_msg{std::make_shared<const std::vector<queue_move>>(std::move(moves))});
}

void forget_idle_channels(metadata_service& service, uint64_t now_ms) {
  uint64_t& due = service.forget_idle_at_ms;
  if (due != 0 && now_ms < due)
    return;
  if (due != 0)
    for (const caf::actor& replica : service.node->replicas_by_id.all())
      caf::anon_send(replica, replica_forget_idle_msg{});
  due = now_ms + limits::replication_channel_idle_ms;
}

void tell_news(metadata_service& service, const metadata_snapshot& before, const metadata_change& change,
               std::map<queue_id, queue_ptr>& last) {
  if (change.what != kind::queue_changed || !change.queue->placement)
    return;
  queue_ptr& known = last[change.queue->id];
  const queue_ptr was = known ? known : before.find_queue(change.queue->vhost, change.queue->name);
  known = change.queue;
  if (!was || was->id != change.queue->id || change.queue->node != service.node->node)
    return;
  if (auto news = news_of(*was, *change.queue, *service.host.snapshot()); !news.empty())
    write_news(service, std::move(news));
}

size_t parts_with_lost_masters(const metadata_service& service, const std::vector<metadata_change>& changes) {
  constexpr size_t queues_of_a_part = 64;
  const bool lost = std::any_of(changes.begin(), changes.end(),
                                [](const metadata_change& change) { return change.what == kind::node_down; });
  return lost && service.host.leads() ? parts_of(*service.node->snapshots.read(), queues_of_a_part) : 0;
}

void tell_lost_masters(metadata_service& service, const metadata_snapshot& before, size_t part, size_t parts) {
  if (auto news = news_of_lost_masters(before, *service.node->snapshots.read(), part, parts); !news.empty())
    write_news(service, std::move(news));
}

void tell_left_out(metadata_service& service) {
  if (service.news.owes())
    write_news(service, {});
}

bool wants_session(metadata_service& service, uint64_t now_ms) {
  if (!service.node->session_wanted)
    return false;
  if (service.session_due_ms == 0)
    service.session_due_ms = now_ms + limits::replication_retry_ms;
  if (now_ms < service.session_due_ms)
    return false;
  service.session_due_ms = 0;
  service.node->session_wanted = false;
  return true;
}

} // namespace broker

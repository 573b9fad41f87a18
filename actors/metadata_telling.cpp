#include "actors/metadata_telling.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "actors/bridge.hpp"
#include "actors/metadata_replicas.hpp"
#include "actors/metadata_work.hpp"

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

bool change_nodes(const std::vector<metadata_change>& changes) {
  return std::any_of(changes.begin(), changes.end(),
                     [](const metadata_change& change) { return change.node != nullptr; });
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

/// Queues that went with the node's last run (transient, exclusive), or while it was down, may have left messages.
void drop_leftovers(metadata_service& service) {
  for (const queue_id id : std::exchange(service.gone, {})) {
    service.options.recovered.erase(id);
    service.node->store->drop(id);
  }
  for (const auto& [id, left] : service.options.recovered)
    service.options.note("messages of unknown queue " + std::to_string(id) + " are kept in the store ("
                         + std::to_string(left->runs.size()) + " runs)");
}

void tell_of(metadata_service& service, const metadata_change& change) {
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

/// Takes one of what may be done at once.
bool take_one(size_t& left) {
  return left != 0 && left-- != 0;
}

template<class T>
void append(std::vector<T>& to, std::vector<T> what) {
  if (to.empty())
    to = std::move(what);
  else
    to.insert(to.end(), std::make_move_iterator(what.begin()), std::make_move_iterator(what.end()));
}

} // namespace

void metadata_telling::boot(metadata_service& service) {
  const snapshot_ptr snapshot = service.host.snapshot();
  now_.first.reserve(snapshot->queue_count());
  snapshot->visit_queues([&](const queue_ptr& record) { now_.first.push_back(record); });
  snapshot->for_each_exchange([&](const exchange_ptr& record) {
    if (record->delay_queue)
      now_.first.push_back(record->delay_queue);
  });
  now_.waits = now_.boots = true;
  service.node->snapshots.publish(service.host.state().snapshot_before_queues());
}

void metadata_telling::add(const metadata_service& service, metadata_flush what) {
  batch& to = now_.published ? next_ : now_;
  to.waits = to.waits || !what.changes.empty() || !what.done.empty() || !what.moves.empty()
          || service.host.snapshot() != service.node->snapshots.read();
  append(to.changes, std::move(what.changes));
  append(to.then.done, std::move(what.done));
  append(to.then.moves, std::move(what.moves));
}

bool metadata_telling::step(caf::actor_system& system, metadata_service& service, metadata_told& out) {
  for (size_t left = service.options.told_at_once; now_.waits; now_ = std::exchange(next_, {})) {
    if (!place(system, service, left))
      return false;
    if (!now_.published)
      publish(service);
    if (!tell(service, left))
      return false;
    if (now_.index == service.host.applied_index())
      service.host.shown();
    append(out.done, std::move(now_.then.done));
    append(out.moves, std::move(now_.then.moves));
  }
  return true;
}

bool metadata_telling::place(caf::actor_system& system, metadata_service& service, size_t& left) {
  for (; now_.started < now_.first.size(); ++now_.started) {
    if (!take_one(left))
      return false;
    start_queue(system, service, now_.first[now_.started]);
  }
  for (; now_.placed < now_.changes.size(); ++now_.placed) {
    if (!take_one(left))
      return false;
    const metadata_change& change = now_.changes[now_.placed];
    if (change.what == kind::queue_created)
      start_queue(system, service, change.queue);
    if (change.what == kind::queue_changed && change.queue->placement)
      put_replicated_queue(system, service, change.queue, now_.moved);
  }
  return true;
}

void metadata_telling::publish(metadata_service& service) {
  now_.before = service.node->snapshots.read();
  publish_snapshot(service);
  now_.published = true;
  now_.index = service.host.applied_index();
  now_.parts = parts_with_lost_masters(service, now_.changes);
  if (now_.boots || change_queues(now_.changes) || !now_.moved.empty())
    tell_bridges(*service.node);
  if (now_.boots)
    drop_leftovers(service);
  now_.nodes = change_nodes(now_.changes);
  if (now_.nodes) // each may be affected
    now_.looking = service.node->replicas_by_id.all();
}

bool metadata_telling::tell(metadata_service& service, size_t& left) {
  for (; now_.looked < now_.looking.size(); ++now_.looked) {
    if (!take_one(left))
      return false;
    caf::anon_send(now_.looking[now_.looked], replica_look_msg{});
  }
  tell_moved(*service.node, std::exchange(now_.moved, {}));
  for (; now_.woken < now_.first.size(); ++now_.woken) {
    if (!take_one(left))
      return false;
    wake_queue(*service.node, now_.first[now_.woken]->id);
  }
  for (; now_.searched < now_.parts; ++now_.searched) {
    if (!take_one(left))
      return false;
    tell_lost_masters(service, *now_.before, now_.searched, now_.parts);
  }
  for (; now_.told < now_.changes.size(); ++now_.told) {
    if (!take_one(left))
      return false;
    const metadata_change& change = now_.changes[now_.told];
    tell_news(service, *now_.before, change, now_.last);
    tell_of(service, change);
    if (!now_.nodes)
      show_replica(*service.node, change);
  }
  return true;
}

} // namespace broker

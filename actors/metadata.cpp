#include "actors/metadata.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "actors/bridge.hpp"

namespace broker {

namespace {

/// The host with what it needs around it; moved into the actor when the node is up.
struct metadata_service {
  runtime* node = nullptr;
  metadata_options options;
  metadata_host host;

  metadata_service(runtime& of, metadata_options how)
    : node(&of), options(std::move(how)), host(options.host, *options.store) {}
};

struct metadata_shell {
  static inline const char* name = "metadata";

  std::unique_ptr<metadata_service> service;
  std::map<consensus::ticket, std::function<void(command_result)>> waiting;
  consensus::ticket next_ticket = 1;
  bool flush_scheduled = false;
};

using metadata_actor = caf::stateful_actor<metadata_shell>;

/// Of a queue that lives on another node, the bridge to that node.
void start_queue(caf::actor_system& system, metadata_service& service, const queue_ptr& record) {
  if (auto& node = *service.node; node.cluster && record->node != node.node) {
    const caf::actor bridge = bridge_to(system, node, record->node);
    caf::anon_send(bridge, queue_changed_msg{record});
    return node.queues_by_id.add(record->id, bridge);
  }
  std::shared_ptr<const recovered_queue> found;
  if (auto at = service.options.recovered.find(record->id); at != service.options.recovered.end()) {
    found = std::move(at->second);
    service.options.recovered.erase(at);
  }
  auto& node = *service.node;
  node.queues_by_id.add(record->id, node.make_queue(system, node, record, std::move(found)));
}

void end_queue(runtime& node, const queue_ptr& record) {
  auto who = node.queues_by_id.find(record->id);
  node.queues_by_id.remove(record->id);
  if (who)
    caf::anon_send(who, queue_deleted_msg{record->id});
}

void evict_connections(runtime& node, const metadata_change& change) {
  const bool of_vhost = change.what == metadata_change::kind::vhost_deleted;
  if (!of_vhost && change.what != metadata_change::kind::user_deleted)
    return;
  for (const caf::actor& connection : node.connections_by_id.all())
    caf::anon_send(connection, connection_evicted_msg{of_vhost ? change.name : "", of_vhost ? "" : change.name});
}

/// Lets a queue begin with what time brings about. Not before the directory has every queue that the snapshot names:
/// dead letters to a queue that is not there count as delivered.
void wake_queue(const runtime& node, queue_id id) {
  if (auto who = node.queues_by_id.find(id))
    caf::anon_send(who, queue_tick_msg{});
}

void publish_snapshot(metadata_service& service) {
  auto next = service.host.snapshot();
  service.node->tracing.store(next->any_tracing(), std::memory_order_relaxed);
  service.node->snapshots.publish(std::move(next));
}

/// Queues first, then the snapshot that names them, then the answers: whoever reads the snapshot finds the queue.
void carry_out(caf::actor_system& system, metadata_service& service, const std::vector<metadata_change>& changes) {
  for (const auto& change : changes)
    if (change.what == metadata_change::kind::queue_created)
      start_queue(system, service, change.queue);
  publish_snapshot(service);
  const bool queues_changed = std::any_of(changes.begin(), changes.end(), [](const metadata_change& change) {
    return change.what == metadata_change::kind::queue_created || change.what == metadata_change::kind::queue_deleted;
  });
  if (queues_changed)
    for (const caf::actor& bridge : service.node->bridges.all())
      caf::anon_send(bridge, queues_known_msg{});
  for (const auto& change : changes) {
    if (change.what == metadata_change::kind::queue_created)
      wake_queue(*service.node, change.queue->id);
    if (change.what == metadata_change::kind::queue_deleted)
      end_queue(*service.node, change.queue);
    if (change.what == metadata_change::kind::queue_changed)
      if (auto who = service.node->queues_by_id.find(change.queue->id))
        caf::anon_send(who, queue_changed_msg{change.queue});
    evict_connections(*service.node, change);
  }
}

command_result refused(consensus::outcome why) {
  command_result result;
  result.failure = error{541, why == consensus::outcome::not_leader ? "INTERNAL_ERROR - no metadata leader"
                                                                    : "INTERNAL_ERROR - metadata store is overloaded"};
  return result;
}

void flush(metadata_actor* self) {
  auto& shell = self->state;
  auto& service = *shell.service;
  shell.flush_scheduled = false;
  auto flushed = service.host.flush();
  if (!flushed) {
    service.options.fatal(flushed.error());
    return self->quit();
  }
  carry_out(self->system(), service, flushed->changes);
  for (auto& each : flushed->done) {
    auto asker = shell.waiting.extract(each.id);
    BROKER_ASSERT(!asker.empty(), "an answer to no proposal");
    asker.mapped()(each.what == consensus::outcome::ok ? std::move(each.result) : refused(each.what));
  }
  if (!service.host.snapshot_due())
    return;
  if (auto taken = service.host.take_snapshot(); !taken) {
    service.options.fatal(taken.error());
    self->quit();
  }
}

caf::behavior metadata_behavior(metadata_actor* self,
                                const std::shared_ptr<std::unique_ptr<metadata_service>>& service) {
  die_on_exceptions(self);
  self->state.service = std::move(*service);
  return {
    [self](propose_msg& what) {
      auto& shell = self->state;
      const auto ticket = shell.next_ticket++;
      shell.waiting.emplace(ticket, std::move(what.content.done));
      shell.service->host.propose(ticket, what.content.what);
      // Behind everything that waits in the mailbox already: one write for all of it.
      if (!std::exchange(shell.flush_scheduled, true))
        self->send(self, metadata_flush_msg{});
    },
    [self](metadata_flush_msg) { flush(self); },
  };
}

result<void> boot(caf::actor_system& system, metadata_service& service) {
  auto& host = service.host;
  if (auto opened = host.open(); !opened)
    return opened;
  host.propose(0, service.options.start);
  auto flushed = host.flush();
  if (!flushed)
    return flushed.error();
  for (const auto& each : flushed->done)
    if (each.what != consensus::outcome::ok || !each.result.ok())
      return error{0, "the node's first metadata change was refused: " + each.result.failure.text};
  const auto snapshot = host.snapshot();
  publish_snapshot(service);
  snapshot->for_each_queue([&](const queue_ptr& record) { start_queue(system, service, record); });
  snapshot->for_each_exchange([&](const exchange_ptr& record) {
    if (record->delay_queue)
      start_queue(system, service, record->delay_queue);
  });
  snapshot->for_each_queue([&](const queue_ptr& record) { wake_queue(*service.node, record->id); });
  snapshot->for_each_exchange([&](const exchange_ptr& record) {
    if (record->delay_queue)
      wake_queue(*service.node, record->delay_queue->id);
  });
  // Queues that went with the node's last run (transient, exclusive) may have left messages behind.
  for (const auto& change : flushed->changes)
    if (change.what == metadata_change::kind::queue_deleted) {
      service.options.recovered.erase(change.queue->id);
      service.node->store->drop(change.queue->id);
    }
  for (const auto& [id, left] : service.options.recovered)
    service.options.note("messages of unknown queue " + std::to_string(id) + " are kept in the store ("
                         + std::to_string(left->runs.size()) + " runs)");
  return {};
}

} // namespace

result<void> start_metadata(caf::actor_system& system, runtime& node, metadata_options options) {
  auto service = std::make_unique<metadata_service>(node, std::move(options));
  if (auto booted = boot(system, *service); !booted)
    return booted;
  auto handed = std::make_shared<std::unique_ptr<metadata_service>>(std::move(service));
  // layers: docs/adr/0002-metadata-on-its-own-thread.md; never in simulation
  node.metadata = node.metadata_on_own_thread ? system.spawn<caf::detached>(metadata_behavior, handed)
                                              : system.spawn(metadata_behavior, handed);
  return {};
}

} // namespace broker

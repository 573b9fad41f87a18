#include "actors/queue_replica.hpp"

#include <chrono>
#include <optional>

#include "actors/channel.hpp"
#include "actors/queue_store_client.hpp"

namespace broker {

namespace {

/// Until a refused deletion is proposed again.
constexpr auto retry = std::chrono::milliseconds{100};

struct queue_shell {
  static inline const char* name = "queue";

  runtime* node = nullptr;
  queue_ptr record;
  std::optional<queue_state> machine;
  queue_step step; // reused: no allocation per message
  bool ticking = false;
};

using queue_actor = caf::stateful_actor<queue_shell>;

void propose_deletion(queue_actor* self) {
  auto& shell = self->state;
  delete_queue what{shell.record->vhost, shell.record->name, shell.record->id};
  auto me = caf::actor_cast<caf::actor>(self);
  self->send(shell.node->metadata, propose_msg{proposal{std::move(what), [me](const command_result& result) {
                                                          if (!result.ok()) // too many proposals for now
                                                            caf::delayed_anon_send(me, retry, queue_unused_msg{});
                                                        }}});
}

void perform(queue_actor* self) {
  auto& shell = self->state;
  if (std::exchange(shell.step.unused, false)) // before anyone can hear of it and declare the queue anew
    propose_deletion(self);
  for (auto& [channel, events] : shell.step.events)
    self->send(static_cast<const local_channel&>(*channel).handle, queue_events_msg{std::move(events)});
  shell.step.events.clear();
  if (shell.step.tick_in_ms && !shell.ticking) {
    shell.ticking = true;
    self->delayed_send(self, std::chrono::milliseconds{shell.step.tick_in_ms}, queue_tick_msg{});
  }
  shell.step.tick_in_ms = 0;
}

void retire(queue_actor* self) {
  auto& shell = self->state;
  shell.machine->deleted(shell.step);
  shell.node->store->drop(shell.record->id);
  shell.node->store->detach(shell.record->id);
  perform(self);
  self->delayed_send(self, queue_linger, queue_retired_msg{});
}

queue_report report(const queue_shell& shell) {
  const auto& machine = *shell.machine;
  queue_report result;
  result.queue = shell.record;
  result.ready = machine.messages_ready();
  result.unacknowledged = machine.messages_unacked();
  result.persistent = machine.messages_persistent();
  result.ready_bytes = machine.bytes_ready();
  result.unacknowledged_bytes = machine.bytes_unacked();
  result.memory_bytes = machine.bytes_in_memory();
  result.consumers = machine.consumers();
  return result;
}

caf::behavior queue_behavior(queue_actor* self, runtime* node, queue_ptr record,
                             const std::shared_ptr<const recovered_queue>& recovered) {
  die_on_exceptions(self);
  auto& shell = self->state;
  shell.node = node;
  shell.record = record;
  node->store->attach(record->id, ref<store_client>{new queue_store_client{caf::actor_cast<caf::actor>(self)}});
  shell.machine.emplace(std::move(record), node->queues, *node->store, recovered.get());
  return {
    [self](queue_request_msg& request) {
      self->state.machine->handle(std::move(request.content), self->state.step);
      perform(self);
    },
    [self](queue_durable_msg durable) {
      self->state.machine->durable(durable.upto, self->state.step);
      perform(self);
    },
    [self](queue_paged_msg paged) {
      self->state.machine->paged(paged.upto, self->state.step);
      perform(self);
    },
    [self](queue_read_msg& read) {
      self->state.machine->read_done(read.content, self->state.step);
      perform(self);
    },
    [self](queue_tick_msg) {
      self->state.ticking = false;
      self->state.machine->tick(self->state.node->now_ms(), self->state.step);
      perform(self);
    },
    [self](queue_pressure_msg) {
      self->state.machine->under_pressure(self->state.step);
      perform(self);
    },
    [self](queue_unused_msg) { propose_deletion(self); },
    [self](queue_deleted_msg) { retire(self); },
    [self](queue_retired_msg) { self->quit(); },
    [self](queue_report_request& request) { request.content(report(self->state)); },
  };
}

} // namespace

caf::actor spawn_queue(caf::actor_system& system, runtime& node, queue_ptr record,
                       std::shared_ptr<const recovered_queue> recovered) {
  return system.spawn(queue_behavior, &node, std::move(record), std::move(recovered));
}

} // namespace broker

#include "actors/queue_replica.hpp"

#include <chrono>
#include <optional>

#include "actors/channel.hpp"
#include "actors/delay_queue.hpp"
#include "actors/queue_shell.hpp"

namespace broker {

namespace {

/// Until a refused deletion is proposed again.
constexpr auto retry = std::chrono::milliseconds{100};

struct queue_shell {
  static inline const char* name = "queue";

  runtime* node = nullptr;
  queue_ptr record;
  std::optional<queue_state> machine;
  queue_step step;          // reused: no allocation per message
  uint64_t tick_due_ms = 0; ///< 0: no timer counts
  count_rates rates;
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

void perform(queue_actor* self, uint64_t now_ms) {
  send_requests(self, now_ms);
  if (std::exchange(self->state.step.unused, false)) // before anyone can hear of it and declare the queue anew
    propose_deletion(self);
  send_events(self);
  schedule_tick(self, now_ms);
}

void retire(queue_actor* self) {
  auto& shell = self->state;
  shell.machine->deleted(shell.step);
  shell.node->store->drop(shell.record->id);
  shell.node->store->detach(shell.record->id);
  perform(self, shell.node->now_ms());
  self->delayed_send(self, queue_linger, queue_retired_msg{});
}

std::string_view to_string(consumer_activity what) {
  return what == consumer_activity::up ? "up" : what == consumer_activity::waiting ? "waiting" : "single_active";
}

queue_report report(queue_shell& shell) {
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
  result.flow = machine.withholds_credit();
  result.details = machine.details(shell.node->now_ms());
  result.messages = {machine.counts(), shell.rates.look(machine.counts(), shell.node->now_ms())};
  if (auto& exclusive = result.details.exclusive_consumer)
    for (const consumer_view& one : machine.consumer_list())
      if (one.who->exclusive)
        exclusive->node = static_cast<const local_channel&>(*one.who->channel).node;
  return result;
}

std::vector<consumer_report> report_consumers(const queue_shell& shell) {
  std::vector<consumer_report> all;
  for (const consumer_view& one : shell.machine->consumer_list()) {
    consumer_report& each = all.emplace_back();
    each.queue = shell.record;
    each.tag = one.who->tag;
    each.node = static_cast<const local_channel&>(*one.who->channel).node;
    each.connection = one.who->connection;
    each.channel = one.who->channel_id;
    each.ack_required = !one.who->no_ack;
    each.exclusive = one.who->exclusive;
    each.active = one.activity != consumer_activity::waiting;
    each.activity_status = to_string(one.activity);
    each.prefetch = one.who->prefetch;
    each.priority = one.who->priority;
    each.unacknowledged = one.unacknowledged;
    each.arguments = one.who->arguments;
  }
  return all;
}

/// Runs one step of the machine: `call` gets the machine, the time and the step.
template<class Call>
void run(queue_actor* self, Call call) {
  auto& shell = self->state;
  const uint64_t now_ms = shell.node->now_ms();
  call(*shell.machine, now_ms, shell.step);
  perform(self, now_ms);
}

caf::behavior queue_behavior(queue_actor* self, runtime* node, queue_ptr record,
                             const std::shared_ptr<const recovered_queue>& recovered) {
  die_on_exceptions(self);
  auto& shell = self->state;
  shell.node = node;
  shell.record = record;
  node->store->attach(record->id, ref<store_client>{new queue_store_client{caf::actor_cast<caf::actor>(self)}});
  queue_settings settings = node->queues;
  settings.snapshots = node->snapshot_reader();
  settings.address = make_ref<local_channel>(node->next_channel++, caf::actor_cast<caf::actor>(self));
  shell.machine.emplace(std::move(record), std::move(settings), *node->store, recovered.get(), node->now_ms());
  caf::message_handler own{
    [self](queue_request_msg& request) {
      run(self, [&](auto& machine, auto now_ms, auto& step) {
        machine.handle(std::move(request.content.request), now_ms, step);
      });
    },
    [self](queue_durable_msg durable) {
      run(self, [&](auto& machine, auto now_ms, auto& step) { machine.durable(durable.upto, now_ms, step); });
    },
    [self](queue_paged_msg paged) {
      run(self, [&](auto& machine, auto now_ms, auto& step) { machine.paged(paged.upto, now_ms, step); });
    },
    [self](queue_read_msg& read) {
      run(self, [&](auto& machine, auto now_ms, auto& step) { machine.read_done(read.content, now_ms, step); });
    },
    [self](queue_tick_msg tick) {
      if (tick.due_ms != self->state.tick_due_ms)
        return; // a sooner one took its place
      self->state.tick_due_ms = 0;
      run(self, [&](auto& machine, auto now_ms, auto& step) { machine.tick(now_ms, step); });
    },
    [self](queue_changed_msg& changed) {
      self->state.record = changed.record;
      run(self, [&](auto& machine, auto now_ms, auto& step) { machine.reconfigure(changed.record, now_ms, step); });
    },
    [self](queue_pressure_msg) {
      run(self, [&](auto& machine, auto now_ms, auto& step) { machine.under_pressure(now_ms, step); });
    },
    [self](queue_unused_msg) { propose_deletion(self); },
    [self](queue_deleted_msg) { retire(self); },
    [self](queue_retired_msg) { self->quit(); },
    [self](queue_report_request& request) { request.content.answer(report(self->state)); },
    [self](consumer_report_request& request) { request.content.answer(report_consumers(self->state)); },
  };
  return own.or_else(target_messages([self](auto call) { run(self, call); }));
}

} // namespace

caf::actor spawn_queue(caf::actor_system& system, runtime& node, queue_ptr record,
                       std::shared_ptr<const recovered_queue> recovered) {
  if (!record->delays_for.empty())
    return spawn_delay_queue(system, node, std::move(record), std::move(recovered));
  return system.spawn(queue_behavior, &node, std::move(record), std::move(recovered));
}

} // namespace broker

#include "actors/queue_replica.hpp"

#include <chrono>
#include <optional>

#include "actors/channel.hpp"
#include "actors/delay_queue.hpp"
#include "actors/queue_reports.hpp"
#include "actors/queue_shell.hpp"
#include "replication/log_recovery.hpp"

namespace broker {

namespace {

struct queue_shell {
  static inline const char* name = "queue";

  runtime* node = nullptr;
  queue_ptr record;
  std::optional<queue_state> machine;
  queue_step step; // reused: no allocation per message
  due_timer<queue_tick_msg> timer;
  move_watch moves; ///< of the queues that its dead letters go to
  /// The queue is replicated from now on: who asks goes there (Q10).
  caf::actor replica;
  recovered_queue content; ///< for it, once all of it is on disk
  count_rates rates;
  bool touched = false; ///< since it was sampled
  lookers looking;
};

using queue_actor = caf::stateful_actor<queue_shell>;

void perform(queue_actor* self, uint64_t now_ms) {
  note_touched(self);
  send_requests(self, now_ms);
  if (std::exchange(self->state.step.unused, false)) // before anyone can hear of it and declare the queue anew
    propose_deletion(self, *self->state.node, *self->state.record);
  send_events(self);
  self->state.looking.answer(self->state.step.looks);
  schedule_tick(self, now_ms);
}

void retire(queue_actor* self) {
  auto& shell = self->state;
  shell.machine->deleted(shell.step);
  shell.node->store->drop(shell.record->id);
  shell.node->store->detach(shell.record->id);
  perform(self, shell.node->now_ms());
  shell.looking.forget();
  linger(self);
}

void finish_conversion(queue_actor* self) {
  auto& shell = self->state;
  if (!shell.replica || !shell.machine)
    return;
  shell.machine->all_durable(shell.step);
  shell.machine->abandoned(shell.step);
  shell.node->store->detach(shell.record->id);
  self->send(shell.replica, replica_content_msg{std::move(shell.content)});
  perform(self, shell.node->now_ms());
  shell.machine.reset();
  shell.looking.forget();
  linger(self);
}

/// All that the queue has goes to disk, and a record behind it that tells when it is there. Until then, and afterwards,
/// nothing changes here any more; whoever asks waits at the replica.
void convert(queue_actor* self, const caf::actor& replica) {
  auto& shell = self->state;
  shell.replica = replica;
  shell.content = shell.machine->give_up(shell.node->now_ms());
  auto log = replication::adopt_queue(shell.content, shell.record->mastership);
  BROKER_ASSERT(log.ok(), "what a queue holds makes a log");
  shell.node->store->log(shell.record->id, 1, std::move(log->adoption), true);
}

/// Runs one step of the machine: `call` gets the machine, the time and the step.
template<class Call>
void run(queue_actor* self, Call call) {
  auto& shell = self->state;
  if (shell.replica)
    return;
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
      if (self->state.replica)
        return self->send(self->state.replica, std::move(request));
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
      if (!self->state.timer.take(tick))
        return;
      run(self, [&](auto& machine, auto now_ms, auto& step) { machine.tick(now_ms, step); });
    },
    [self](queue_changed_msg& changed) {
      if (!self->state.replica)
        self->state.record = changed.record;
      run(self, [&](auto& machine, auto now_ms, auto& step) { machine.reconfigure(changed.record, now_ms, step); });
    },
    [self](queue_pressure_msg) {
      run(self, [&](auto& machine, auto now_ms, auto& step) { machine.under_pressure(now_ms, step); });
    },
    [self](queue_unused_msg) { propose_deletion(self, *self->state.node, *self->state.record); },
    [self](const queue_converted_msg& what) { convert(self, what.replica); },
    [self](replica_logged_msg) { finish_conversion(self); },
    [self](queue_deleted_msg) {
      if (!self->state.replica)
        retire(self);
    },
    [self](queue_retired_msg) { leave(self); },
    [self](queue_report_request& request) {
      if (self->state.replica)
        return self->send(self->state.replica, std::move(request));
      auto& asked = self->state;
      answer_report(self, request.content, report_of(*asked.machine, asked.record, asked.rates, asked.node->now_ms()));
    },
    [self](queue_look_request& request) {
      if (self->state.replica)
        return self->send(self->state.replica, std::move(request));
      run(self, [&](auto& machine, auto now_ms, auto& step) {
        self->state.looking.add(std::move(request.content),
                                [&](const look_order& order) { return machine.look(order, now_ms, step); });
      });
    },
    [self](queue_flow_request& request) {
      if (self->state.replica)
        return self->send(self->state.replica, std::move(request));
      request.content(self->state.machine->flow());
    },
    [self](consumer_report_request& request) {
      if (self->state.replica)
        return self->send(self->state.replica, std::move(request));
      request.content.answer(report_consumers_of(*self->state.machine, self->state.record));
    },
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

#include "actors/delay_queue.hpp"

#include <chrono>
#include <optional>

#include "actors/channel.hpp"
#include "actors/queue_shell.hpp"
#include "queue/delay_queue.hpp"

namespace broker {

namespace {

struct delay_shell {
  static inline const char* name = "delay queue";

  runtime* node = nullptr;
  queue_ptr record;
  std::optional<delay_queue> machine;
  queue_step step;
  due_timer<queue_tick_msg> timer;
  move_watch moves; ///< of the queues that its messages go to
};

using delay_actor = caf::stateful_actor<delay_shell>;

void perform(delay_actor* self) {
  auto& shell = self->state;
  send_requests(self, shell.node->queues.wall_ms());
  send_events(self);
  if (shell.step.tick_in_ms != 0)
    schedule_tick(self, shell.node->now_ms());
}

/// Runs one step of the machine: `call` gets the machine, the wall clock and the step.
template<class Call>
void run(delay_actor* self, Call call) {
  auto& shell = self->state;
  call(*shell.machine, shell.node->queues.wall_ms(), shell.step);
  perform(self);
}

void retire(delay_actor* self) {
  auto& shell = self->state;
  shell.machine->deleted(shell.step);
  shell.node->store->drop(shell.record->id);
  shell.node->store->detach(shell.record->id);
  perform(self);
  linger(self);
}

caf::behavior delay_behavior(delay_actor* self, runtime* node, queue_ptr record,
                             const std::shared_ptr<const recovered_queue>& recovered) {
  die_on_exceptions(self);
  auto& shell = self->state;
  shell.node = node;
  shell.record = record;
  const auto me = caf::actor_cast<caf::actor>(self);
  node->store->attach(record->id, ref<store_client>{new queue_store_client{me}});
  queue_settings settings = node->queues;
  settings.snapshots = node->snapshot_reader();
  settings.address = make_ref<local_channel>(node->next_channel++, me);
  shell.machine.emplace(std::move(record), std::move(settings), *node->store, recovered.get());
  caf::message_handler own{
    [self](queue_request_msg& request) {
      run(self, [&](auto& machine, auto wall_ms, auto& step) {
        machine.handle(std::move(request.content.request), wall_ms, step);
      });
    },
    [self](queue_durable_msg durable) {
      run(self, [&](auto& machine, auto wall_ms, auto& step) { machine.durable(durable.upto, wall_ms, step); });
    },
    [](queue_paged_msg) {}, // nothing is paged out: everything is durable
    [self](queue_read_msg& read) {
      run(self, [&](auto& machine, auto wall_ms, auto& step) { machine.read_done(read.content, wall_ms, step); });
    },
    [self](queue_tick_msg tick) {
      if (!self->state.timer.take(tick))
        return;
      run(self, [&](auto& machine, auto wall_ms, auto& step) { machine.tick(wall_ms, step); });
    },
    [](queue_pressure_msg) {}, // keeps no bodies
    [](queue_changed_msg&) {}, // has no options
    [self](queue_deleted_msg) { retire(self); },
    [self](queue_retired_msg) { leave(self); },
    [](consumer_report_request& request) { request.content.answer({}); },
    [](queue_look_request&) {}, // has nothing to hand out
    [](queue_flow_request&) {},
    [self](queue_report_request& request) {
      queue_report result;
      result.queue = self->state.record;
      result.ready = result.persistent = self->state.machine->messages();
      request.content.answer(std::move(result));
    },
  };
  return own.or_else(target_messages([self](auto call) { run(self, call); }));
}

} // namespace

caf::actor spawn_delay_queue(caf::actor_system& system, runtime& node, queue_ptr record,
                             std::shared_ptr<const recovered_queue> recovered) {
  return system.spawn(delay_behavior, &node, std::move(record), std::move(recovered));
}

} // namespace broker

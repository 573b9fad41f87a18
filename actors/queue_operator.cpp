#include "actors/queue_operator.hpp"

#include "actors/channel.hpp"

namespace broker {

/// To itself: the queue's master is to be asked.
struct operator_ask_msg {};

namespace {

using answer_function = std::function<void(result<uint32_t>)>;
using make_request = std::function<queue_request(const channel_ref&)>;

/// Between two attempts to find the master of a queue that moves, and how many there are: 10 s in all.
constexpr auto ask_again_after = std::chrono::milliseconds{20};
constexpr uint32_t attempts = 500;

error gone() {
  return {404, "not_found"};
}

/// Stands in for a channel for one request: a queue answers to channels only.
struct operator_shell {
  static inline const char* name = "queue operator";

  runtime* node = nullptr;
  queue_id queue = 0;
  queue_ptr deleting; ///< null: a purge
  answer_function done;
  make_request make;
  caf::actor asked;
  channel_ref me; ///< for the queue
  uint32_t attempts_left = attempts;
};
using operator_actor = caf::stateful_actor<operator_shell>;

void finish(operator_actor* self, result<uint32_t> answer) {
  if (auto done = std::exchange(self->state.done, nullptr))
    done(std::move(answer));
  self->quit();
}

/// The queue has closed itself: if it is not deleted after all it opens again when whoever was to do it is gone.
void propose_deletion(operator_actor* self, uint32_t messages) {
  auto& shell = self->state;
  delete_queue what{shell.deleting->vhost, shell.deleting->name, shell.deleting->id};
  auto report = [me = caf::actor_cast<caf::actor>(self)](command_result applied) {
    caf::anon_send(me, command_result_msg{std::move(applied)});
  };
  self->send(shell.node->metadata, propose_msg{proposal{std::move(what), std::move(report)}});
  self->demonitor(shell.asked.address());
  // That the queue has gone or is out of reach is no answer any more.
  self->become(
    [self, messages](const command_result_msg& applied) {
      if (applied.content.ok())
        return finish(self, messages);
      const queue_id queue = self->state.queue;
      self->send(self->state.asked, queue_request_msg{{queue, channel_gone{self->state.me}}});
      finish(self, applied.content.failure);
    },
    [](const queue_gone_msg&) {}, [](const queue_unreachable_msg&) {}, [](const queue_events_msg&) {});
}

/// Of the queue's master. It asks again when that has moved, for a while: the next one may not be known here yet.
void ask(operator_actor* self) {
  auto& shell = self->state;
  const queue_location at = shell.node->queues_by_id.locate(shell.queue);
  if (!at.who || shell.attempts_left-- == 0)
    return finish(self, gone());
  shell.asked = at.who;
  self->monitor(shell.asked);
  shell.me = channel_ref{new local_channel{shell.node->next_channel++, caf::actor_cast<caf::actor>(self)}};
  self->send(shell.asked, queue_request_msg{{shell.queue, shell.make(shell.me), at.mastership}});
}

void ask_again(operator_actor* self) {
  self->demonitor(self->state.asked.address());
  self->delayed_send(self, ask_again_after, operator_ask_msg{});
}

void take(operator_actor* self, const queue_event& event) {
  const auto* const missing = std::get_if<queue_missing>(&event);
  if (const auto* purge = std::get_if<purged>(&event))
    finish(self, purge->messages);
  else if (const auto* checked = std::get_if<delete_checked>(&event))
    checked->ok ? propose_deletion(self, checked->messages) : finish(self, checked->why);
  else if (missing && missing->moved)
    ask_again(self);
  else if (missing)
    finish(self, gone());
}

caf::behavior operator_behavior(operator_actor* self, runtime* node, queue_id queue, const queue_ptr& deleting,
                                const answer_function& done, const make_request& make) {
  auto& shell = self->state;
  shell.node = node;
  shell.queue = queue;
  shell.deleting = deleting;
  shell.done = done;
  shell.make = make;
  self->set_down_handler([self](const caf::down_msg&) { finish(self, gone()); });
  ask(self);
  return {[self](operator_ask_msg) { ask(self); }, [self](queue_gone_msg) { finish(self, gone()); },
          [self](const queue_unreachable_msg& lost) { finish(self, lost.why); },
          [self](queue_events_msg& events) {
            for (const auto& event : events.content.events)
              if (self->state.done)
                take(self, event);
          }};
}

} // namespace

void purge_as_operator(caf::actor_system& system, runtime& node, queue_id queue, answer_function done) {
  system.spawn(operator_behavior, &node, queue, queue_ptr{}, std::move(done),
               [](const channel_ref& me) { return queue_request{purge_request{me}}; });
}

void delete_as_operator(caf::actor_system& system, runtime& node, queue_ptr queue, bool if_unused, bool if_empty,
                        answer_function done) {
  const queue_id id = queue->id;
  system.spawn(operator_behavior, &node, id, std::move(queue), std::move(done),
               [if_unused, if_empty](const channel_ref& me) {
                 return queue_request{delete_request{me, if_unused, if_empty}};
               });
}

} // namespace broker

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::operator_ask_msg)

#include "actors/queue_operator.hpp"

#include "actors/channel.hpp"

namespace broker {

namespace {

using answer_function = std::function<void(result<uint32_t>)>;

error gone() {
  return {404, "not_found"};
}

/// Stands in for a channel for one request: a queue answers to channels only.
struct operator_shell {
  static inline const char* name = "queue operator";

  runtime* node = nullptr;
  queue_ptr deleting; ///< null: a purge
  answer_function done;
};
using operator_actor = caf::stateful_actor<operator_shell>;

void finish(operator_actor* self, result<uint32_t> answer) {
  if (auto done = std::exchange(self->state.done, nullptr))
    done(std::move(answer));
  self->quit();
}

void propose_deletion(operator_actor* self, uint32_t messages) {
  auto& shell = self->state;
  delete_queue what{shell.deleting->vhost, shell.deleting->name, shell.deleting->id};
  auto report = [messages, done = std::exchange(shell.done, nullptr)](const command_result& applied) {
    applied.ok() ? done(messages) : done(applied.failure);
  };
  self->send(shell.node->metadata, propose_msg{proposal{std::move(what), std::move(report)}});
  self->quit();
}

void take(operator_actor* self, const queue_event& event) {
  if (const auto* purge = std::get_if<purged>(&event))
    finish(self, purge->messages);
  else if (const auto* checked = std::get_if<delete_checked>(&event))
    checked->ok ? propose_deletion(self, checked->messages) : finish(self, checked->why);
  else if (std::holds_alternative<queue_missing>(event))
    finish(self, gone());
}

template<class MakeRequest>
caf::behavior operator_behavior(operator_actor* self, runtime* node, queue_id queue, const queue_ptr& deleting,
                                const answer_function& done, const MakeRequest& make) {
  self->state.node = node;
  self->state.deleting = deleting;
  self->state.done = done;
  self->set_down_handler([self](const caf::down_msg&) { finish(self, gone()); });
  if (auto who = node->queues_by_id.find(queue)) {
    self->monitor(who);
    const channel_ref me{new local_channel{node->next_channel++, caf::actor_cast<caf::actor>(self)}};
    self->send(who, queue_request_msg{{queue, make(me)}});
  } else
    finish(self, gone());
  return {[self](queue_gone_msg) { finish(self, gone()); },
          [self](const queue_unreachable_msg& lost) { finish(self, lost.why); },
          [self](queue_events_msg& events) {
            for (const auto& event : events.content.events)
              if (self->state.done)
                take(self, event);
          }};
}

template<class MakeRequest>
void spawn_operator(caf::actor_system& system, runtime& node, queue_id queue, queue_ptr deleting, answer_function done,
                    MakeRequest make) {
  system.spawn(operator_behavior<MakeRequest>, &node, queue, std::move(deleting), std::move(done), std::move(make));
}

} // namespace

void purge_as_operator(caf::actor_system& system, runtime& node, queue_id queue, answer_function done) {
  spawn_operator(system, node, queue, nullptr, std::move(done),
                 [](const channel_ref& me) { return queue_request{purge_request{me}}; });
}

void delete_as_operator(caf::actor_system& system, runtime& node, queue_ptr queue, bool if_unused, bool if_empty,
                        answer_function done) {
  const queue_id id = queue->id;
  spawn_operator(system, node, id, std::move(queue), std::move(done), [if_unused, if_empty](const channel_ref& me) {
    return queue_request{delete_request{me, if_unused, if_empty}};
  });
}

} // namespace broker

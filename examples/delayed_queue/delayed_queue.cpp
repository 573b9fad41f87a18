#include "delayed_queue.hpp"

#include <deque>

#include "actors/messages.hpp"
#include "actors/queue_replica.hpp"

namespace examples {

namespace {

using due_atom = caf::atom_constant<caf::atom("due")>;

constexpr int64_t delay_max_ms = 24 * 60 * 60 * 1000;

struct delay_shell {
  static inline const char* name = "delayed queue";

  struct waiting {
    uint64_t due_ms = 0;
    broker::addressed_request publish;
  };
  broker::runtime* node = nullptr;
  caf::actor queue;
  uint64_t delay_ms = 0;
  std::deque<waiting>
    publishes; ///< their batches are held: what waits here slows its publishers down, so it is bounded
};
using delay_actor = caf::stateful_actor<delay_shell>;

void wait_for_first(delay_actor* self) {
  const auto& first = self->state.publishes.front();
  const uint64_t now_ms = self->state.node->now_ms();
  const uint64_t in_ms = first.due_ms > now_ms ? first.due_ms - now_ms : 1;
  self->delayed_send(self, std::chrono::milliseconds{in_ms}, due_atom::value);
}

void take(delay_actor* self, broker::addressed_request& request) {
  auto& shell = self->state;
  if (shell.delay_ms == 0 || !std::holds_alternative<broker::publish_request>(request.request))
    return self->send(shell.queue, broker::queue_request_msg{std::move(request)});
  shell.publishes.push_back({shell.node->now_ms() + shell.delay_ms, std::move(request)});
  if (shell.publishes.size() == 1)
    wait_for_first(self);
}

void hand_on(delay_actor* self) {
  auto& waiting = self->state.publishes;
  const uint64_t now_ms = self->state.node->now_ms();
  while (!waiting.empty() && waiting.front().due_ms <= now_ms) {
    self->send(self->state.queue, broker::queue_request_msg{std::move(waiting.front().publish)});
    waiting.pop_front();
  }
  if (!waiting.empty())
    wait_for_first(self);
}

/// A deleted queue answers what it was still sent: the publishes count as confirmed.
void pass_deletion(delay_actor* self, broker::queue_deleted_msg deleted) {
  auto& shell = self->state;
  self->send(shell.queue, deleted);
  for (auto& each : std::exchange(shell.publishes, {}))
    self->send(shell.queue, broker::queue_request_msg{std::move(each.publish)});
  shell.delay_ms = 0;
}

/// The node kills its queues' actors at shutdown, which the link passes on.
caf::behavior delay_behavior(delay_actor* self, broker::runtime* node, const caf::actor& queue, uint64_t delay_ms) {
  broker::die_on_exceptions(self);
  self->state.node = node;
  self->state.queue = queue;
  self->state.delay_ms = delay_ms;
  self->link_to(queue);
  self->monitor(queue);
  self->set_down_handler([self](const caf::down_msg&) { self->quit(); });
  self->set_default_handler([queue](caf::scheduled_actor* me, caf::message_view& other) -> caf::result<caf::message> {
    queue->enqueue(nullptr, caf::make_message_id(), other.move_content_to_message(), me->context());
    return caf::delegated<caf::message>{};
  });
  return {
    [self](broker::queue_request_msg& request) { take(self, request.content); },
    [self](due_atom) { hand_on(self); },
    [self](broker::queue_deleted_msg deleted) { pass_deletion(self, deleted); },
  };
}

uint64_t delay_of(const broker::queue_record& queue) {
  int64_t delay_ms = 0;
  const auto* argument = queue.arguments.find("x-publish-delay");
  const bool valid = argument && argument->as_integer(delay_ms) && delay_ms > 0 && delay_ms <= delay_max_ms;
  return valid ? static_cast<uint64_t>(delay_ms) : 0;
}

} // namespace

broker::queue_factory delayed_queues() {
  return [](caf::actor_system& system, broker::runtime& node, broker::queue_ptr record,
            std::shared_ptr<const broker::recovered_queue> recovered) {
    const uint64_t delay_ms = delay_of(*record);
    auto queue = broker::spawn_queue(system, node, std::move(record), std::move(recovered));
    return delay_ms == 0 ? queue : system.spawn(delay_behavior, &node, std::move(queue), delay_ms);
  };
}

} // namespace examples

#include "gathering_queue.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "actors/messages.hpp"
#include "actors/queue_replica.hpp"

namespace examples {

namespace {

using due_atom = caf::atom_constant<caf::atom("due")>;

/// A request waits this long at most, and so many of them.
constexpr auto gather_time = std::chrono::milliseconds{5};
constexpr size_t gathered_max = 16;

struct gathering_shell {
  static inline const char* name = "gathering queue";
  caf::actor queue;
  gathering_mistake mistake = gathering_mistake::none;
  std::vector<broker::addressed_request> waiting; ///< in the order in which they came
};
using gathering_actor = caf::stateful_actor<gathering_shell>;

void hand_on(gathering_actor* self) {
  auto& shell = self->state;
  if (shell.mistake == gathering_mistake::backwards)
    std::reverse(shell.waiting.begin(), shell.waiting.end());
  for (auto& each : std::exchange(shell.waiting, {}))
    self->send(shell.queue, broker::queue_request_msg{std::move(each)});
}

/// Whoever swallows a publish lets its batch go, or its publisher stands still (docs/extending.md).
void forget_oldest(gathering_shell& shell) {
  if (const auto* publish = std::get_if<broker::publish_request>(&shell.waiting.front().request))
    publish->batch->release();
  shell.waiting.erase(shell.waiting.begin());
}

void take(gathering_actor* self, broker::addressed_request& request) {
  auto& shell = self->state;
  shell.waiting.push_back(std::move(request));
  if (shell.waiting.size() == 1)
    self->delayed_send(self, gather_time, due_atom::value);
  if (shell.mistake == gathering_mistake::forgetful && shell.waiting.size() == gathered_max / 4)
    forget_oldest(shell);
  if (shell.waiting.size() == gathered_max)
    hand_on(self);
}

/// The node kills its queues' actors when it stops, which the link passes on; a deleted queue ends by itself.
caf::behavior gathering_behavior(gathering_actor* self, const caf::actor& queue, gathering_mistake mistake) {
  broker::die_on_exceptions(self);
  self->state.queue = queue;
  self->state.mistake = mistake;
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
    [self](broker::queue_deleted_msg deleted) {
      hand_on(self);
      self->send(self->state.queue, deleted);
    },
  };
}

} // namespace

broker::queue_factory gathering_queues(gathering_mistake mistake) {
  return [mistake](caf::actor_system& system, broker::runtime& node, broker::queue_ptr record,
                   std::shared_ptr<const broker::recovered_queue> recovered) {
    auto queue = broker::spawn_queue(system, node, std::move(record), std::move(recovered));
    return system.spawn(gathering_behavior, std::move(queue), mistake);
  };
}

} // namespace examples

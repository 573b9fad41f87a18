#include "audit_tap.hpp"

#include "actors/messages.hpp"
#include "actors/queue_replica.hpp"

namespace examples {

namespace {

audit_counts count(const broker::queue_request& request) {
  audit_counts counts;
  counts.requests = 1;
  if (const auto* publish = std::get_if<broker::publish_request>(&request))
    for (const auto& where : publish->slices)
      counts.published += where.size();
  if (const auto* settle = std::get_if<broker::settle_request>(&request)) {
    const bool acked = settle->what == broker::settle_request::kind::ack;
    for (const auto& each : settle->seqs)
      (acked ? counts.acknowledged : counts.returned) += each.size();
  }
  return counts;
}

/// Requests are counted; whatever else a queue may be sent is handed on unseen. Answers go from the queue straight to
/// the channel, and the store talks to the queue itself. The node kills its queues' actors at shutdown, which the link
/// passes on; a deleted queue ends by itself, and the tap with it.
caf::behavior tap_behavior(caf::event_based_actor* self, const caf::actor& queue, const std::string& name,
                           const std::shared_ptr<audit_book>& book) {
  broker::die_on_exceptions(self);
  self->link_to(queue);
  self->monitor(queue);
  self->set_down_handler([self](const caf::down_msg&) { self->quit(); });
  self->set_default_handler([queue](caf::scheduled_actor* me, caf::message_view& other) -> caf::result<caf::message> {
    queue->enqueue(nullptr, caf::make_message_id(), other.move_content_to_message(), me->context());
    return caf::delegated<caf::message>{};
  });
  return {
    [=](broker::queue_request_msg& request) {
      book->add(name, count(request.content.request));
      self->send(queue, std::move(request));
    },
  };
}

} // namespace

void audit_book::add(const std::string& queue, const audit_counts& more) {
  std::lock_guard guard{mutex_};
  auto& sum = counts_[queue];
  sum.published += more.published;
  sum.acknowledged += more.acknowledged;
  sum.returned += more.returned;
  sum.requests += more.requests;
}

std::map<std::string, audit_counts> audit_book::read() const {
  std::lock_guard guard{mutex_};
  return counts_;
}

broker::queue_factory audited_queues(std::shared_ptr<audit_book> book) {
  return [book = std::move(book)](caf::actor_system& system, broker::runtime& node, broker::queue_ptr record,
                                  std::shared_ptr<const broker::recovered_queue> recovered) {
    const std::string name = record->name;
    auto queue = broker::spawn_queue(system, node, std::move(record), std::move(recovered));
    return system.spawn(tap_behavior, std::move(queue), name, book);
  };
}

} // namespace examples

#include "queue_plants.hpp"

#include <algorithm>
#include <chrono>

#include "actors/channel.hpp"
#include "amqp/properties.hpp"
#include "deaths.hpp"
#include "queue/forwarder.hpp"
#include "virtual_time.hpp"

namespace broker::sim {

namespace {

/// A target that was told of a dead letter only after its source had forgotten it.
constexpr auto late = std::chrono::milliseconds{300};
/// What a time to live starts anew with when it is the messages' own.
constexpr uint64_t new_ttl_ms = 10'000;

// -- other options than were asked for
// ---------------------------------------------------------------------------------------------------------

queue_ptr spoiled_record(queue_ptr record, const plant& mistakes) {
  if (!record->options)
    return record;
  auto options = *record->options;
  if (mistakes.is("priority-ignored"))
    options.max_priority = 0;
  if (mistakes.is("ttl-ignored"))
    options.message_ttl_ms.reset();
  if (mistakes.is("limit-ignored"))
    options.max_length.reset();
  if (mistakes.is("drop-newest") && options.overflow == overflow_policy::drop_head)
    options.overflow = overflow_policy::reject_publish_dlx; // and the publisher is told that all is well: plants.cpp
  if (mistakes.is("single-active-ignored"))
    options.single_active_consumer = false;
  if (mistakes.is("delivery-limit-ignored"))
    options.delivery_limit.reset();
  if (mistakes.is("at-least-once-gives-up"))
    options.strategy = dead_letter_strategy::at_most_once;
  auto made = std::make_shared<queue_record>(*record);
  made->options = std::make_shared<const queue_options>(std::move(options));
  return made;
}

// -- another past than the store found
// ---------------------------------------------------------------------------------------------------------

std::shared_ptr<const recovered_queue> spoiled_past(std::shared_ptr<const recovered_queue> found,
                                                    const queue_record& record, uint64_t wall_ms,
                                                    const plant& mistakes) {
  if (!found)
    return found;
  auto made = *found;
  const bool delays = !record.delays_for.empty();
  for (recovered_run& run : made.runs) {
    if (mistakes.is("priority-forgotten-after-restart"))
      run.facts.priority = 0;
    if (mistakes.is("delay-forgotten-after-restart") && delays)
      run.facts.deadline_ms = wall_ms;
    if (mistakes.is("ttl-restarts-after-recovery") && !delays && run.facts.deadline_ms != 0)
      run.facts.deadline_ms = wall_ms + record.options->message_ttl_ms.value_or(new_ttl_ms);
  }
  if (mistakes.is("delayed-lost-after-restart") && delays && !made.runs.empty())
    made.runs.erase(made.runs.begin());
  return std::make_shared<const recovered_queue>(std::move(made));
}

// -- something else than was sent
// ----------------------------------------------------------------------------------------------------------

/// The reason of the latest death of the request's first message; empty: it comes from a publisher.
std::string last_death(const publish_request& request) {
  const auto& first = request.batch->messages[request.slices.front().lo];
  const auto properties = amqp::decode_properties(first.property_bytes());
  std::string problem;
  const auto deaths = properties.ok() ? read_deaths(*properties, problem) : deaths_seen{};
  return deaths.all.empty() ? "" : deaths.all.front().reason;
}

/// Tells the source that its dead letters are safe, in the name of `queue`.
void confirm_at_once(caf::event_based_actor* self, const publish_request& request, queue_id queue) {
  std::vector<queue_event> events;
  for (const slice& one : request.slices) {
    const auto first = request.batch->first_confirm;
    events.push_back(confirmed{queue, {first + one.lo, first + one.hi}, false});
  }
  self->send(static_cast<const local_channel&>(*request.channel).handle,
             queue_events_msg{{request.channel->id, std::move(events)}});
}

publish_request without_deaths(const publish_request& request) {
  publish_request made{make_ref<publish_batch>(), request.slices, request.channel, request.confirm};
  for (const message& one : request.batch->messages) {
    auto properties = amqp::decode_properties(one.property_bytes());
    std::erase_if(properties->headers->entries, [](const auto& entry) { return entry.first == "x-death"; });
    queueing::append_republished(*made.batch, one, one.exchange(), one.routing_key(), *properties);
  }
  made.batch->first_confirm = request.batch->first_confirm;
  made.batch->hold();
  request.batch->release();
  return made;
}

/// Dead letters on their way into `queue`.
void spoil_letters(caf::event_based_actor* self, const caf::actor& queue, queue_id id, publish_request request,
                   plant& mistakes) {
  const auto reason = last_death(request);
  if (reason.empty())
    return self->send(queue, queue_request_msg{{id, queue_request{std::move(request)}}});
  if (mistakes.is("expired-not-dead-lettered") && reason == "expired") {
    confirm_at_once(self, request, id);
    return request.batch->release();
  }
  if (mistakes.is("dead-letter-settled-early")) {
    confirm_at_once(self, request, id);
    request.confirm = false;
    return self->delayed_send(queue, late, queue_request_msg{{id, queue_request{std::move(request)}}});
  }
  if (mistakes.is("dead-letter-sent-twice") && mistakes.happens(rarely)) {
    request.batch->hold();
    auto again = request;
    again.confirm = false;
    self->send(queue, queue_request_msg{{id, queue_request{std::move(again)}}});
  }
  if (mistakes.is("death-not-recorded") && mistakes.happens(rarely))
    request = without_deaths(request);
  self->send(queue, queue_request_msg{{id, queue_request{std::move(request)}}});
}

bool is_letter_mistake(const plant& mistakes) {
  return mistakes.is("expired-not-dead-lettered") || mistakes.is("dead-letter-settled-early")
      || mistakes.is("dead-letter-sent-twice") || mistakes.is("death-not-recorded");
}

/// The address of another node's channel (actors/bridge.hpp).
bool is_twin(const channel_ref& channel) {
  return !static_cast<const local_channel&>(*channel).node.empty();
}

/// A bridge that sends again what has arrived.
void take_twice(caf::event_based_actor* self, const caf::actor& queue, queue_id id, const publish_request& request,
                plant& mistakes) {
  if (!is_twin(request.channel) || !mistakes.happens(rarely))
    return;
  request.batch->hold();
  auto again = request;
  again.confirm = false;
  self->send(queue, queue_request_msg{{id, queue_request{std::move(again)}}});
}

/// Not every request reaches its queue.
bool gets_lost(const queue_request& request, plant& mistakes) {
  if (mistakes.is("twin-outlives-its-channel")) {
    const auto* gone = std::get_if<channel_gone>(&request);
    return gone != nullptr && is_twin(gone->channel);
  }
  if (mistakes.is("unacked-lost-on-channel-close"))
    return std::holds_alternative<channel_gone>(request);
  return mistakes.is("leak-credit") && std::holds_alternative<settle_request>(request) && mistakes.happens(rarely);
}

/// A queue's actor with a planted mistake in front of it.
caf::behavior spoiled_queue(caf::event_based_actor* self, caf::actor queue, queue_id id, plant* mistakes) {
  return {
    [=](queue_request_msg& request) {
      auto* publish = std::get_if<publish_request>(&request.content.request);
      if (publish && mistakes->is("publish-taken-twice"))
        take_twice(self, queue, id, *publish, *mistakes);
      if (publish && is_letter_mistake(*mistakes))
        spoil_letters(self, queue, id, std::move(*publish), *mistakes);
      else if (!gets_lost(request.content.request, *mistakes))
        self->send(queue, std::move(request));
    },
    [=](queue_tick_msg tick) { self->send(queue, tick); },
    [=](queue_pressure_msg pressure) { self->send(queue, pressure); },
    [=](const queue_changed_msg& changed) { self->send(queue, changed); },
    [=](queue_deleted_msg deleted) {
      self->send(queue, deleted);
      self->quit();
    },
  };
}

} // namespace

caf::actor spawn_spoiled_queue(caf::actor_system& system, runtime& node, queue_ptr record,
                               std::shared_ptr<const recovered_queue> recovered, plant& mistakes) {
  if (mistakes.is(""))
    return spawn_queue(system, node, std::move(record), std::move(recovered));
  const auto id = record->id;
  const bool in_front = is_letter_mistake(mistakes) || mistakes.is("unacked-lost-on-channel-close")
                     || mistakes.is("leak-credit") || mistakes.is("publish-taken-twice")
                     || mistakes.is("twin-outlives-its-channel");
  auto past = spoiled_past(std::move(recovered), *record, node.queues.wall_ms(), mistakes);
  auto queue = spawn_queue(system, node, spoiled_record(std::move(record), mistakes), std::move(past));
  return in_front ? system.spawn(spoiled_queue, queue, id, &mistakes) : queue;
}

} // namespace broker::sim

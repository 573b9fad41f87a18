// How a publish becomes entries of the log (T4): what the queue would decide of each message when it comes is decided
// then, by this master's clock, and is part of the log; what depends on the queue's content is decided at the commit.
#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "queue/expiry.hpp"
#include "queue/message_priority.hpp"
#include "queue/outbox.hpp"
#include "queue/plant.hpp"
#include "queue/replicated_queue.hpp"

namespace broker {

namespace {

struct decision {
  uint64_t deadline_ms = 0;
  uint8_t priority = 0;
  friend bool operator==(const decision&, const decision&) = default;
};

decision decide_of(const message& what, const queue_options& options, uint64_t now_ms) {
  decision made;
  if (options.message_ttl_ms || what.has(message::has_expiration))
    if (const auto ttl_ms = queueing::time_to_live_ms(what, options))
      made.deadline_ms = queueing::deadline_after(now_ms, *ttl_ms);
  made.priority = queueing::priority_of(what, options.max_priority);
  return made;
}

uint64_t body_bytes(const publish_batch& batch, slice where) {
  uint64_t bytes = 0;
  for (uint32_t at = where.lo; at < where.hi; ++at)
    bytes += batch.messages[at].body_size;
  return bytes;
}

} // namespace

/// Cuts the publishes into slices of messages that are treated alike.
void replicated_queue::decide(const publish_request& request, uint64_t now_ms, replication::publish_order& order,
                              std::vector<place_in_log>& places) const {
  static const queue_options defaults;
  const queue_options& options = record_->options ? *record_->options : defaults;
  uint64_t wall_ms = 0;
  bool special = false;
  const auto add = [&](slice where, decision made) {
    if (made.deadline_ms != 0 && wall_ms == 0 && settings_.queue.wall_ms)
      wall_ms = settings_.queue.wall_ms();
    special = special || !(made == decision{});
    order.slices.push_back(where);
    order.facts.push_back({queueing::deadline_to_wall(made.deadline_ms, now_ms, wall_ms), made.priority});
    places.push_back({0, where.lo, made.deadline_ms, made.priority});
  };
  for (slice left : request.slices) {
    BROKER_ASSERT(left.lo <= left.hi && left.hi <= request.batch->messages.size(), "slice outside its batch");
    decision alike;
    for (uint32_t at = left.lo; at < left.hi; ++at) {
      const decision one = decide_of(request.batch->messages[at], options, now_ms);
      if (at != left.lo && !(one == alike)) {
        add({left.lo, at}, alike);
        left.lo = at;
      }
      alike = one;
    }
    if (left.size() != 0)
      add(left, alike);
  }
  if (!special)
    order.facts.clear();
}

/// What was appended waits for its commit; what was in the log already is confirmed with it.
void replicated_queue::keep(const publish_request& request, const replication::publish_order& order,
                            const std::vector<place_in_log>& places, const replication::publish_outcome& done,
                            replicated_step& step) {
  uint32_t known = done.duplicates;
  seqno next = done.first;
  queueing::outbox out{step.queue, record_->id};
  std::vector<slice> refused;
  for (size_t which = 0; which < order.slices.size(); ++which) {
    slice left = order.slices[which];
    const uint32_t again = std::min(known, left.size());
    if (again != 0 && request.confirm) {
      const seq_range numbers{request.batch->first_confirm + left.lo, request.batch->first_confirm + left.lo + again};
      if (done.confirm_at <= replica_->commit() || queueing::planted(queueing::plant::repeated_early))
        out.confirm(request.channel, numbers);
      else
        repeated_.push_back({done.confirm_at, request.channel, numbers});
    }
    known -= again;
    left.lo += again;
    if (left.size() == 0)
      continue;
    if (next == 0 || next > done.last) {
      refused.push_back(left);
      continue;
    }
    place_in_log place = places[which];
    place.first = next;
    place.lo = left.lo;
    next += left.size();
    BROKER_ASSERT(next <= done.last + 1, "a slice is appended whole or not at all");
    request.batch->hold();
    waiting_.push_back({{request.batch, {left}, request.channel, request.confirm}, place});
  }
  BROKER_ASSERT(refused.empty() || done.gap || done.refused, "publishes are left out for a reason");
  if (done.gap)
    out.send(request.channel, publish_gap{record_->id, done.last_number});
  else if (done.refused) {
    request.batch->hold();
    step.misdirected.push_back(
      publish_request{request.batch, std::move(refused), request.channel, request.confirm, request.from});
  }
}

/// Overflow reject-publish is decided here, and what is refused enters no log: else a channel that did not hear of it
/// and sends it again, to a master that has it in the log, would hear that it is confirmed (G2). For the same reason no
/// log has a number behind a refused one that its channel may send again: until it has heard of a refusal, which shows
/// in what its publishes follow (replication::publisher), everything it sends is refused.
void replicated_queue::refuse_what_has_no_room(publish_request& request, replicated_step& step) {
  const replication::channel_id& channel = request.from.channel;
  refused_publish last{0, request.from.prev};
  bool unheard = false;
  if (const auto known = refused_.find(channel); known != refused_.end()) {
    unheard = request.from.prev > known->second.before && request.from.prev <= known->second.last;
    if (unheard)
      last = known->second;
  }
  const bool rejects = record_->options && record_->options->overflow == overflow_policy::reject_publish;
  if (!rejects && !unheard)
    return;
  const replication::dedupe_entry* logged = channel.none() ? nullptr : replica_->log().dedupe().find(channel);
  const publish_batch& batch = *request.batch;
  uint64_t messages = messages_uncommitted();
  uint64_t bytes = 0;
  if (rejects && record_->options->max_length_bytes) // else nobody asks, and it looks at every message that waits
    for (const logged_publish& one : waiting_)
      bytes += body_bytes(*one.request.batch, one.request.slices.front());
  queueing::outbox out{step.queue, record_->id};
  std::vector<slice> left;
  for (const slice& one : request.slices)
    for (uint32_t at = one.lo; at < one.hi; ++at) {
      const confirm_number number = batch.first_confirm + at;
      const bool again = logged && number <= logged->last;
      const uint64_t size = batch.messages[at].body_size;
      if (!again && (unheard || !queue_->has_room(messages + 1, bytes + size))) {
        last.last = number;
        unheard = !channel.none();
        if (request.confirm)
          out.confirm(request.channel, {number, number + 1}, true);
        continue;
      }
      messages += again ? 0 : 1;
      bytes += again ? 0 : size;
      last = {0, number};
      if (left.empty() || left.back().hi != at || at == one.lo)
        left.push_back({at, at});
      left.back().hi = at + 1;
    }
  request.slices = std::move(left);
  if (channel.none())
    return;
  if (last.last != 0)
    refused_[channel] = last;
  else
    refused_.erase(channel);
}

void replicated_queue::publish(publish_request request, uint64_t now_ms, replicated_step& step) {
  refuse_what_has_no_room(request, step);
  replication::publish_order order;
  order.channel = request.from.channel;
  order.batch = request.batch;
  order.prev = request.from.prev;
  std::vector<place_in_log> places;
  decide(request, now_ms, order, places);
  keep(request, order, places, replica_->publish(order, effects_), step);
  request.batch->release();
  finish(now_ms, step);
}

} // namespace broker

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "queue/expiry.hpp"
#include "queue/message_priority.hpp"
#include "queue/queue_impl.hpp"

namespace broker {

using queueing::home;
using queueing::outbox;
using queueing::run;

uint64_t queue_state::impl::deadline_of(const message& what) const {
  if (!options->message_ttl_ms && !what.has(message::has_expiration))
    return 0;
  const auto ttl_ms = queueing::time_to_live_ms(what, *options);
  return ttl_ms ? queueing::deadline_after(now_ms, *ttl_ms) : 0;
}

/// Everything in a quorum queue is persistent (Q03).
bool queue_state::impl::is_persistent(const message& what) const {
  return what.has(message::persistent) || options->type == queue_type::quorum;
}

/// Cuts the longest run of messages that are treated alike off `left` and sums it up in the same pass.
run queue_state::impl::cut_run(const batch_ref& batch, slice& left) {
  if (is_logged())
    return cut_logged(batch, left);
  constexpr uint16_t alike = message::persistent | message::has_expiration;
  const auto& messages = batch->messages;
  run one;
  one.batch = batch;
  one.lo = left.lo;
  const uint16_t flags = messages[left.lo].flags & alike;
  const bool own_deadlines = (flags & message::has_expiration) != 0;
  const uint8_t max_priority = options->max_priority;
  one.deadline_ms = deadline_of(messages[left.lo]);
  one.wall_deadline_ms = by_the_calendar(one.deadline_ms);
  one.priority = queueing::priority_of(messages[left.lo], max_priority);
  const auto differs = [&](const message& other) {
    return (own_deadlines && deadline_of(other) != one.deadline_ms)
        || (max_priority != 0 && queueing::priority_of(other, max_priority) != one.priority);
  };
  const bool look = own_deadlines || max_priority != 0;
  for (const message* at = &messages[left.lo]; left.lo < left.hi; ++left.lo, ++at) {
    if ((at->flags & alike) != flags || (look && differs(*at)))
      break;
    one.body += at->body_size;
    one.raw += at->raw_size;
  }
  one.count = left.lo - one.lo;
  return one;
}

/// What is in a log is alike already.
run queue_state::impl::cut_logged(const batch_ref& batch, slice& left) const {
  run one;
  one.batch = batch;
  one.lo = left.lo;
  one.count = left.size();
  one.first = place.first + (left.lo - place.lo);
  one.deadline_ms = place.deadline_ms;
  one.priority = place.priority;
  one.kept = home::durable;
  measure(one);
  left.lo = left.hi;
  return one;
}

/// Numbers of its own are dense; a log's have gaps, where settles are.
void queue_state::impl::number(run& what) {
  if (!is_logged())
    what.first = next;
  BROKER_ASSERT(what.first >= next, "numbers rise");
  next = what.last();
  if (is_logged())
    pages.recovered(next);
}

message_facts queue_state::impl::facts_of(const run& what) const {
  return {what.wall_deadline_ms, what.priority};
}

/// Equal deadlines shall be equal here, too, or messages that share one could not be a run: the two clocks are read at
/// different moments and tick at different ones.
uint64_t queue_state::impl::by_the_calendar(uint64_t deadline_ms) {
  constexpr uint64_t tolerance_ms = 20; // own choice: what drifts apart in half a minute
  if (deadline_ms == 0)
    return 0;
  const uint64_t expected = clocks_wall_ms + (now_ms - clocks_now_ms);
  const uint64_t wall = wall_ms();
  if (clocks_wall_ms == 0 || std::max(wall, expected) - std::min(wall, expected) > tolerance_ms) {
    clocks_wall_ms = wall;
    clocks_now_ms = now_ms;
  }
  return queueing::deadline_to_wall(deadline_ms, clocks_now_ms, clocks_wall_ms);
}

void queue_state::impl::take(publish_request& request, outbox& out, queue_step&) {
  const batch_ref& batch = request.batch;
  if (now == phase::deleted) { // counts as confirmed (W67)
    if (request.confirm)
      for (const slice& one : request.slices)
        out.confirm(request.channel, {batch->first_confirm + one.lo, batch->first_confirm + one.hi});
    batch->release();
    return;
  }
  if (seen && must_learn_first(request))
    return;
  fresh_hold hold{batch, 0, 0};
  for (const slice& one : request.slices) {
    BROKER_ASSERT(one.lo <= one.hi && one.hi <= batch->messages.size(), "slice outside its batch");
    counts[counted::publish] += one.size();
    if (seen)
      take_new_ones(one, request, hold, out);
    else
      accept_all(one, request, hold, out);
  }
  fresh.push_back(std::move(hold));
}

void queue_state::impl::accept_all(slice left, const publish_request& request, fresh_hold& hold, outbox& out) {
  while (left.lo < left.hi)
    admit(cut_run(request.batch, left), request, hold, out);
}

void queue_state::impl::accept(run what, const publish_request& request, fresh_hold& hold, outbox& out) {
  number(what);
  accepted_end = next;
  const confirm_number number = what.batch->first_confirm + what.lo;
  const seq_range numbers{number, number + what.count};
  if (is_logged()) { // as safe as it can be
    if (request.confirm)
      out.confirm(request.channel, numbers);
  } else if (record->durable && is_persistent(what.batch->messages[what.lo])) {
    what.kept = home::durable;
    pages.append(what, true, facts_of(what));
    hold.durable = durable_end = what.last();
    if (request.confirm)
      confirms.add(what.last(), request.channel, numbers);
  } else {
    // Beyond the budget it is paged out at once, in order: later it could not be, behind a durable message.
    if (ready.memory() - ready.leaving() > allowed) {
      what.kept = home::paged;
      what.leaving = true;
      pages.append(what, false, facts_of(what));
      pages.drop_when_stored(what);
      hold.paged = what.last();
    }
    if (request.confirm)
      out.confirm(request.channel, numbers);
  }
  ready.push_back(std::move(what));
}

void queue_state::impl::take_holds() {
  for (fresh_hold& hold : fresh) {
    hold.paged = std::max(hold.paged, paged_in_step);
    congested = congested || ((hold.durable != 0 || hold.paged != 0) && store.congested());
    holds.add(std::move(hold.batch), hold.durable, hold.paged, pacing() || congested);
  }
  fresh.clear();
  paged_in_step = 0;
}

/// True while consumers that take what they get are too far behind the publishers (hotpath.md rule 4). A consumer at
/// its prefetch limit slows itself, and a backlog on disk is no race between the two: neither may slow publishers down.
bool queue_state::impl::pacing() const {
  const uint64_t limit = holds.any_withheld() ? settings.pace_bytes / 2 : settings.pace_bytes;
  return ready.memory() > limit && ring.consumers() > 0 && !ring.any_at_prefetch() && ready.messages_paged() == 0
      && now == phase::open;
}

void queue_state::impl::slow_down_no_more() {
  congested = false;
  withheld_since_ms = 0;
  holds.release_withheld();
}

/// What was withheld for the store's sake goes with its next answer.
void queue_state::impl::store_answered() {
  if (!pacing())
    slow_down_no_more();
  congested = store.congested();
}

} // namespace broker

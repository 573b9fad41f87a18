#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "queue/message_priority.hpp"
#include "queue/queue_impl.hpp"

namespace broker {

using queueing::home;
using queueing::outbox;
using queueing::run;

namespace {

/// Everything in a quorum queue is persistent (Q03).
bool is_persistent(const message& one, const queue_options& options) {
  return one.has(message::persistent) || options.type == queue_type::quorum;
}

/// Cuts the longest run of equal persistence and priority off `left` and sums it up in the same pass.
run cut_run(const batch_ref& batch, slice& left, const queue_options& options) {
  const auto& messages = batch->messages;
  run one;
  one.batch = batch;
  one.lo = left.lo;
  const uint8_t max_priority = options.max_priority;
  one.priority = queueing::priority_of(messages[left.lo], max_priority);
  const bool persistent = is_persistent(messages[left.lo], options);
  for (; left.lo < left.hi && is_persistent(messages[left.lo], options) == persistent; ++left.lo) {
    if (max_priority != 0 && queueing::priority_of(messages[left.lo], max_priority) != one.priority)
      break;
    one.body += messages[left.lo].body_size;
    one.raw += messages[left.lo].raw_size;
  }
  one.count = left.lo - one.lo;
  return one;
}

} // namespace

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
    if (seen)
      take_new_ones(one, request, hold, out);
    else
      accept_all(one, request, hold, out);
  }
  fresh.push_back(std::move(hold));
}

void queue_state::impl::accept_all(slice left, const publish_request& request, fresh_hold& hold, outbox& out) {
  while (left.lo < left.hi)
    accept(cut_run(request.batch, left, *options), request, hold, out);
}

void queue_state::impl::accept(run what, const publish_request& request, fresh_hold& hold, outbox& out) {
  what.first = next;
  next += what.count;
  const confirm_number number = what.batch->first_confirm + what.lo;
  const seq_range numbers{number, number + what.count};
  if (record->durable && is_persistent(what.batch->messages[what.lo], *options)) {
    what.kept = home::durable;
    pages.append(what, true);
    hold.durable = durable_end = what.last();
    if (request.confirm)
      confirms.add(what.last(), request.channel, numbers);
  } else {
    // Beyond the budget it is paged out at once, in order: later it could not be, behind a durable message.
    if (ready.memory() - ready.leaving() > allowed) {
      what.kept = home::paged;
      what.leaving = true;
      pages.append(what, false);
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

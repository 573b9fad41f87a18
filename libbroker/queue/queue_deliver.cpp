#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "queue/delivery_count.hpp"
#include "queue/prefix.hpp"
#include "queue/queue_impl.hpp"
#include "queue/survivors.hpp"

namespace broker {

using queueing::erase_prefix;
using queueing::holder;
using queueing::outbox;
using queueing::run;

namespace {
/// What is handed out: only what a quorum queue delivers again differs from what came in (W57).
stored_run outgoing_form(const run& what) {
  return what.deliveries == 0 ? what.stored() : queueing::with_delivery_count(what.stored(), what.deliveries);
}

/// Smallest read-back, where a tiny budget would ask for less.
constexpr size_t page_in_min_bytes = 4096;
/// Runs looked at for survivors, per step on average.
constexpr size_t survivor_runs_per_step = 8;
} // namespace

void queue_state::impl::finish(outbox& out, queue_step& step) {
  if (now != phase::deleted) {
    for (bool again = true; again;) {
      serve_gets(out);
      dispatch(out);
      const bool all_gone = end_heads();
      again = !paused && forward_dead(step) && !all_gone;
    }
    const bool pressure = settings.memory_pressure && settings.memory_pressure();
    allowed = pressure ? std::min(settings.memory_bytes, limits::page_in_bytes) : settings.memory_bytes;
    paged_in_step =
      std::max(paged_in_step, pages.shed(ready, allowed, [this](const run& one) { return facts_of(one); }));
    trim_unacked();
    if (pressure)
      save_survivors();
    if (options->max_length_bytes)
      pages.read_sizes(ready, limits::page_in_bytes);
    const bool drops =
      options->overflow == overflow_policy::drop_head && too_large() && ready.messages_estimated() == 0;
    if (!gets.empty() || drops || (now == phase::open && ring.any_awake()))
      pages.read_ahead(ready, std::clamp(allowed / 4, page_in_min_bytes, limits::page_in_bytes));
    read_dead();
    take_holds();
    tell_store();
    check_expired(step);
    use.note(ring.any_awake(), now_ms);
  }
  if (!congested && !pacing())
    slow_down_no_more();
  if (!holds.any_withheld()) {
    pace_due_ms = 0;
  } else if (pace_due_ms == 0) {
    pace_due_ms = now_ms + limits::queue_pace_ms;
    bytes_at_tick = bytes_handed_out;
    if (withheld_since_ms == 0)
      withheld_since_ms = now_ms;
  }
  ask_for_tick(step);
}

/// The shell keeps one timer: it is told the earliest time at which this queue has something to do.
void queue_state::impl::ask_for_tick(queue_step& step) const {
  uint64_t due_ms = pace_due_ms;
  const auto also = [&due_ms](uint64_t at_ms) {
    if (at_ms != 0 && (due_ms == 0 || at_ms < due_ms))
      due_ms = at_ms;
  };
  // Only the head expires. One that is overdue waits for room, and that comes with an answer, not with time.
  if (!ready.empty() && ready.front().deadline_ms > now_ms)
    also(ready.front().deadline_ms);
  if (options->expires_ms && ring.consumers() == 0 && now == phase::open)
    also(last_used_ms + *options->expires_ms);
  if (!dead.empty())
    also(dead.due_ms());
  if (due_ms != 0)
    step.tick_in_ms = due_ms > now_ms ? due_ms - now_ms : 1;
}

/// Takes off the head what must not be handed out any more. False: something stays there that has expired.
bool queue_state::impl::clear_head() {
  return ready.empty() || ready.front().deadline_ms == 0 || ready.front().deadline_ms >= now_ms || expire(now_ms);
}

void queue_state::impl::serve_gets(outbox& out) {
  if (paused)
    return;
  size_t served = 0;
  for (; served < gets.size() && clear_head() && (ready.empty() || ready.front().batch); ++served)
    answer(gets[served], out);
  erase_prefix(gets, served);
}

void queue_state::impl::answer(const get_request& get, outbox& out) {
  if (ready.empty()) {
    ++counts[counted::get_empty];
    out.send(get.channel, got{record->id, {}, false, get.no_ack, 0, get.question});
    return;
  }
  run one = ready.take_front(1);
  ++counts[get.no_ack ? counted::get_no_ack : counted::get];
  counts[counted::redeliver] += one.redelivered ? 1 : 0;
  clear_head(); // what has expired behind it is no longer counted
  const auto left = static_cast<uint32_t>(std::min<uint64_t>(ready.messages(), UINT32_MAX));
  out.send(get.channel, got{record->id, outgoing_form(one), one.redelivered, get.no_ack, left, get.question});
  if (get.no_ack) {
    ended(one);
  } else {
    holder* by = find(nullptr, get.channel);
    keep_unacked(by ? *by : *add_holder(nullptr, get.channel), std::move(one));
  }
}

void queue_state::impl::dispatch(outbox& out) {
  if (now != phase::open || paused || !gets.empty() || too_many_dead())
    return;
  bool alone = false;
  while (clear_head() && !ready.empty() && ready.front().batch) {
    holder* to = ring.turn(alone);
    if (!to)
      return;
    holder::state why{};
    const uint32_t count = reserve_credit(*to, ready.front(), alone ? UINT32_MAX : 1, why);
    if (count == 0) {
      ring.sleep(*to, why);
      continue;
    }
    hand_out(*to, ready.take_front(count), out);
    if (!alone)
      ring.rotate(*to);
  }
}

void queue_state::impl::hand_out(holder& to, run what, outbox& out) {
  to.who->unwritten_bytes.fetch_add(static_cast<int64_t>(what.raw));
  bytes_handed_out += what.raw;
  counts[to.who->no_ack ? counted::deliver_no_ack : counted::deliver] += what.count;
  counts[counted::redeliver] += what.redelivered ? what.count : 0;
  out.deliver(to.who, outgoing_form(what), what.redelivered, what.raw);
  if (to.who->no_ack)
    ended(what);
  else
    keep_unacked(to, std::move(what));
}

void queue_state::impl::keep_unacked(holder& by, run what) {
  if (what.kept == queueing::home::durable)
    handed_out = std::max(handed_out, what.last());
  // Beyond the budget what consumers hold has no bodies in memory either. A page-out costs a write: not before
  // consumers alone fill the budget.
  if (unacked_memory > allowed && !what.in_store() && pages.takes(what)) {
    pages.append(what, false, facts_of(what));
    what.kept = queueing::home::paged;
    paged_in_step = what.last();
  } else if (ready.memory() + unacked_memory > allowed && pages.has(what)) {
    drop_body(what);
  }
  unacked_messages += what.count;
  unacked_memory -= by.unacked.memory();
  by.unacked.insert(std::move(what));
  unacked_memory += by.unacked.memory();
}

/// Bodies that were handed out before the store had them.
void queue_state::impl::trim_unacked() {
  if (unacked_memory <= allowed) {
    trim_above = 0;
    return;
  }
  if (unacked_memory < trim_above)
    return;
  unacked_memory = 0;
  for (holder& one : holders) {
    one.unacked.drop_bodies([&](const run& what) { return pages.has(what); });
    unacked_memory += one.unacked.memory();
  }
  trim_above = unacked_memory + allowed / 4; // so that looking costs little per message
}

/// Looks at every run in memory, but so seldom that it costs a few runs per step.
void queue_state::impl::save_survivors() {
  if (steps_to_saving > 0) {
    --steps_to_saving;
    return;
  }
  const auto save = [](run& one) {
    if (pins_too_much(one))
      copy_out(one);
  };
  size_t runs = ready.runs();
  ready.repack(save);
  unacked_memory = 0;
  for (holder& one : holders) {
    runs += one.unacked.runs().size();
    one.unacked.repack(save);
    unacked_memory += one.unacked.memory();
  }
  steps_to_saving = (runs + holders.size()) / survivor_runs_per_step;
}

void queue_state::impl::ended(const run& what) {
  if (seen)
    seen->left(what.range());
  if (!what.in_store())
    return;
  if (!settled.empty() && settled.back().last == what.first)
    settled.back().last = what.last();
  else
    settled.push_back(what.range());
}

void queue_state::impl::tell_store() {
  if (handed_out > handed_out_told) {
    store.delivered(record->id, handed_out);
    handed_out_told = handed_out;
  }
  if (!settled.empty())
    store.settle(record->id, std::exchange(settled, {}));
}

} // namespace broker

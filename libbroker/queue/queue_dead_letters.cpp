// Dead letters of the queue: where they come from, and what becomes of them (features.md W52).
#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "queue/queue_impl.hpp"

namespace broker {

using queueing::outbox;
using queueing::run;

/// The one way out for what no consumer has acknowledged: rejected, expired, beyond the length, delivered too often.
void queue_state::impl::die(run what, queueing::dead_letter_reason why) {
  forget_keys(what);
  if (!options->dead_letter_exchange)
    return ended(what);
  what.leaving = false;
  if (what.batch && !dead.has_room() && pages.has(what))
    drop_body(what);
  if (what.batch)
    measure(what); // what was unacked does not know its size
  dead.add(std::move(what), why);
}

template<class Call>
void queue_state::impl::with_surroundings(Call call) {
  const snapshot_ptr metadata = settings.snapshots ? settings.snapshots() : nullptr;
  call(queueing::dead_letters::surroundings{*record, *options, metadata.get(), now_ms, wall_ms(), settings.note});
}

/// True if that made room for others to die.
bool queue_state::impl::forward_dead(queue_step& step) {
  if (dead.empty())
    return false;
  std::vector<run> done;
  with_surroundings([&](const auto& around) { dead.forward(around, step.requests, done); });
  for (const run& one : done)
    ended(one);
  return !done.empty();
}

void queue_state::impl::read_dead() {
  seq_range gap;
  if (dead_read != 0 || dead.empty() || !dead.wants_bodies(limits::page_in_bytes, gap))
    return;
  dead_read = gap.first;
  pages.read(queueing::pager::reader::dead, gap, limits::page_in_bytes);
}

void queue_state::impl::dead_read_done(const std::vector<stored_run>& runs) {
  const seqno asked = std::exchange(dead_read, 0);
  dead.attach(runs);
  seq_range gap;
  BROKER_ASSERT(!dead.wants_bodies(1, gap) || gap.first != asked, "the store has lost messages");
}

/// `hear` tells the dead letters that some of them have arrived, or have not.
template<class Hear>
void queue_state::impl::dead_letters_landed(uint64_t at_ms, queue_step& step, Hear hear) {
  if (now == phase::deleted)
    return;
  now_ms = at_ms;
  std::vector<run> done;
  with_surroundings([&](const auto& around) { hear(around, done); });
  for (const run& one : done)
    ended(one);
  outbox out{step, record->id};
  finish(out, step);
}

void queue_state::answered(const confirmed& what, uint64_t now_ms, queue_step& step) {
  impl_->dead_letters_landed(now_ms, step,
                             [&](const auto& around, auto& done) { impl_->dead.answered(what, around, done); });
}

void queue_state::target_unreachable(queue_id target, epoch upto, uint64_t now_ms, queue_step& step) {
  impl_->dead_letters_landed(
    now_ms, step, [&](const auto& around, auto& done) { impl_->dead.target_unreachable(target, upto, around, done); });
}

void queue_state::sent_to_master(queue_id target, confirm_number from, epoch mastership) {
  impl_->dead.sent_to_master(target, from, mastership);
}

void queue_state::target_gone(queue_id target, uint64_t now_ms, queue_step& step) {
  impl_->dead_letters_landed(now_ms, step,
                             [&](const auto& around, auto& done) { impl_->dead.target_gone(target, around, done); });
}

} // namespace broker

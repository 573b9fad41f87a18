#include "queue/dead_letters.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/assert.hpp"
#include "queue/pager.hpp"

namespace broker::queueing {

namespace {

/// What a refused letter waits before it is sent again.
uint64_t pause_ms(uint32_t refusals) {
  const uint64_t pause = uint64_t{limits::dead_letter_retry_ms} << std::min<uint32_t>(refusals, 16);
  return std::min<uint64_t>(pause, limits::dead_letter_retry_max_ms);
}

/// Different lines one queue writes to the log.
constexpr size_t notes_max = 16;

} // namespace

void dead_letters::add_sums(const run& what) {
  messages_ += what.count;
  memory_ += what.memory();
}

void dead_letters::subtract_sums(const run& what) {
  messages_ -= what.count;
  memory_ -= what.memory();
}

void dead_letters::note_once(const surroundings& around, const std::string& text) {
  if (around.note && noted_.size() < notes_max && noted_.insert(text).second)
    around.note(text);
}

void dead_letters::add(run what, dead_letter_reason why) {
  add_sums(what);
  if (!waiting_.empty() && waiting_.back().why == why && joins(waiting_.back().what, what)) {
    run& last = waiting_.back().what;
    subtract_sums(last);
    subtract_sums(what);
    join(last, what);
    add_sums(last);
  } else {
    waiting_.push_back({std::move(what), why, 0, 0, {}, {}});
  }
}

// -- sending
// ------------------------------------------------------------------------------------------------------------

void dead_letters::wake(uint64_t now_ms) {
  for (size_t at = resting_.size(); at-- > 0;) {
    if (resting_[at].rests_until_ms > now_ms)
      continue;
    waiting_.push_front(std::move(resting_[at]));
    resting_.erase(resting_.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

/// The first message that waits.
dead_letters::letter dead_letters::take_one() {
  letter& first = waiting_.front();
  letter one;
  subtract_sums(first.what);
  if (first.what.count == 1) {
    one = std::move(first);
    waiting_.pop_front();
  } else {
    one = {cut_front(first.what, 1), first.why, 0, 0, {}, {}};
    add_sums(first.what);
  }
  add_sums(one.what);
  return one;
}

void dead_letters::forward(const surroundings& around, forwarder::requests& to, std::vector<run>& done) {
  wake(around.now_ms);
  if (waiting_.empty())
    return;
  exchange_ptr exchange;
  if (around.metadata && around.options.dead_letter_exchange)
    exchange = around.metadata->find_exchange(around.record.vhost, *around.options.dead_letter_exchange);
  const bool insists = around.options.strategy == dead_letter_strategy::at_least_once;
  if (!exchange && around.options.dead_letter_exchange)
    note_once(around, "queue '" + around.record.name + "' in vhost '" + around.record.vhost
                        + "': dead-letter exchange '" + *around.options.dead_letter_exchange + "' does not exist"
                        + (insists ? "; its dead letters wait for it" : "; its dead letters are dropped"));
  if (!exchange && !(insists && around.options.dead_letter_exchange)) {
    for (letter& one : std::exchange(waiting_, {}))
      finish(std::move(one), done);
    return;
  }
  while (!waiting_.empty() && forwarder_.has_room()) {
    if (!exchange) {
      letter all = std::move(waiting_.front());
      waiting_.pop_front();
      rest(std::move(all), around.now_ms);
      continue;
    }
    if (!waiting_.front().what.batch)
      break;
    letter one = take_one();
    switch (send(one, *exchange, around)) {
    case fate::flies:
      flying_.emplace(one.what.first, std::move(one));
      break;
    case fate::ends:
      finish(std::move(one), done);
      break;
    case fate::rests:
      rest(std::move(one), around.now_ms);
      break;
    }
  }
  forwarder_.flush(to);
}

dead_letters::fate dead_letters::send(letter& one, const exchange_record& to, const surroundings& around) {
  const message& original = one.what.batch->messages[one.what.lo];
  const auto& key = around.options.dead_letter_routing_key;
  // With a key of its own the queue does not follow the copies' keys (rabbit_dead_letter).
  byte_buffer properties;
  append_death(properties, {around.record.name, one.why, around.wall_ms / 1000}, original, !key);
  publish_batch& batch = forwarder_.batch();
  append_republished(batch, original, to.name, key ? std::string_view{*key} : original.routing_key(),
                     properties.view());
  one.targets = route(one, batch.messages.back(), to, around);
  if (!one.targets.empty()) {
    forwarder_.launch(one.what.first, one.targets);
    return fate::flies;
  }
  forwarder_.discard();
  const bool insists = around.options.strategy == dead_letter_strategy::at_least_once;
  return insists && one.have_it.empty() ? fate::rests : fate::ends;
}

std::vector<queue_id> dead_letters::route(const letter& one, const message& made, const exchange_record& to,
                                          const surroundings& around) {
  std::vector<queue_ptr> found;
  around.metadata->route(to, made, found);
  std::vector<queue_id> targets;
  for (const queue_ptr& queue : found) {
    if (one.why != dead_letter_reason::rejected && is_death_cycle(made.property_bytes(), queue->name)) {
      note_once(around, "a dead letter of queue '" + around.record.name + "' in vhost '" + around.record.vhost
                          + "' would return to queue '" + queue->name
                          + "' without ever having been rejected: this cycle is cut here");
      continue;
    }
    if (std::find(one.have_it.begin(), one.have_it.end(), queue->id) == one.have_it.end())
      targets.push_back(queue->id);
  }
  return targets;
}

void dead_letters::rest(letter one, uint64_t now_ms) {
  one.rests_until_ms = now_ms + pause_ms(one.refusals++);
  resting_.push_back(std::move(one));
}

void dead_letters::finish(letter one, std::vector<run>& done) {
  subtract_sums(one.what);
  done.push_back(std::move(one.what));
}

// -- arriving
// -----------------------------------------------------------------------------------------------------------

/// `ask` gets from the forwarder what has become of some of the letters.
template<class Ask>
void dead_letters::hear(const surroundings& around, std::vector<run>& done, Ask ask) {
  std::vector<forwarder::outcome> ended;
  ask(ended);
  landed(ended, around, done);
}

void dead_letters::answered(const confirmed& what, const surroundings& around, std::vector<run>& done) {
  hear(around, done, [&](auto& ended) { forwarder_.answered(what, ended); });
}

void dead_letters::target_gone(queue_id target, const surroundings& around, std::vector<run>& done) {
  hear(around, done, [&](auto& ended) { forwarder_.target_gone(target, ended); });
}

void dead_letters::target_unreachable(queue_id target, epoch upto, const surroundings& around, std::vector<run>& done) {
  hear(around, done, [&](auto& ended) { forwarder_.target_unreachable(target, upto, ended); });
}

void dead_letters::landed(std::vector<forwarder::outcome>& ended, const surroundings& around, std::vector<run>& done) {
  for (auto& one : ended) {
    auto found = flying_.extract(one.message);
    BROKER_ASSERT(!found.empty(), "a dead letter landed twice");
    letter& back = found.mapped();
    const bool drops = around.options.strategy == dead_letter_strategy::at_most_once && !one.unreachable;
    if (one.refused.empty() || drops) {
      finish(std::move(back), done);
      continue;
    }
    for (const queue_id target : back.targets)
      if (std::find(one.refused.begin(), one.refused.end(), target) == one.refused.end())
        back.have_it.push_back(target);
    rest(std::move(back), around.now_ms);
  }
}

// -- bodies
// -------------------------------------------------------------------------------------------------------------

bool dead_letters::wants_bodies(uint64_t bytes, seq_range& gap) const {
  if (waiting_.empty() || waiting_.front().what.batch || !forwarder_.has_room())
    return false;
  gap = {waiting_.front().what.first, waiting_.front().what.first};
  uint64_t wanted = 0;
  for (const letter& one : waiting_) {
    const run& what = one.what;
    if (what.batch || wanted >= bytes || what.first < gap.last || what.first > gap.last + pager::read_along_max)
      break;
    gap.last = what.last();
    wanted += what.body + uint64_t{what.count} * limits::publish_overhead_bytes;
  }
  return true;
}

void dead_letters::attach(const std::vector<stored_run>& bodies) {
  size_t at = 0;
  for (const stored_run& one : bodies)
    while (at < waiting_.size() && attach_to(at, one))
      ++at;
}

/// Gives the letter at this place what `bodies` has of it, as a letter of its own if that is not all. False: nothing.
bool dead_letters::attach_to(size_t at, const stored_run& bodies) {
  run& first = waiting_[at].what;
  const seqno end = bodies.first + bodies.where.size();
  if (first.batch || bodies.first > first.first || end <= first.first)
    return false;
  subtract_sums(first);
  run part = first;
  const bool cut = end < first.last();
  if (cut)
    part = cut_front(first, static_cast<uint32_t>(end - first.first));
  part.batch = bodies.batch;
  part.lo = bodies.where.lo + static_cast<uint32_t>(part.first - bodies.first);
  measure(part);
  add_sums(part);
  if (cut) {
    add_sums(first);
    const dead_letter_reason why = waiting_[at].why;
    waiting_.insert(waiting_.begin() + static_cast<std::ptrdiff_t>(at), {std::move(part), why, 0, 0, {}, {}});
  } else {
    first = std::move(part);
  }
  return true;
}

uint64_t dead_letters::due_ms() const noexcept {
  uint64_t due = 0;
  for (const letter& one : resting_)
    due = due == 0 ? one.rests_until_ms : std::min(due, one.rests_until_ms);
  return due;
}

std::vector<seq_range> dead_letters::ranges() const {
  std::vector<seq_range> all;
  for (const letter& one : waiting_)
    all.push_back(one.what.range());
  for (const auto& [first, one] : flying_)
    all.push_back(one.what.range());
  for (const letter& one : resting_)
    all.push_back(one.what.range());
  return all;
}

void dead_letters::check() const {
  uint64_t messages = 0;
  uint64_t memory = 0;
  const auto count = [&](const letter& one) {
    BROKER_ASSERT(one.what.count > 0, "an empty dead letter");
    BROKER_ASSERT(one.what.batch || one.what.in_store(), "a dead letter has no body anywhere");
    messages += one.what.count;
    memory += one.what.memory();
  };
  std::for_each(waiting_.begin(), waiting_.end(), count);
  std::for_each(resting_.begin(), resting_.end(), count);
  for (const auto& [first, one] : flying_) {
    BROKER_ASSERT(one.what.first == first && one.what.count == 1 && !one.targets.empty(), "a letter flies to nowhere");
    count(one);
  }
  BROKER_ASSERT(messages == messages_ && memory == memory_, "dead letters are miscounted");
  BROKER_ASSERT(!flying_.empty() || forwarder_.empty(), "an answer is awaited for nothing");
}

} // namespace broker::queueing

#include "queue/consumer_ring.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/limits.hpp"

namespace broker::queueing {

consumer_ring::level& consumer_ring::level_of(const holder& one) {
  const int32_t priority = one.who->priority;
  auto at = std::find_if(levels_.begin(), levels_.end(), [&](const level& l) { return l.priority <= priority; });
  if (at == levels_.end() || at->priority != priority)
    at = levels_.insert(at, level{priority, 0, {}});
  return *at;
}

void consumer_ring::add(holder& one, bool waits) {
  BROKER_ASSERT(one.is == holder::state::gone, "consumes twice");
  ++level_of(one).consumers;
  ++consumers_;
  one.is = holder::state::waiting;
  if (!waits)
    promote(one);
}

void consumer_ring::promote(holder& one) {
  BROKER_ASSERT(one.is == holder::state::waiting, "promoted twice");
  one.is = holder::state::awake;
  level_of(one).awake.push_back(&one);
  ++awake_;
}

void consumer_ring::remove(holder& one) {
  BROKER_ASSERT(one.is != holder::state::gone, "cancelled twice");
  sleep(one, holder::state::gone);
  level& mine = level_of(one);
  --consumers_;
  if (--mine.consumers == 0)
    levels_.erase(levels_.begin() + (&mine - levels_.data()));
}

void consumer_ring::wake(holder& one) {
  if (one.is != holder::state::at_prefetch && one.is != holder::state::starved)
    return;
  if (one.is == holder::state::at_prefetch)
    --at_prefetch_;
  one.is = holder::state::awake;
  level_of(one).awake.push_back(&one);
  ++awake_;
}

void consumer_ring::sleep(holder& one, holder::state why) {
  if (one.is == holder::state::awake) {
    auto& awake = level_of(one).awake;
    awake.erase(std::find(awake.begin(), awake.end(), &one));
    --awake_;
  }
  if (one.is == holder::state::at_prefetch)
    --at_prefetch_;
  if (why == holder::state::at_prefetch)
    ++at_prefetch_;
  one.is = why;
}

holder* consumer_ring::turn(bool& alone) const {
  if (awake_ == 0)
    return nullptr;
  for (const level& one : levels_) {
    if (!one.awake.empty()) {
      alone = one.awake.size() == 1;
      return one.awake.front();
    }
  }
  return nullptr;
}

void consumer_ring::rotate(holder& one) {
  auto& awake = level_of(one).awake;
  BROKER_ASSERT(!awake.empty() && awake.front() == &one, "not its turn");
  awake.pop_front();
  awake.push_back(&one);
}

namespace {

/// Takes up to `wanted` places of the window without ever exceeding its limit, so that the channel sees each crossing.
uint32_t enter_window(prefetch_window& window, uint32_t wanted) {
  int64_t held = window.unacked.load();
  for (;;) {
    const int64_t limit = window.limit.load();
    uint32_t places = wanted;
    if (limit != 0) {
      if (held >= limit) {
        if (window.lender)
          window.lender->wanted(wanted);
        return 0;
      }
      places = static_cast<uint32_t>(std::min<int64_t>(wanted, limit - held));
    }
    if (window.unacked.compare_exchange_weak(held, held + places))
      return places;
  }
}

/// Room for unwritten bytes, 0 if the consumer has to wait; then its session owes it a consumer_ready.
int64_t unwritten_room(consumer& who) {
  constexpr auto limit = static_cast<int64_t>(limits::consumer_flow_bytes);
  int64_t room = limit - who.unwritten_bytes.load();
  if (room > 0)
    return room;
  who.starved.store(true);
  // The session may have written everything just before it could see the mark: then nobody would call again.
  room = limit - who.unwritten_bytes.load();
  if (room <= 0)
    return 0;
  who.starved.store(false);
  return room;
}

/// How many messages of `next` fit into `room`, at least one.
uint32_t fitting(const run& next, uint32_t at_most, int64_t room) {
  if (at_most == next.count && next.raw <= static_cast<uint64_t>(room))
    return at_most;
  const message* at = next.batch->messages.data() + next.lo;
  uint32_t count = 0;
  while (count < at_most && room > 0)
    room -= at[count++].raw_size;
  return count;
}

} // namespace

uint32_t reserve_credit(const holder& one, const run& next, uint32_t at_most, holder::state& why) {
  consumer& who = *one.who;
  uint32_t count = std::min(at_most, next.count);
  why = holder::state::at_prefetch;
  if (!who.no_ack && who.prefetch != 0) {
    const uint64_t held = one.unacked.messages();
    if (held >= who.prefetch)
      return 0;
    count = static_cast<uint32_t>(std::min<uint64_t>(count, who.prefetch - held));
  }
  const int64_t room = unwritten_room(who);
  if (room == 0) {
    why = holder::state::starved;
    return 0;
  }
  if (count > 1)
    count = fitting(next, count, room);
  if (!who.no_ack && who.window)
    count = enter_window(*who.window, count);
  return count;
}

} // namespace broker::queueing

// Who gets the next message: the highest priority first, round robin within a priority; a consumer without credit is
// asleep and falls through (features.md W62) until an ack or consumer_ready wakes it. So the cost of a delivery does
// not depend on how many consumers wait for credit.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "channel/protocol.hpp"
#include "queue/unacked_list.hpp"

namespace broker::queueing {

/// Whoever has messages of this queue in hand: a consumer, or the basic.get of a channel (`who` null).
struct holder {
  enum class state : uint8_t {
    gone,        ///< cancelled, or never consumed: only settles
    awake,       ///< in the ring
    at_prefetch, ///< its own or its channel's limit is reached (W61)
    starved,     ///< its session has too much unwritten (hotpath.md rule 5)
    waiting,     ///< for the single active consumer to go (W54)
  };

  consumer_ref who;
  channel_ref channel;
  unacked_list unacked;
  state is = state::gone;
};

class consumer_ring {
public:
  /// Begins awake, or waiting for promote().
  void add(holder& one, bool waits);
  void remove(holder& one);
  /// One that waited takes part from now on.
  void promote(holder& one);
  void wake(holder& one);
  /// `one` has no credit.
  void sleep(holder& one, holder::state why);

  /// Whose turn it is, null if nobody is awake. `alone`: nobody else of its priority is awake.
  holder* turn(bool& alone) const;
  /// `one` had its turn.
  void rotate(holder& one);

  /// All of them, those that wait included.
  size_t consumers() const noexcept { return consumers_; }
  bool any_awake() const noexcept { return awake_ > 0; }
  bool any_at_prefetch() const noexcept { return at_prefetch_ > 0; }

private:
  struct level {
    int32_t priority;
    size_t consumers = 0;
    std::deque<holder*> awake;
  };
  level& level_of(const holder& one);

  std::vector<level> levels_; ///< highest priority first
  size_t consumers_ = 0;
  size_t awake_ = 0;
  size_t at_prefetch_ = 0;
};

/// Reserves credit for messages of `next` (bodies in memory) for `one`: 1..at_most messages, 0 if it has none; then
/// `why` says what it lacks. Counts up the shared prefetch window, but not unwritten_bytes.
uint32_t reserve_credit(const holder& one, const run& next, uint32_t at_most, holder::state& why);

} // namespace broker::queueing

// Virtual time of a simulated run: a queue of events in (time, order of creation). Nothing else moves the clock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "base/crc32c.hpp"

namespace broker::sim {

/// Nanoseconds since the start of the run.
using sim_ns = uint64_t;
inline constexpr sim_ns us = 1'000;
inline constexpr sim_ns ms = 1'000'000;
inline constexpr sim_ns second = 1'000'000'000;

/// What the nodes' calendars say when a run begins.
inline constexpr uint64_t wall_start_ms = 1'700'000'000'000;

class virtual_time {
public:
  sim_ns now() const noexcept { return now_; }
  void after(sim_ns delay, std::function<void()> what) {
    uint32_t slot = 0;
    if (free_.empty()) {
      slot = static_cast<uint32_t>(whats_.size());
      whats_.push_back(std::move(what));
    } else {
      slot = free_.back();
      free_.pop_back();
      whats_[slot] = std::move(what);
    }
    events_.push_back({now_ + delay, next_++, slot});
    std::push_heap(events_.begin(), events_.end());
  }
  bool empty() const noexcept { return events_.empty(); }
  /// Time of the next event; the queue must not be empty.
  sim_ns next_at() const { return events_.front().at; }

  /// Runs the next event, moving the clock to it.
  void run_next() {
    BROKER_ASSERT(!events_.empty(), "no event");
    std::pop_heap(events_.begin(), events_.end());
    const event next = events_.back();
    events_.pop_back();
    advance_to(next.at);
    const auto what = std::exchange(whats_[next.slot], nullptr);
    free_.push_back(next.slot);
    what();
  }
  void advance_to(sim_ns at) {
    BROKER_ASSERT(at >= now_, "time runs backwards");
    now_ = at;
  }

private:
  struct event {
    sim_ns at;
    uint64_t order;
    uint32_t slot; ///< of whats_
    bool operator<(const event& other) const { return at != other.at ? at > other.at : order > other.order; }
  };
  sim_ns now_ = 1;
  uint64_t next_ = 0;
  std::vector<event> events_; ///< a heap of what is cheap to move
  std::vector<std::function<void()>> whats_;
  std::vector<uint32_t> free_; ///< places of whats_ whose time has come
};

/// 64-bit running hash of everything observable (as FNV-1a, of words and of the CRCs of bytes): equal seeds must give
/// equal hashes.
class trace_hash {
public:
  void add(uint64_t value) noexcept {
    value_ = (value_ ^ value) * 1099511628211ull;
    value_ ^= value_ >> 29; // a multiplication carries upwards only
  }
  void add(std::string_view bytes) noexcept { add(uint64_t{crc32c(bytes)} << 32 | (bytes.size() & 0xffffffffu)); }
  uint64_t value() const noexcept { return value_; }

private:
  uint64_t value_ = 1469598103934665603ull;
};

} // namespace broker::sim

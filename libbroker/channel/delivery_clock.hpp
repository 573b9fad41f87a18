// When deliveries went out, as coarse as it is looked at: the channel's timer notes how far tags had got, so that a
// delivery itself reads no clock and costs nothing (features.md W58).
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>

#include "base/ids.hpp"

namespace broker {

/// Not thread-safe. Holds one entry for each tick since the oldest unsettled delivery.
class delivery_clock {
public:
  /// Tags below `next` have gone out by now.
  void mark(delivery_tag next, uint64_t now_ms) {
    if (marks_.empty() || marks_.back().next < next)
      marks_.push_back({next, now_ms});
  }
  /// Tags below `oldest` are settled.
  void forget_below(delivery_tag oldest) {
    while (!marks_.empty() && marks_.front().next <= oldest)
      marks_.pop_front();
  }
  void forget_all() { marks_.clear(); }
  /// A time by which `tag`, which is below the last mark, had gone out; the latest that is known.
  uint64_t sent_by(delivery_tag tag) const {
    return std::partition_point(marks_.begin(), marks_.end(), [&](const entry& one) { return one.next <= tag; })->at_ms;
  }

private:
  struct entry {
    delivery_tag next;
    uint64_t at_ms;
  };
  std::deque<entry> marks_; ///< both rising
};

} // namespace broker

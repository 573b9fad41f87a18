// Which published messages the broker has not answered yet, and when each was meant to be sent.
#pragma once
#include <bit>
#include <cstdint>
#include <vector>

#include "clock.hpp"
#include "failure.hpp"

namespace broker::bench {

/// Delivery tags 1, 2, 3, … as a confirming channel counts them. Single answers may come in any order; the span from
/// the oldest unanswered tag to the newest is limited too, to the window rounded up to a power of two.
class confirm_tracker {
public:
  /// @param window messages outstanding at most, 1 or more.
  explicit confirm_tracker(uint32_t window) : window_(window), sent_at_(std::bit_ceil(window)) {}

  uint64_t room() const {
    const uint64_t by_span = sent_at_.size() - (next_ - oldest_);
    const uint64_t by_count = window_ - outstanding_;
    return by_span < by_count ? by_span : by_count;
  }

  uint64_t outstanding() const { return outstanding_; }

  /// Notes the next tag. `at` is never 0; needs `room()`.
  void sent(time_ns at) {
    slot(next_++) = at;
    ++outstanding_;
  }

  /// Calls `answered(sent_at)` for every message this ack or nack answers. A tag of 0 with `multiple` means all so far.
  /// @throws failure for a tag that was never sent or has been answered already.
  template<class function>
  void settle(uint64_t tag, bool multiple, function answered) {
    if (multiple && tag == 0)
      tag = next_ - 1;
    if (tag >= next_ || (!multiple && (tag < oldest_ || slot(tag) == 0)))
      throw failure{"the broker confirmed delivery tag " + std::to_string(tag) + ", which is not outstanding"};
    for (uint64_t each = multiple ? oldest_ : tag; each <= tag; ++each)
      settle_one(slot(each), answered);
    while (oldest_ != next_ && slot(oldest_) == 0)
      ++oldest_;
  }

private:
  time_ns& slot(uint64_t tag) { return sent_at_[tag & (sent_at_.size() - 1)]; }

  template<class function>
  void settle_one(time_ns& sent_at, function& answered) {
    if (sent_at == 0)
      return;
    answered(sent_at);
    sent_at = 0;
    --outstanding_;
  }

  uint64_t window_;
  uint64_t outstanding_ = 0;
  uint64_t oldest_ = 1;
  uint64_t next_ = 1;
  std::vector<time_ns> sent_at_; // 0: answered
};

} // namespace broker::bench

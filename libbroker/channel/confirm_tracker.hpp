// Which publishes of a channel still wait for queues, and the acks and nacks that follow (features.md W67,
// guarantees.md C8: exactly once, never early).
//
// A ring holds one count per publish: how many queues still owe an answer. Publishes and answers come as ranges, so the
// work is a fill or a decrement over consecutive words. Answers are told contiguously, as few frames with `multiple`;
// when one slow queue keeps the oldest publish waiting for `stale_after` rounds of other answers, those are told singly
// (hotpath.md, pitfalls).
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "channel/seq_range_set.hpp"

namespace broker {

/// Not thread-safe. Memory: 4 bytes for every publish from the oldest unanswered one on.
class confirm_tracker {
public:
  /// Rounds of answers during which the oldest publish may hold back younger ones.
  static constexpr uint32_t stale_after = 16;

  /// Publishes are tracked from `first` on.
  void start(confirm_number first);

  /// The next `count` publishes, from `first` on, each wait for every queue in `queues` (which names each once).
  void expect(confirm_number first, uint32_t count, std::span<const queue_id> queues);
  /// `queue` has answered for `numbers`; what it does not owe (any more) is ignored.
  void answer(queue_id queue, seq_range numbers, bool rejected);
  /// `queue` is gone: all it owes counts as confirmed (W67).
  void queue_gone(queue_id queue);
  /// `queue` cannot be reached and may have lost all it owes: that counts as rejected.
  void queue_lost(queue_id queue);

  /// Does `queue` owe an answer?
  bool owed_by(queue_id queue) const;

  /// Calls tell(number, multiple, rejected) for everything that may be told now, each publish exactly once.
  template<class Tell>
  void flush(Tell&& tell) {
    if (!news_)
      return;
    news_ = false;
    const bool moved = flush_front(tell);
    stale_rounds_ = moved || done_ == 0 ? 0 : stale_rounds_ + 1;
    if (stale_rounds_ >= stale_after) {
      flush_singly(tell);
      stale_rounds_ = 0;
    }
    if (first_ == next_)
      shrink();
  }

  /// Publishes that have not been told.
  uint64_t unconfirmed() const noexcept { return next_ - first_ - told_; }
  /// True while a queue owes an answer.
  bool waiting() const noexcept { return next_ - first_ - told_ != done_; }
  /// True if any publish was rejected since the last call.
  bool take_rejected() noexcept { return std::exchange(rejected_, false); }

private:
  static constexpr uint32_t rejected_bit = 1u << 31;
  static constexpr uint32_t told_bit = 1u << 30; ///< told out of order
  static constexpr uint32_t count_mask = told_bit - 1;

  uint32_t& at(confirm_number number) noexcept { return ring_[number & (ring_.size() - 1)]; }
  void reserve(uint64_t count);
  void shrink();
  void settle(seq_range numbers, uint32_t mark);
  void settle_all(queue_id queue, uint32_t mark);

  /// Tells the answered publishes at the front as runs of equal outcome. Returns whether the front moved.
  template<class Tell>
  bool flush_front(Tell& tell) {
    const confirm_number before = first_;
    while (first_ < next_ && (at(first_) & count_mask) == 0) {
      const uint32_t outcome = at(first_) & rejected_bit;
      confirm_number last = 0;
      uint64_t untold = 0;
      for (; first_ < next_; ++first_) {
        const uint32_t entry = at(first_);
        if (entry & told_bit) {
          --told_;
          continue;
        }
        if ((entry & count_mask) != 0 || (entry & rejected_bit) != outcome)
          break;
        last = first_;
        ++untold;
      }
      if (untold == 0)
        continue;
      done_ -= untold;
      tell(last, untold > 1, outcome != 0);
    }
    return first_ != before;
  }

  template<class Tell>
  void flush_singly(Tell& tell) {
    for (confirm_number number = first_; number < next_ && done_ > 0; ++number) {
      uint32_t& entry = at(number);
      if ((entry & (count_mask | told_bit)) != 0)
        continue;
      tell(number, false, (entry & rejected_bit) != 0);
      entry |= told_bit;
      ++told_;
      --done_;
    }
  }

  std::vector<uint32_t> ring_; ///< size is a power of two, or 0
  confirm_number first_ = 1;   ///< oldest publish not told in order
  confirm_number next_ = 1;
  uint64_t done_ = 0; ///< answered, not told
  uint64_t told_ = 0; ///< told, but not the oldest
  uint32_t stale_rounds_ = 0;
  bool news_ = false;
  bool rejected_ = false;
  std::unordered_map<queue_id, seq_range_set> owed_;
};

} // namespace broker

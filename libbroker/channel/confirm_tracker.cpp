#include "channel/confirm_tracker.hpp"

#include <algorithm>
#include <bit>

#include "base/assert.hpp"

namespace broker {
namespace {

constexpr size_t ring_min = 64;
/// An empty ring above this many words is given back: an idle channel costs nothing for its past.
constexpr size_t ring_kept = 1024;
/// Queues whose empty entry is kept for the next publish.
constexpr size_t queues_kept = 16;

} // namespace

void confirm_tracker::start(confirm_number first) {
  BROKER_ASSERT(first_ == next_, "tracking starts when nothing is tracked");
  first_ = next_ = first;
}

void confirm_tracker::expect(confirm_number first, uint32_t count, std::span<const queue_id> queues) {
  BROKER_ASSERT(first == next_, "publishes are numbered without gaps");
  BROKER_ASSERT(queues.size() < count_mask, "a publish reaches fewer queues than the counter holds");
  reserve(next_ - first_ + count);
  const auto owing = static_cast<uint32_t>(queues.size());
  for (confirm_number number = first; number < first + count; ++number)
    at(number) = owing;
  next_ += count;
  if (owing == 0) {
    done_ += count;
    news_ = true;
  }
  for (const queue_id queue : queues)
    owed_[queue].append({first, first + count});
}

void confirm_tracker::answer(queue_id queue, seq_range numbers, bool rejected) {
  const auto owed = owed_.find(queue);
  if (owed == owed_.end())
    return;
  owed->second.take(numbers, [&](seq_range piece) { settle(piece, rejected ? rejected_bit : 0); });
  if (owed->second.empty() && owed_.size() > queues_kept)
    owed_.erase(owed);
}

void confirm_tracker::queue_gone(queue_id queue) {
  settle_all(queue, 0);
}

void confirm_tracker::queue_lost(queue_id queue) {
  settle_all(queue, rejected_bit);
}

bool confirm_tracker::owed_by(queue_id queue) const {
  const auto owed = owed_.find(queue);
  return owed != owed_.end() && !owed->second.empty();
}

void confirm_tracker::settle_all(queue_id queue, uint32_t mark) {
  const auto owed = owed_.find(queue);
  if (owed == owed_.end())
    return;
  owed->second.take_all([&](seq_range piece) { settle(piece, mark); });
  owed_.erase(owed);
}

void confirm_tracker::settle(seq_range numbers, uint32_t mark) {
  BROKER_ASSERT(numbers.first >= first_ && numbers.last <= next_, "queues answer for publishes that wait");
  for (confirm_number number = numbers.first; number < numbers.last; ++number) {
    uint32_t& entry = at(number);
    BROKER_ASSERT((entry & count_mask) != 0, "a queue answers once for each publish");
    entry = (entry - 1) | mark;
    done_ += (entry & count_mask) == 0;
  }
  news_ = true;
  rejected_ = rejected_ || mark != 0;
}

void confirm_tracker::reserve(uint64_t count) {
  if (count <= ring_.size())
    return;
  std::vector<uint32_t> bigger(std::max(ring_min, std::bit_ceil(count)));
  for (confirm_number number = first_; number < next_; ++number)
    bigger[number & (bigger.size() - 1)] = at(number);
  ring_ = std::move(bigger);
}

void confirm_tracker::shrink() {
  if (ring_.size() > ring_kept)
    ring_ = {};
}

} // namespace broker

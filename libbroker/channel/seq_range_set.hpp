// Disjoint, rising ranges, added at the end and mostly taken from the front: the confirms one queue still owes.
#pragma once

#include <algorithm>
#include <vector>

#include "base/assert.hpp"
#include "base/ids.hpp"

namespace broker {

/// Not thread-safe. Adding and taking at the ends is constant; elsewhere linear in the ranges behind.
class seq_range_set {
public:
  bool empty() const noexcept { return head_ == ranges_.size(); }

  /// `range` lies behind everything in the set.
  void append(seq_range range) {
    if (range.size() == 0)
      return;
    BROKER_ASSERT(empty() || ranges_.back().last <= range.first, "ranges are appended in rising order");
    if (!empty() && ranges_.back().last == range.first)
      ranges_.back().last = range.last;
    else
      ranges_.push_back(range);
  }

  /// Removes what the set has of `wanted` and calls `visit` with each removed piece, rising.
  template<class Visit>
  void take(seq_range wanted, Visit&& visit) {
    auto at = head_;
    if (at < ranges_.size() && ranges_[at].last <= wanted.first)
      at = first_ending_after(wanted.first);
    while (at < ranges_.size() && ranges_[at].first < wanted.last) {
      const seq_range found = ranges_[at];
      const seq_range piece{std::max(found.first, wanted.first), std::min(found.last, wanted.last)};
      at = cut(at, piece);
      visit(piece);
    }
    tidy();
  }

  /// Removes everything, calling `visit` with each range.
  template<class Visit>
  void take_all(Visit&& visit) {
    for (auto at = head_; at < ranges_.size(); ++at)
      visit(ranges_[at]);
    ranges_.clear();
    head_ = 0;
  }

private:
  size_t first_ending_after(uint64_t number) const {
    auto found = std::partition_point(ranges_.begin() + static_cast<ptrdiff_t>(head_), ranges_.end(),
                                      [&](const seq_range& range) { return range.last <= number; });
    return static_cast<size_t>(found - ranges_.begin());
  }

  /// Removes `piece` from ranges_[at]; returns the index of the first range behind the piece.
  size_t cut(size_t at, seq_range piece) {
    seq_range& range = ranges_[at];
    if (range == piece) {
      if (at == head_)
        return ++head_;
      ranges_.erase(ranges_.begin() + static_cast<ptrdiff_t>(at));
      return at;
    }
    if (range.first == piece.first) {
      range.first = piece.last;
      return at;
    }
    const seq_range rest{piece.last, range.last};
    range.last = piece.first;
    if (rest.size() != 0)
      ranges_.insert(ranges_.begin() + static_cast<ptrdiff_t>(at) + 1, rest);
    return at + 1;
  }

  void tidy() {
    if (empty()) {
      ranges_.clear();
      head_ = 0;
    } else if (head_ >= 64 && head_ * 2 >= ranges_.size()) {
      ranges_.erase(ranges_.begin(), ranges_.begin() + static_cast<ptrdiff_t>(head_));
      head_ = 0;
    }
  }

  std::vector<seq_range> ranges_; ///< from head_ on
  size_t head_ = 0;
};

} // namespace broker

// A set of sequence numbers kept as disjoint, non-adjacent ranges: acknowledgements in order cost one entry in all.
// Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>

#include "base/ids.hpp"

namespace broker {

class range_set {
public:
  /// Adds the range; calls fresh(seq_range) for every part that was not in the set, rising.
  template<class F>
  void add(seq_range range, F&& fresh) {
    gaps(range, fresh);
    if (range.first >= range.last)
      return;
    auto at = ranges_.upper_bound(range.first);
    if (at != ranges_.begin() && std::prev(at)->second >= range.first)
      --at;
    while (at != ranges_.end() && at->first <= range.last) {
      range = {std::min(range.first, at->first), std::max(range.last, at->second)};
      at = ranges_.erase(at);
    }
    ranges_.emplace_hint(at, range.first, range.last);
  }
  /// Takes the range out.
  void remove(seq_range range) {
    auto at = ranges_.upper_bound(range.first);
    if (at != ranges_.begin() && std::prev(at)->second > range.first)
      --at;
    while (at != ranges_.end() && at->first < range.last) {
      const seq_range old{at->first, at->second};
      at = ranges_.erase(at);
      if (old.first < range.first)
        ranges_.emplace(old.first, range.first);
      if (old.last > range.last)
        ranges_.emplace(range.last, old.last);
    }
  }
  /// Calls each(seq_range) for every part of `range` that is not in the set, rising.
  template<class F>
  void gaps(seq_range range, F&& each) const {
    uint64_t from = range.first;
    inside(range, [&](seq_range part) {
      if (from < part.first)
        each(seq_range{from, part.first});
      from = part.last;
    });
    if (from < range.last)
      each(seq_range{from, range.last});
  }
  /// Calls each(seq_range) for every part of `range` that is in the set, rising.
  template<class F>
  void inside(seq_range range, F&& each) const {
    auto at = ranges_.upper_bound(range.first);
    if (at != ranges_.begin() && std::prev(at)->second > range.first)
      --at;
    for (; at != ranges_.end() && at->first < range.last; ++at)
      each(seq_range{std::max(range.first, at->first), std::min(range.last, at->second)});
  }
  bool contains(uint64_t number) const {
    auto at = ranges_.upper_bound(number);
    return at != ranges_.begin() && std::prev(at)->second > number;
  }
  bool empty() const { return ranges_.empty(); }
  size_t fragments() const { return ranges_.size(); }

private:
  std::map<uint64_t, uint64_t> ranges_; ///< first -> last (exclusive)
};

} // namespace broker

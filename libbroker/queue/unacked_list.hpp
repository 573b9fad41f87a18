// What one consumer, or one channel's basic.get, has been given and has not settled: runs sorted by sequence number.
// Settling costs per range, not per message; in order it costs a look at the front.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "queue/run.hpp"

namespace broker::queueing {

class unacked_list {
public:
  bool empty() const noexcept { return runs_.empty(); }
  uint64_t messages() const noexcept { return messages_; }
  /// A run partly settled is charged in full until all of it is: that is what it pins.
  uint64_t memory() const noexcept { return memory_; }
  const std::deque<run>& runs() const noexcept { return runs_; }

  void insert(run what);
  /// Takes out what is held of `which` and appends it to `taken`. Sizes of the taken runs are not exact.
  void take(seq_range which, std::vector<run>& taken);
  std::deque<run> take_all();
  /// Drops the bodies of runs for which `stored` is true.
  template<class Predicate>
  void drop_bodies(Predicate stored) {
    for (run& one : runs_) {
      if (!one.batch || !stored(one))
        continue;
      memory_ -= charge(one);
      drop_body(one);
    }
  }

  void check() const;

private:
  std::deque<run>::iterator place(size_t index) { return runs_.begin() + static_cast<std::ptrdiff_t>(index); }
  static uint64_t charge(const run& one) { return one.batch ? one.raw : 0; }

  std::deque<run> runs_;
  uint64_t messages_ = 0;
  uint64_t memory_ = 0;
};

} // namespace broker::queueing

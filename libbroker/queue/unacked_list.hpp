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
  /// What the runs' bodies are charged for. Settled parts of a run stay charged until all of it is.
  uint64_t memory() const noexcept { return memory_; }
  uint64_t messages_durable() const noexcept { return durable_; }
  /// Bytes of the bodies; counts each message whose body is in memory.
  uint64_t body_bytes() const;
  const std::deque<run>& runs() const noexcept { return runs_; }
  /// Calls visit(run) with each run, its sizes exact where its bodies are in memory.
  template<class Visit>
  void for_each_measured(Visit visit) const {
    for (run one : runs_) { // cutting leaves sizes behind
      if (one.batch)
        measure(one);
      visit(one);
    }
  }

  void insert(run what);
  /// Takes out what is held of `which` and appends it to `taken`. Sizes of the taken runs are not exact.
  void take(seq_range which, std::vector<run>& taken);
  std::deque<run> take_all();
  /// Drops the bodies of the runs for which `stored` is true.
  template<class Predicate>
  void drop_bodies(Predicate stored) {
    std::deque<run> before = take_all();
    for (run& one : before) {
      if (one.batch && stored(one)) {
        measure(one); // cutting leaves sizes behind
        drop_body(one);
      }
      insert(std::move(one));
    }
  }
  /// Calls `change` for each run with bodies; it may replace the batch by another that holds the same messages.
  template<class Change>
  void repack(Change change) {
    for (run& one : runs_) {
      if (!one.batch)
        continue;
      memory_ -= one.memory();
      change(one);
      memory_ += one.memory();
    }
  }

  void check() const;

private:
  std::deque<run>::iterator place(size_t index) { return runs_.begin() + static_cast<std::ptrdiff_t>(index); }
  std::deque<run> runs_;
  uint64_t messages_ = 0;
  uint64_t memory_ = 0;
  uint64_t durable_ = 0;
};

} // namespace broker::queueing

// The messages of a queue that wait for a consumer, as runs in the order of their sequence numbers. A requeued message
// returns to its place (features.md W63). Keeps the sums that list_queues and the memory budget need.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "queue/run.hpp"

namespace broker::queueing {

class ready_list {
public:
  bool empty() const noexcept { return runs_.empty(); }
  const run& front() const { return runs_.front(); }
  const run& at(size_t index) const { return runs_[index]; }
  size_t runs() const noexcept { return runs_.size(); }
  /// Index of the first run that holds `from` or something after it.
  size_t find(seqno from) const;

  uint64_t messages() const noexcept { return messages_; }
  uint64_t body_bytes() const noexcept { return body_; }
  uint64_t memory() const noexcept { return memory_; }
  /// The part of memory() that goes as soon as the store has answered.
  uint64_t leaving() const noexcept { return leaving_; }
  /// Messages whose bodies are in the store only.
  uint64_t messages_paged() const noexcept { return paged_; }
  uint64_t messages_durable() const noexcept { return durable_; }
  /// Messages whose part of body_bytes() is not exact.
  uint64_t messages_estimated() const noexcept { return estimated_; }

  /// `what` follows everything here.
  void push_back(run what);
  /// Returns runs, given in order, to their places.
  void put_back(std::vector<run> what);
  /// Takes the first `count` messages of the first run.
  run take_front(uint32_t count);
  std::deque<run> take_all();

  /// The run at `index` is in the store or on its way there.
  void mark_leaving(size_t index, home kept);
  /// Drops the bodies of the leaving runs in `which` that lie below `stored`. @returns up to where it is done: a run
  /// may reach beyond `stored`.
  seqno drop_leaving(seq_range which, seqno stored);
  /// Drops the bodies of the run at `index`, which the store has.
  void drop_body(size_t index);
  /// Calls `change` for each run with bodies; it may replace the batch by another that holds the same messages.
  template<class Change>
  void repack(Change change) {
    for (run& one : runs_)
      if (one.batch)
        change(one);
  }
  /// Bodies have been read back: gives them to the messages here that have none; or, without `keep`, only their sizes.
  void attach(const stored_run& bodies, bool keep);

  /// Aborts unless runs are sorted, disjoint, and sum up.
  void check() const;

private:
  void add(const run& what);
  void subtract(const run& what);
  void join_in_place(run& a, const run& b);
  void merge_between(size_t from, size_t to);
  size_t split(size_t index, seqno at);

  std::deque<run> runs_;
  uint64_t messages_ = 0;
  uint64_t body_ = 0;
  uint64_t memory_ = 0;
  uint64_t leaving_ = 0;
  uint64_t paged_ = 0;
  uint64_t durable_ = 0;
  uint64_t estimated_ = 0;
};

} // namespace broker::queueing

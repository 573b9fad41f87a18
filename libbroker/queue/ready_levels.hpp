// The ready messages of a queue by priority (features.md W55): one ready_list per priority in use, the highest first in
// every walk; within a priority the order is that of sequence numbers, also for what was requeued. A queue without
// priorities has one list and pays for nothing else. What drops messages from the head drops the highest priority
// first, as RabbitMQ's priority queue does.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "queue/ready_list.hpp"

namespace broker::queueing {

class ready_levels {
  struct level {
    uint8_t priority;
    ready_list list;
  };
  /// The list whose turn it is; an empty one if all are.
  template<class Self>
  static auto& first_list(Self& self) noexcept {
    for (auto& one : self.above_)
      if (!one.list.empty())
        return one.list;
    return self.zero_;
  }
  /// The list that holds the run at `index`, which becomes the index in that list.
  template<class Self>
  static auto& list_of(Self& self, size_t& index) noexcept {
    for (auto& one : self.above_) {
      if (index < one.list.runs())
        return one.list;
      index -= one.list.runs();
    }
    return self.zero_;
  }

public:
  bool empty() const noexcept { return first_list(*this).empty(); }
  const run& front() const { return first_list(*this).front(); }
  /// Runs in the order in which they go out.
  const run& at(size_t index) const { return list_of(*this, index).at(index); }
  size_t runs() const noexcept { return sum(&ready_list::runs); }
  /// Index of the run that holds `which`, runs() if none does.
  size_t find(seqno which) const;
  /// Priorities in use, and where in the walk the one begins that holds the run at `index`.
  size_t levels() const noexcept { return above_.size() + 1; }
  size_t level_start(size_t index) const noexcept {
    size_t within = index;
    list_of(*this, within);
    return index - within;
  }
  /// Is there a message in `which` whose body is in the store only?
  bool lacks_body(seq_range which) const;

  uint64_t messages() const noexcept { return sum(&ready_list::messages); }
  uint64_t body_bytes() const noexcept { return sum(&ready_list::body_bytes); }
  uint64_t memory() const noexcept { return sum(&ready_list::memory); }
  uint64_t leaving() const noexcept { return sum(&ready_list::leaving); }
  uint64_t messages_paged() const noexcept { return sum(&ready_list::messages_paged); }
  uint64_t messages_durable() const noexcept { return sum(&ready_list::messages_durable); }
  uint64_t messages_estimated() const noexcept { return sum(&ready_list::messages_estimated); }

  /// `what` follows everything here of its priority.
  void push_back(run what) {
    ready_list& list = list_for(what.priority);
    list.push_back(std::move(what));
  }
  /// Returns runs, given in order, to their places.
  void put_back(std::vector<run> what);
  run take_front(uint32_t count) { return first_list(*this).take_front(count); }
  /// In the order in which they would have gone out.
  std::deque<run> take_all();

  // As in ready_list.
  void mark_leaving(size_t index, home kept);
  seqno drop_leaving(seq_range which, seqno stored);
  void drop_body(size_t index);
  template<class Change>
  void repack(Change change) {
    for (level& one : above_)
      one.list.repack(change);
    zero_.repack(change);
  }
  void attach(const stored_run& bodies, bool keep);

  void check() const;

private:
  template<class Part>
  Part sum(Part (ready_list::*part)() const noexcept) const noexcept {
    Part all = (zero_.*part)();
    for (const level& one : above_)
      all += (one.list.*part)();
    return all;
  }
  ready_list& list_for(uint8_t priority);

  ready_list zero_;          ///< priority 0
  std::vector<level> above_; ///< priorities that were ever used, highest first
};

} // namespace broker::queueing

#include "queue/unacked_list.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace broker::queueing {

namespace {

/// Like cut_front, but leaves the sizes of a run in memory with `from`: to look at its messages again would cost more
/// than all the rest of an ack.
run cut_cheaply(run& from, uint32_t count) {
  if (!from.batch)
    return cut_front(from, count);
  run head = from;
  head.count = count;
  head.raw = head.body = 0;
  from.first += count;
  from.lo += count;
  from.count -= count;
  return head;
}

} // namespace

void unacked_list::insert(run what) {
  messages_ += what.count;
  memory_ += what.memory();
  durable_ += what.messages_durable();
  if (runs_.empty() || runs_.back().last() <= what.first) {
    if (!runs_.empty() && joins(runs_.back(), what)) {
      memory_ -= runs_.back().memory() + what.memory();
      join(runs_.back(), what);
      memory_ += runs_.back().memory();
    } else {
      runs_.push_back(std::move(what));
    }
    return;
  }
  auto at = std::partition_point(runs_.begin(), runs_.end(), [&](const run& one) { return one.first < what.first; });
  runs_.insert(at, std::move(what));
}

void unacked_list::take(seq_range which, std::vector<run>& taken) {
  size_t begin = 0;
  if (!runs_.empty() && runs_.front().last() <= which.first) {
    const auto at =
      std::partition_point(runs_.begin(), runs_.end(), [&](const run& one) { return one.last() <= which.first; });
    begin = static_cast<size_t>(at - runs_.begin());
  }
  if (begin < runs_.size() && runs_[begin].first < which.first) {
    memory_ -= runs_[begin].memory();
    run head = cut_cheaply(runs_[begin], static_cast<uint32_t>(which.first - runs_[begin].first));
    memory_ += head.memory() + runs_[begin].memory();
    runs_.insert(place(begin), std::move(head));
    ++begin;
  }
  size_t end = begin;
  for (; end < runs_.size() && runs_[end].first < which.last; ++end) {
    run& one = runs_[end];
    if (one.last() > which.last) {
      memory_ -= one.memory();
      taken.push_back(cut_cheaply(one, static_cast<uint32_t>(which.last - one.first)));
      memory_ += one.memory();
      messages_ -= taken.back().count;
      durable_ -= taken.back().messages_durable();
      break;
    }
    messages_ -= one.count;
    memory_ -= one.memory();
    durable_ -= one.messages_durable();
    taken.push_back(std::move(one));
  }
  runs_.erase(place(begin), place(end));
}

uint64_t unacked_list::body_bytes() const {
  uint64_t sum = 0;
  for_each_measured([&](const run& one) { sum += one.body; });
  return sum;
}

std::deque<run> unacked_list::take_all() {
  messages_ = memory_ = durable_ = 0;
  return std::exchange(runs_, {});
}

void unacked_list::check() const {
  uint64_t messages = 0;
  uint64_t memory = 0;
  uint64_t durable = 0;
  seqno end = 0;
  for (const run& one : runs_) {
    BROKER_ASSERT(one.count > 0 && one.first >= end, "unacked messages are not in order");
    BROKER_ASSERT(one.batch || one.in_store(), "an unacked message has no body anywhere");
    end = one.last();
    messages += one.count;
    memory += one.memory();
    durable += one.messages_durable();
  }
  BROKER_ASSERT(messages == messages_ && memory == memory_ && durable == durable_, "unacked sums are wrong");
}

} // namespace broker::queueing

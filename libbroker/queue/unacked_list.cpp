#include "queue/unacked_list.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace broker::queueing {

namespace {

/// Like cut_front, without looking at the messages: the rest keeps the whole charge of a run in memory.
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
  memory_ += charge(what);
  if (runs_.empty() || runs_.back().last() <= what.first) {
    if (!runs_.empty() && joins(runs_.back(), what))
      join(runs_.back(), what);
    else
      runs_.push_back(std::move(what));
    return;
  }
  auto at = std::partition_point(runs_.begin(), runs_.end(), [&](const run& one) { return one.first < what.first; });
  runs_.insert(at, std::move(what));
}

void unacked_list::take(seq_range which, std::vector<run>& taken) {
  auto at = runs_.begin();
  if (at != runs_.end() && at->last() <= which.first)
    at = std::partition_point(at, runs_.end(), [&](const run& one) { return one.last() <= which.first; });
  const auto begin = [&] {
    if (at == runs_.end() || at->first >= which.first)
      return at - runs_.begin();
    run head = cut_cheaply(*at, static_cast<uint32_t>(which.first - at->first));
    return runs_.insert(at, std::move(head)) - runs_.begin() + 1;
  }();
  auto end = begin;
  const auto size = static_cast<decltype(end)>(runs_.size());
  for (; end < size && runs_[static_cast<size_t>(end)].first < which.last; ++end) {
    run& one = runs_[static_cast<size_t>(end)];
    if (one.last() > which.last) {
      run head = cut_cheaply(one, static_cast<uint32_t>(which.last - one.first));
      messages_ -= head.count;
      taken.push_back(std::move(head));
      break;
    }
    messages_ -= one.count;
    memory_ -= charge(one);
    taken.push_back(std::move(one));
  }
  runs_.erase(runs_.begin() + begin, runs_.begin() + end);
}

std::deque<run> unacked_list::take_all() {
  messages_ = memory_ = 0;
  return std::exchange(runs_, {});
}

void unacked_list::check() const {
  uint64_t messages = 0;
  uint64_t memory = 0;
  seqno end = 0;
  for (const run& one : runs_) {
    BROKER_ASSERT(one.count > 0 && one.first >= end, "unacked messages are not in order");
    BROKER_ASSERT(one.batch || one.in_store(), "an unacked message has no body anywhere");
    end = one.last();
    messages += one.count;
    memory += charge(one);
  }
  BROKER_ASSERT(messages == messages_ && memory == memory_, "unacked sums are wrong");
}

} // namespace broker::queueing

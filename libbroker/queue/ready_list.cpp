#include "queue/ready_list.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/assert.hpp"

namespace broker::queueing {

void ready_list::add(const run& what) {
  messages_ += what.count;
  durable_ += what.messages_durable();
  body_ += what.body;
  memory_ += what.memory();
  if (what.leaving)
    leaving_ += what.memory();
  if (!what.batch)
    paged_ += what.count;
  if (what.estimated)
    estimated_ += what.count;
}

void ready_list::subtract(const run& what) {
  messages_ -= what.count;
  durable_ -= what.messages_durable();
  body_ -= what.body;
  memory_ -= what.memory();
  if (what.leaving)
    leaving_ -= what.memory();
  if (!what.batch)
    paged_ -= what.count;
  if (what.estimated)
    estimated_ -= what.count;
}

size_t ready_list::find(seqno from) const {
  auto at = std::partition_point(runs_.begin(), runs_.end(), [&](const run& one) { return one.last() <= from; });
  return static_cast<size_t>(at - runs_.begin());
}

void ready_list::join_in_place(run& a, const run& b) {
  subtract(a);
  subtract(b);
  join(a, b);
  add(a);
}

void ready_list::push_back(run what) {
  BROKER_ASSERT(runs_.empty() || runs_.back().last() <= what.first, "published out of order");
  add(what);
  if (!runs_.empty() && joins(runs_.back(), what))
    join_in_place(runs_.back(), what);
  else
    runs_.push_back(std::move(what));
}

void ready_list::put_back(std::vector<run> what) {
  if (what.empty())
    return;
  std::vector<run> between; // runs here that lie before the last returned one
  const seqno end = what.back().first;
  while (!runs_.empty() && runs_.front().first < end) {
    between.push_back(std::move(runs_.front()));
    runs_.pop_front();
  }
  for (const run& one : what)
    add(one);
  std::vector<run> merged;
  merged.reserve(between.size() + what.size());
  std::merge(std::make_move_iterator(between.begin()), std::make_move_iterator(between.end()),
             std::make_move_iterator(what.begin()), std::make_move_iterator(what.end()), std::back_inserter(merged),
             [](const run& a, const run& b) { return a.first < b.first; });
  for (auto at = merged.rbegin(); at != merged.rend(); ++at) {
    BROKER_ASSERT(runs_.empty() || at->last() <= runs_.front().first, "a message is ready twice");
    if (!runs_.empty() && joins(*at, runs_.front())) {
      join_in_place(*at, runs_.front());
      runs_.front() = std::move(*at);
    } else {
      runs_.push_front(std::move(*at));
    }
  }
}

run ready_list::take_front(uint32_t count) {
  run& first = runs_.front();
  run taken;
  if (count == first.count) {
    subtract(first);
    taken = std::move(first);
    runs_.pop_front();
  } else {
    subtract(first);
    taken = cut_front(first, count);
    add(first);
  }
  taken.leaving = false;
  return taken;
}

std::deque<run> ready_list::take_all() {
  messages_ = body_ = memory_ = leaving_ = paged_ = durable_ = estimated_ = 0;
  return std::exchange(runs_, {});
}

void ready_list::mark_leaving(size_t index, home kept) {
  run& one = runs_[index];
  BROKER_ASSERT(one.batch && !one.leaving, "nothing to page out");
  one.kept = kept;
  one.leaving = true;
  leaving_ += one.memory();
}

void ready_list::drop_body(size_t index) {
  run& one = runs_[index];
  BROKER_ASSERT(one.in_store(), "dropped a body that is nowhere else");
  subtract(one);
  queueing::drop_body(one);
  add(one);
  merge_between(index == 0 ? 0 : index - 1, std::min(index + 2, runs_.size()));
}

seqno ready_list::drop_leaving(seq_range which, seqno stored) {
  const size_t begin = find(which.first);
  seqno done = which.last;
  size_t end = begin;
  for (; end < runs_.size() && runs_[end].first < which.last; ++end) {
    run& one = runs_[end];
    if (!one.leaving)
      continue;
    if (one.last() > stored) {
      done = std::max(which.first, one.first);
      break;
    }
    subtract(one);
    queueing::drop_body(one);
    add(one);
  }
  merge_between(begin == 0 ? 0 : begin - 1, std::min(end + 1, runs_.size()));
  return done;
}

void ready_list::merge_between(size_t from, size_t to) {
  if (to <= from + 1)
    return;
  size_t kept = from;
  for (size_t next = from + 1; next < to; ++next) {
    if (joins(runs_[kept], runs_[next]))
      join_in_place(runs_[kept], runs_[next]);
    else if (++kept != next)
      runs_[kept] = std::move(runs_[next]);
  }
  using distance = std::ptrdiff_t;
  runs_.erase(runs_.begin() + static_cast<distance>(kept + 1), runs_.begin() + static_cast<distance>(to));
}

size_t ready_list::split(size_t index, seqno at) {
  run& one = runs_[index];
  if (at <= one.first)
    return index;
  subtract(one);
  run head = cut_front(one, static_cast<uint32_t>(at - one.first));
  add(one);
  add(head);
  runs_.insert(runs_.begin() + static_cast<std::ptrdiff_t>(index), std::move(head));
  return index + 1;
}

void ready_list::attach(const stored_run& bodies, bool keep) {
  const seqno end = bodies.first + bodies.where.size();
  const size_t begin = find(bodies.first);
  size_t index = begin;
  for (; index < runs_.size() && runs_[index].first < end; ++index) {
    if (runs_[index].batch)
      continue;
    index = split(index, bodies.first);
    const bool cut = runs_[index].last() > end;
    const uint64_t whole = runs_[index].body;
    const bool estimated = runs_[index].estimated;
    if (cut)
      index = split(index, end) - 1;
    run& one = runs_[index];
    subtract(one);
    one.batch = bodies.batch;
    one.lo = bodies.where.lo + static_cast<uint32_t>(one.first - bodies.first);
    measure(one);
    if (!keep)
      queueing::drop_body(one);
    add(one);
    if (cut) { // what is left of the whole is the size of the rest, as exact as that was
      run& rest = runs_[index + 1];
      subtract(rest);
      rest.body = whole > one.body ? whole - one.body : 0;
      rest.estimated = estimated;
      add(rest);
    }
  }
  if (!keep)
    merge_between(begin == 0 ? 0 : begin - 1, std::min(index + 1, runs_.size()));
}

void ready_list::check() const {
  ready_list sums;
  seqno end = 0;
  for (const run& one : runs_) {
    BROKER_ASSERT(one.count > 0 && one.first >= end, "ready messages are not in order");
    BROKER_ASSERT(one.batch || one.in_store(), "a ready message has no body anywhere");
    BROKER_ASSERT(!one.leaving || (one.batch && one.in_store()), "a run leaves for nowhere");
    if (one.batch) {
      run again = one;
      measure(again);
      BROKER_ASSERT(again.raw == one.raw && again.body == one.body && !one.estimated, "a run does not know its size");
    }
    end = one.last();
    sums.add(one);
  }
  BROKER_ASSERT(sums.durable_ == durable_, "durable messages are miscounted");
  BROKER_ASSERT(sums.estimated_ == estimated_, "messages of unknown size are miscounted");
  BROKER_ASSERT(sums.messages_ == messages_ && sums.body_ == body_ && sums.paged_ == paged_, "ready sums are wrong");
  BROKER_ASSERT(sums.memory_ == memory_ && sums.leaving_ == leaving_, "memory sums are wrong");
}

} // namespace broker::queueing

#include "queue/ready_levels.hpp"

#include <iterator>
#include <utility>

#include "base/assert.hpp"

namespace broker::queueing {

ready_list& ready_levels::list_for(uint8_t priority) {
  if (priority == 0)
    return zero_;
  auto at = std::find_if(above_.begin(), above_.end(), [&](const level& one) { return one.priority <= priority; });
  if (at == above_.end() || at->priority != priority)
    at = above_.insert(at, level{priority, {}});
  return at->list;
}

size_t ready_levels::find(seqno which) const {
  size_t before = 0;
  const auto look = [&](const ready_list& list) {
    const size_t index = list.find(which);
    const bool here = index < list.runs() && list.at(index).first <= which;
    before += here ? index : list.runs();
    return here;
  };
  for (const level& one : above_)
    if (look(one.list))
      return before;
  look(zero_);
  return before;
}

bool ready_levels::lacks_body(seq_range which) const {
  const auto lacks = [&](const ready_list& list) {
    for (size_t index = list.find(which.first); index < list.runs() && list.at(index).first < which.last; ++index)
      if (!list.at(index).batch)
        return true;
    return false;
  };
  return lacks(zero_) || std::any_of(above_.begin(), above_.end(), [&](const level& one) { return lacks(one.list); });
}

void ready_levels::put_back(std::vector<run> what) {
  if (above_.empty())
    return zero_.put_back(std::move(what));
  std::stable_sort(what.begin(), what.end(), [](const run& a, const run& b) { return a.priority < b.priority; });
  for (auto begin = what.begin(); begin != what.end();) {
    const uint8_t priority = begin->priority;
    const auto end = std::find_if(begin, what.end(), [&](const run& one) { return one.priority != priority; });
    list_for(priority).put_back({std::make_move_iterator(begin), std::make_move_iterator(end)});
    begin = end;
  }
}

std::deque<run> ready_levels::take_all() {
  if (above_.empty())
    return zero_.take_all();
  std::deque<run> all;
  const auto take = [&](ready_list& list) {
    for (run& one : list.take_all())
      all.push_back(std::move(one));
  };
  for (level& one : above_)
    take(one.list);
  take(zero_);
  return all;
}

void ready_levels::mark_leaving(size_t index, home kept) {
  ready_list& list = list_of(*this, index);
  list.mark_leaving(index, kept);
}

seqno ready_levels::drop_leaving(seq_range which, seqno stored) {
  seqno done = zero_.drop_leaving(which, stored);
  for (level& one : above_)
    done = std::min(done, one.list.drop_leaving(which, stored));
  return done;
}

void ready_levels::drop_body(size_t index) {
  ready_list& list = list_of(*this, index);
  list.drop_body(index);
}

void ready_levels::attach(const stored_run& bodies, bool keep) {
  for (level& one : above_)
    one.list.attach(bodies, keep);
  zero_.attach(bodies, keep);
}

void ready_levels::check() const {
  const auto check_list = [](const ready_list& list, uint8_t priority) {
    list.check();
    for (size_t index = 0; index < list.runs(); ++index)
      BROKER_ASSERT(list.at(index).priority == priority, "a message waits at another priority");
  };
  check_list(zero_, 0);
  int above = 256;
  for (const level& one : above_) {
    BROKER_ASSERT(one.priority < above && one.priority > 0, "priorities are not in order");
    check_list(one.list, one.priority);
    above = one.priority;
  }
}

} // namespace broker::queueing

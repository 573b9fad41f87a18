#include "replication/publisher.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "replication/describe.hpp"

namespace broker::replication {

void publisher::add(const batch_ref& batch, slice where) {
  BROKER_ASSERT(where.size() != 0 && where.hi <= batch->messages.size(), "a publish is a part of its batch");
  const uint64_t first = batch->first_confirm + where.lo;
  BROKER_ASSERT(first > last_, "publishes are numbered rising");
  unconfirmed_.push_back({batch, where, first, last_});
  last_ = first + where.size() - 1;
}

bool publisher::retarget(broker::epoch mastership) {
  if (mastership <= target_)
    return false;
  target_ = mastership;
  cursor_ = 0;
  return true;
}

publish_order publisher::next() {
  BROKER_ASSERT(wants_send(), "there is something to send");
  const sent& start = unconfirmed_[cursor_];
  publish_order order{channel_, start.batch, {}, start.prev};
  uint64_t last = start.prev;
  while (cursor_ < unconfirmed_.size() && unconfirmed_[cursor_].batch == order.batch
         && unconfirmed_[cursor_].prev == last) {
    order.slices.push_back(unconfirmed_[cursor_].where);
    last = unconfirmed_[cursor_].end() - 1;
    ++cursor_;
  }
  BROKER_ASSERT(!order.slices.empty(), "an order has publishes");
  return order;
}

/// A part of a run may be confirmed before the rest: a run is cut where the master cut it.
void publisher::done(seq_range numbers) {
  BROKER_ASSERT(numbers.first <= numbers.last, "a range of numbers");
  std::vector<sent> left;
  size_t cursor = cursor_;
  for (size_t at = 0; at < unconfirmed_.size(); ++at) {
    const sent one = unconfirmed_[at];
    const uint64_t lo = std::clamp(numbers.first, one.first, one.end());
    const uint64_t hi = std::clamp(numbers.last, lo, one.end());
    const size_t before = left.size();
    if (lo > one.first)
      left.push_back(
        {one.batch, {one.where.lo, one.where.lo + static_cast<uint32_t>(lo - one.first)}, one.first, one.prev});
    if (hi < one.end())
      left.push_back({one.batch,
                      {one.where.lo + static_cast<uint32_t>(hi - one.first), one.where.hi},
                      hi,
                      hi == one.first ? one.prev : hi - 1});
    if (at < cursor_)
      cursor += left.size() - before - 1; // may wrap below zero in between; the sum does not
  }
  unconfirmed_ = std::move(left);
  cursor_ = cursor;
  BROKER_ASSERT(cursor_ <= unconfirmed_.size(), "what was sent stays sent");
}

uint64_t publisher::sent_below() const noexcept {
  return cursor_ < unconfirmed_.size() ? unconfirmed_[cursor_].first : last_ + 1;
}

void publisher::describe(std::string& out) const {
  put(out, channel_.node, channel_.inc, channel_.number, target_, last_, cursor_, unconfirmed_.size());
  for (const sent& one : unconfirmed_)
    put(out, one.first, one.end(), one.prev);
}

} // namespace broker::replication

#include "replication/publisher.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "replication/describe.hpp"

namespace broker::replication {

void publisher::add(const batch_ref& batch, slice where) {
  BROKER_ASSERT(where.size() != 0 && where.hi <= batch->messages.size(), "a publish is a part of its batch");
  const uint64_t first = batch->first_confirm + where.lo;
  BROKER_ASSERT(first > last_, "publishes are numbered rising");
  batch->hold();
  unconfirmed_.push_back({batch, where, first, link_});
  link_ = last_ = first + where.size() - 1;
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

void publisher::gap(uint64_t last_number) noexcept {
  cursor_ = 0;
  if (!unconfirmed_.empty() && last_number < unconfirmed_.front().first)
    unconfirmed_.front().prev = last_number;
}

/// What follows publish `refused`, perhaps the one at `at`, follows `before` from now on.
void publisher::relink(size_t at, uint64_t refused, uint64_t before) {
  if (at < unconfirmed_.size() && unconfirmed_[at].prev == refused)
    unconfirmed_[at].prev = before;
  if (link_ == refused)
    link_ = before;
}

/// A part of a run may be confirmed before the rest: a run is cut where the master cut it.
void publisher::done(seq_range numbers, bool refused) {
  BROKER_ASSERT(numbers.first <= numbers.last, "a range of numbers");
  if (numbers.first == numbers.last)
    return;
  auto found = std::partition_point(unconfirmed_.begin(), unconfirmed_.end(),
                                    [&](const sent& one) { return one.end() <= numbers.first; });
  auto at = static_cast<size_t>(found - unconfirmed_.begin());
  while (at < unconfirmed_.size() && unconfirmed_[at].first < numbers.last) {
    sent& one = unconfirmed_[at];
    const auto before = static_cast<uint32_t>(std::max(numbers.first, one.first) - one.first);
    const auto upto = static_cast<uint32_t>(std::min(numbers.last, one.end()) - one.first);
    sent rest = one;
    rest.where.lo += upto;
    rest.first += upto;
    const uint64_t last = rest.first - 1;
    const uint64_t kept = before != 0 ? one.first + before - 1 : one.prev;
    rest.prev = refused ? kept : last;
    if (before != 0 && rest.where.size() != 0) {
      one.where.hi = one.where.lo + before;
      rest.batch->hold();
      unconfirmed_.insert(unconfirmed_.begin() + static_cast<std::ptrdiff_t>(at) + 1, std::move(rest));
      cursor_ += at < cursor_;
      break;
    }
    if (before != 0) {
      one.where.hi = one.where.lo + before;
      ++at;
      if (refused)
        relink(at, last, kept);
    } else if (rest.where.size() != 0) {
      one = std::move(rest);
      break;
    } else {
      one.batch->release();
      unconfirmed_.erase(unconfirmed_.begin() + static_cast<std::ptrdiff_t>(at));
      cursor_ -= at < cursor_;
      if (refused)
        relink(at, last, kept);
    }
  }
  BROKER_ASSERT(cursor_ <= unconfirmed_.size(), "what was sent stays sent");
}

void publisher::give_up() {
  for (const sent& one : unconfirmed_)
    one.batch->release();
  unconfirmed_.clear();
  cursor_ = 0;
}

uint64_t publisher::sent_below() const noexcept {
  return cursor_ < unconfirmed_.size() ? unconfirmed_[cursor_].first : last_ + 1;
}

void publisher::describe(std::string& out) const {
  put(out, channel_.node, channel_.inc, channel_.number, target_, last_, link_, cursor_, unconfirmed_.size());
  for (const sent& one : unconfirmed_)
    put(out, one.first, one.end(), one.prev);
}

} // namespace broker::replication

#include "queue/publisher_credit.hpp"

#include <algorithm>
#include <utility>

#include "queue/prefix.hpp"

namespace broker::queueing {

void confirm_list::add(seqno upto, const channel_ref& channel, seq_range numbers) {
  waiting_.push_back({upto, channel, numbers});
}

void confirm_list::durable(seqno upto, outbox& out) {
  size_t done = 0;
  for (; done < waiting_.size() && waiting_[done].upto <= upto; ++done)
    out.confirm(waiting_[done].channel, waiting_[done].numbers);
  erase_prefix(waiting_, done);
}

uint64_t confirm_list::messages() const noexcept {
  uint64_t all = 0;
  for (const entry& one : waiting_)
    all += one.numbers.size();
  return all;
}

void hold_list::add(batch_ref batch, seqno durable, seqno paged, bool withhold) {
  next({std::move(batch), durable, paged}, withhold);
}

void hold_list::next(entry held, bool withhold) {
  if (held.durable > durable_) {
    disk_.push_back(std::move(held));
  } else if (held.paged > paged_) {
    // One that waited for the disk first comes here late.
    auto at = std::upper_bound(backlog_.begin(), backlog_.end(), held.paged,
                               [](seqno paged, const entry& one) { return paged < one.paged; });
    backlog_.insert(at, std::move(held));
  } else if (withhold) {
    withheld_.push_back(std::move(held.batch));
  } else {
    held.batch->release();
  }
}

void hold_list::advance(std::vector<entry>& waiting, seqno entry::*until, seqno upto, bool withhold) {
  size_t done = 0;
  for (; done < waiting.size() && waiting[done].*until <= upto; ++done)
    next(std::move(waiting[done]), withhold);
  erase_prefix(waiting, done);
}

void hold_list::durable(seqno upto, bool withhold) {
  durable_ = std::max(durable_, upto);
  advance(disk_, &entry::durable, durable_, withhold);
}

void hold_list::paged(seqno upto, bool withhold) {
  paged_ = std::max(paged_, upto);
  advance(backlog_, &entry::paged, paged_, withhold);
}

void hold_list::release_withheld() {
  for (const batch_ref& one : withheld_)
    one->release();
  erase_prefix(withheld_, withheld_.size());
}

void hold_list::release_all() {
  for (auto* waiting : {&disk_, &backlog_}) {
    for (const entry& one : *waiting)
      one.batch->release();
    erase_prefix(*waiting, waiting->size());
  }
  release_withheld();
}

} // namespace broker::queueing

#include "queue/publisher_credit.hpp"

#include <algorithm>
#include <utility>

namespace broker::queueing {

void confirm_list::add(seqno upto, const channel_ref& channel, seq_range numbers) {
  waiting_.push_back({upto, channel, numbers});
}

void confirm_list::durable(seqno upto, outbox& out) {
  for (; !waiting_.empty() && waiting_.front().upto <= upto; waiting_.pop_front())
    out.confirm(waiting_.front().channel, waiting_.front().numbers);
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

void hold_list::durable(seqno upto, bool withhold) {
  durable_ = std::max(durable_, upto);
  while (!disk_.empty() && disk_.front().durable <= durable_) {
    entry held = std::move(disk_.front());
    disk_.pop_front();
    next(std::move(held), withhold);
  }
}

void hold_list::paged(seqno upto, bool withhold) {
  paged_ = std::max(paged_, upto);
  while (!backlog_.empty() && backlog_.front().paged <= paged_) {
    entry held = std::move(backlog_.front());
    backlog_.pop_front();
    next(std::move(held), withhold);
  }
}

void hold_list::release_withheld() {
  for (; !withheld_.empty(); withheld_.pop_front())
    withheld_.front()->release();
}

void hold_list::release_all() {
  for (auto* waiting : {&disk_, &backlog_})
    for (; !waiting->empty(); waiting->pop_front())
      waiting->front().batch->release();
  release_withheld();
}

} // namespace broker::queueing

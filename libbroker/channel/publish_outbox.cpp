#include "channel/publish_outbox.hpp"

#include "base/assert.hpp"

namespace broker {
namespace {
/// Up to this many queues a walk is cheaper than hashing.
constexpr size_t walked_max = 8;
} // namespace

void publish_outbox::add(const batch_ref& batch, slice run, std::span<const queue_id> queues) {
  BROKER_ASSERT(!batch_ || batch_ == batch, "the outbox gathers one batch at a time");
  if (!batch_)
    batch_ = batch;
  for (const queue_id queue : queues) {
    auto& slices = entry(queue).slices;
    if (!slices.empty() && slices.back().hi == run.lo)
      slices.back().hi = run.hi;
    else
      slices.push_back(run);
  }
}

void publish_outbox::flush(const channel_ref& channel, bool confirm, requests& to) {
  if (pending_.empty()) {
    batch_ = nullptr;
    return;
  }
  batch_->hold(static_cast<int>(pending_.size()));
  for (auto& [queue, slices] : pending_)
    to.emplace_back(queue, publish_request{batch_, std::move(slices), channel, confirm});
  pending_.clear();
  index_.clear();
  batch_ = nullptr;
}

publish_outbox::gathered& publish_outbox::entry(queue_id queue) {
  if (pending_.size() <= walked_max) {
    for (auto& known : pending_)
      if (known.queue == queue)
        return known;
  } else if (const auto known = index_.find(queue); known != index_.end()) {
    return pending_[known->second];
  }
  pending_.push_back({queue, {}});
  if (pending_.size() == walked_max + 1) {
    for (size_t i = 0; i < pending_.size(); ++i)
      index_[pending_[i].queue] = i;
  } else if (pending_.size() > walked_max) {
    index_[queue] = pending_.size() - 1;
  }
  return pending_.back();
}

} // namespace broker

#include "channel/transaction.hpp"

#include <bit>

#include "amqp/reply.hpp"
#include "base/limits.hpp"

namespace broker {

result<void> transaction::stage(const batch_ref& batch, slice run, std::span<const queue_id> queues) {
  size_t bytes = 0;
  for (uint32_t i = run.lo; i < run.hi; ++i)
    bytes += batch->messages[i].raw_size + limits::publish_overhead_bytes;
  if (count_ + run.size() > limits::tx_publishes_max || bytes_ + bytes > limits::tx_bytes_max)
    return amqp::precondition_failed("transaction too large");
  count_ += run.size();
  bytes_ += bytes;

  publish_batch& copy = copy_of(batch);
  const auto lo = static_cast<uint32_t>(copy.messages.size());
  copy.messages.insert(copy.messages.end(), batch->messages.begin() + run.lo, batch->messages.begin() + run.hi);
  copy.bytes += bytes;
  const auto routes_lo = static_cast<uint32_t>(routes_.size());
  routes_.insert(routes_.end(), queues.begin(), queues.end());
  publishes_.push_back({static_cast<uint32_t>(batches_.size() - 1),
                        {lo, lo + run.size()},
                        routes_lo,
                        static_cast<uint32_t>(routes_.size())});
  return {};
}

void transaction::stage(settle_request::kind what, unacked_tags::blocks taken) {
  settlements_.push_back({what, std::move(taken)});
}

void transaction::make_void(queue_id queue) {
  for (auto& one : settlements_)
    for (auto& block : one.taken)
      block.is_void = block.is_void || block.queue == queue;
}

size_t transaction::settled() const noexcept {
  size_t sum = 0;
  for (const auto& one : settlements_)
    for (const auto& block : one.taken)
      sum += static_cast<size_t>(std::popcount(block.held));
  return sum;
}

std::span<const queue_id> transaction::queues(const publish& what) const {
  return std::span{routes_}.subspan(what.routes_lo, what.routes_hi - what.routes_lo);
}

void transaction::append_queues(std::vector<queue_id>& to) const {
  for (const auto& settled : settlements_)
    for (const auto& block : settled.taken)
      to.push_back(block.queue);
}

publish_batch& transaction::copy_of(const batch_ref& batch) {
  if (source_ != batch) {
    source_ = batch;
    batches_.push_back(make_ref<publish_batch>());
    batches_.back()->blocks = batch->blocks;
  }
  return *batches_.back();
}

} // namespace broker

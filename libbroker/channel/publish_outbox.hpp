// Publishes of one batch, gathered by queue: however many runs an input has, each queue hears of it once
// (architecture.md D4).
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "channel/protocol.hpp"

namespace broker {

/// Not thread-safe.
class publish_outbox {
public:
  using requests = std::vector<std::pair<queue_id, queue_request>>;

  /// `run` of `batch`, behind everything added before, goes to each of `queues`. One batch at a time: flush between.
  void add(const batch_ref& batch, slice run, std::span<const queue_id> queues);
  /// Appends one request per queue to `to`; each holds the batch once.
  void flush(const channel_ref& channel, bool confirm, requests& to);
  bool empty() const noexcept { return pending_.empty(); }
  /// The batch whose publishes are gathered, or null.
  const batch_ref& batch() const noexcept { return batch_; }

private:
  struct gathered {
    queue_id queue;
    std::vector<slice> slices;
  };
  gathered& entry(queue_id queue);

  batch_ref batch_;
  std::vector<gathered> pending_;              ///< in order of first use
  std::unordered_map<queue_id, size_t> index_; ///< used when `pending_` is long
};

} // namespace broker

// What one AMQP transaction has gathered (features.md W19): routed publishes and settlements, until tx.commit or
// tx.rollback. Not atomic across queues, as RabbitMQ's is not.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "channel/protocol.hpp"
#include "channel/unacked_tags.hpp"

namespace broker {

/// Not thread-safe. Bounded by limits::tx_publishes_max and limits::tx_bytes_max.
class transaction {
public:
  struct publish {
    uint32_t batch; ///< index in batches()
    slice where;
    uint32_t routes_lo; ///< its queues are routes()[routes_lo, routes_hi)
    uint32_t routes_hi;
  };
  struct settlement {
    settle_request::kind what;
    unacked_tags::blocks taken;
  };

  /// Keeps `run` of `batch` for the commit, as copies that share the blocks: the batch itself is credited at once.
  /// Error 406 beyond the limits.
  result<void> stage(const batch_ref& batch, slice run, std::span<const queue_id> queues);
  void stage(settle_request::kind what, unacked_tags::blocks taken);
  /// As unacked_tags::make_void, for what is settled in the transaction.
  void make_void(queue_id queue);

  size_t messages() const noexcept { return count_; }
  size_t settled() const noexcept;
  const std::vector<batch_ref>& batches() const noexcept { return batches_; }
  const std::vector<publish>& publishes() const noexcept { return publishes_; }
  const std::vector<settlement>& settlements() const noexcept { return settlements_; }
  std::span<const queue_id> queues(const publish& what) const;
  /// Messages settled in the transaction; their queues still count them as unacked.
  void append_queues(std::vector<queue_id>& to) const;

private:
  publish_batch& copy_of(const batch_ref& batch);

  std::vector<batch_ref> batches_;
  batch_ref source_; ///< what the last of batches_ copies from
  std::vector<publish> publishes_;
  std::vector<queue_id> routes_;
  std::vector<settlement> settlements_;
  size_t count_ = 0;
  size_t bytes_ = 0;
};

} // namespace broker

// Collects what one read brings for one channel: publishes in one batch, cut into runs of equal exchange, routing key
// and flags; acks coalesced into tag ranges (hotpath.md rule 2; architecture.md D4).
#pragma once

#include <memory>

#include "base/block.hpp"
#include "channel/protocol.hpp"

namespace broker {

/// Not thread-safe.
class channel_inbox {
public:
  bool empty() const { return input_.ops.empty(); }
  /// Cost of everything collected (architecture.md D13).
  size_t bytes() const { return input_.batch ? input_.batch->bytes : 0; }

  /// `keeps` owns the bytes `what` points to. `expected` is how many such publishes the read may bring at most.
  void publish(const message& what, const block_ref& keeps, size_t expected);
  void ack(delivery_tag tag, bool multiple);
  /// `size` is what the method took on the wire.
  void method(amqp::method what, size_t size);

  /// What was collected, with one hold on the batch and `credit` in it; the inbox is empty afterwards.
  channel_input take(const ref<credit_sink>& credit);
  void clear() { input_ = {}; }

private:
  publish_batch& batch();
  bool continues_run(const message& what) const;

  channel_input input_;
};

} // namespace broker

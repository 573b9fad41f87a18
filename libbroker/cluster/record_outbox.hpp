// Records for the other node that wait for room on the link, in order. Encoding happens as late as possible, so that
// what waits costs no copy of its bodies, and a batch that goes to several queues there is sent once.
#pragma once

#include <deque>
#include <string>

#include "cluster/queue_wire.hpp"

namespace broker::bridging {

/// A frame is closed when it has reached this size; only a single larger record makes a larger one.
inline constexpr size_t frame_bytes = 256 * 1024;

/// Owned by one bridge; not thread-safe. What bounds it: publishes hold their batches (D13), deliveries count against
/// their consumers' unwritten bytes, settlements against what was delivered, everything else is answered before its
/// channel asks again. Direct replies have a bound of their own (reply_bytes).
class record_outbox {
public:
  void add(record what);
  /// A part of `what` for one more queue. True: the last publish takes it along; false: it became a new one.
  bool add_publish(channel_key channel, const publish_request& what, publish::target part);
  bool empty() const noexcept { return waiting_.empty(); }
  size_t size() const noexcept { return waiting_.size(); }
  /// Bytes of the direct replies that wait.
  size_t reply_bytes() const noexcept { return reply_bytes_; }
  /// The next frame; empty if nothing waits.
  std::string next_frame();
  void clear();

private:
  std::deque<record> waiting_;
  size_t reply_bytes_ = 0;
};

/// Raw bytes of messages [where).
size_t raw_bytes(const publish_batch& batch, slice where);

} // namespace broker::bridging

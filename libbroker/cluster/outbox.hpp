// What one service has sent to the other node within a session and the other side has not dealt with: payloads in
// order, cut into parts with dense seqs. Two things go back to the sender, both cumulative: `received` lets a payload's
// memory go, `handled` gives the window its room back. Not thread-safe.
#pragma once

#include <deque>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "cluster/link_limits.hpp"
#include "cluster/service.hpp"

namespace broker::cluster {

/// Room a payload takes in a window.
constexpr uint64_t window_cost(uint64_t payload_bytes) {
  return payload_bytes + link_limits::payload_overhead_bytes;
}

class outbox {
public:
  explicit outbox(cluster_service service) : service_(service) {}

  /// A new session: everything is dropped, seqs start at 1.
  void reset();
  /// The smaller of both sides' windows.
  void limit(uint64_t window_bytes) { window_ = window_bytes; }

  /// Room for a payload of this size: a payload above the window goes when nothing else is under way.
  bool has_room(uint64_t payload_bytes) const;
  /// Takes it; needs room.
  void push(std::string&& payload);

  /// Something to write.
  bool pending() const { return next_ < items_.size(); }
  /// Appends the next part. Needs pending().
  void write_part(byte_buffer& out);
  /// After a reconnect: goes on behind `received`, or behind what is known to be received when that is further.
  /// Error: more than was ever sent.
  result<void> resume(uint64_t received);
  /// Error: more than was ever sent or taken. Older news change nothing.
  result<void> acknowledge(uint64_t received, uint64_t handled);

  uint64_t used_bytes() const { return accepted_ - handled_; }
  uint64_t window_bytes() const { return window_; }
  /// In memory.
  uint64_t kept_bytes() const { return kept_; }

private:
  struct item {
    std::string payload;
    uint64_t first_seq = 0;
    uint64_t last_seq = 0;
  };
  result<void> forget_received(uint64_t received);

  const cluster_service service_;
  uint64_t window_ = 0;
  uint64_t accepted_ = 0; ///< cost of all payloads of this session
  uint64_t handled_ = 0;
  uint64_t kept_ = 0;
  uint64_t last_seq_ = 0;     ///< given to a part
  uint64_t sent_seq_ = 0;     ///< written to some connection
  uint64_t received_seq_ = 0; ///< known to be received
  std::deque<item> items_;
  size_t next_ = 0;       ///< item and
  uint64_t part_seq_ = 0; ///< part to write next; meaningful while pending()
};

} // namespace broker::cluster

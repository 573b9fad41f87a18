// Heartbeats (AMQP 0-9-1 section 4.2.7; features.md W07): one is sent after half an interval without other output;
// after two silent intervals the peer is dead. Any traffic counts.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

namespace broker {

inline constexpr uint64_t never = std::numeric_limits<uint64_t>::max();

/// Times in monotonic milliseconds. Not thread-safe.
class liveness {
public:
  explicit liveness(uint64_t now) : heard_(now), sent_(now) {}

  /// Interval 0: neither sent nor expected.
  void start(uint16_t interval_s, uint64_t now) {
    interval_ms_ = uint64_t{interval_s} * 1000;
    heard_ = sent_ = now;
  }
  void heard(uint64_t now) { heard_ = now; }
  void sent(uint64_t now) { sent_ = now; }
  /// While nothing is read, silence proves nothing.
  void listening(bool active, uint64_t now) {
    listening_ = active;
    heard_ = now;
  }

  uint64_t last_heard() const { return heard_; }
  uint64_t last_sent() const { return sent_; }
  bool must_beat(uint64_t now) const { return beat_at() <= now; }
  bool peer_is_dead(uint64_t now) const { return dead_at() <= now; }
  uint64_t deadline() const { return std::min(beat_at(), dead_at()); }

private:
  uint64_t beat_at() const { return interval_ms_ == 0 ? never : sent_ + interval_ms_ / 2; }
  uint64_t dead_at() const { return interval_ms_ == 0 || !listening_ ? never : heard_ + 2 * interval_ms_; }

  uint64_t interval_ms_ = 0;
  uint64_t heard_;
  uint64_t sent_;
  bool listening_ = true;
};

} // namespace broker

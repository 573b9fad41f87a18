// What time decides for one replica: retries, the removal of slow mirrors and their return, repeated proposals, the
// last commit for idle mirrors (replication.md T10, T12, T14, T18; guarantees.md R7). Safety never rests on it. Times
// are monotonic milliseconds of the caller's clock.
#pragma once

#include <vector>

#include "replication/replica.hpp"

namespace broker::replication {

class replica_timers {
public:
  /// To be called every limits::replication_announce_ms or so while the replica is a master or waits for a recovery.
  void tick(uint64_t now_ms, replica& machine, effects& out);
  /// The next tick comes so much later than it should: for that time this process stood still (SIGSTOP, a machine that
  /// was suspended), and what others said meanwhile has not been read yet. Nobody is slow for it.
  void was_late(uint64_t ms);

private:
  struct watch {
    node_id node = 0;
    incarnation inc = 0;
    seqno match = 0;
    seqno copied = 0;
    uint64_t moved_ms = 0; ///< last progress, or since when there is anything to wait for
    uint64_t probed_ms = 0;
    uint64_t pardon_ms = 0; ///< 0: not barred
    uint32_t bar_ms = 0;    ///< how long the next removal bars it
  };
  struct mark {
    uint64_t at_ms = 0;
    seqno length = 0; ///< of the log at that time
  };

  void look_at(watch& one, const peer& now, uint64_t now_ms, replica& machine, effects& out);
  watch& watch_of(node_id node);
  void mark_length(uint64_t now_ms, seqno length);
  bool alone_behind(const peer& now, const replica& machine) const;

  std::vector<watch> watched_;
  std::vector<mark> lengths_; ///< rising; the first is the newest that is limits::replication_behind_ms old, if any is
  seqno due_ = 0;             ///< what was logged by then: everyone should have acknowledged it
  broker::epoch mastership_ = 0;
  isr_version pending_version_ = 0;
  uint64_t pending_ms_ = 0;
  uint64_t reported_ms_ = 0;
};

/// A node's right to deliver as a master: it has renewed its session with the metadata group lately (G5). Kept per
/// node. A session counts from when the renewal was *sent*, and ends a margin before the metadata group, which counts
/// from when it arrived, can let it expire: so an isolated master stops delivering before another one starts, as long
/// as their clocks run at the same speed within 5 %.
class session_lease {
public:
  void renewed(uint64_t sent_ms) noexcept { sent_ms_ = sent_ms > sent_ms_ || !any_ ? sent_ms : sent_ms_, any_ = true; }
  /// It is valid before this time; 0: it never was.
  uint64_t until_ms() const noexcept { return any_ ? sent_ms_ + limits::session_ms - limits::session_margin_ms : 0; }
  bool valid(uint64_t now_ms) const noexcept { return now_ms < until_ms(); }

private:
  uint64_t sent_ms_ = 0;
  bool any_ = false;
};

} // namespace broker::replication

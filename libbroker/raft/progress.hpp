// What a leader knows about one other member, and how it sends to it.
//
//   probe     finds where the logs agree: one empty append per heartbeat or answer, nothing else
//   pipeline  sends entries ahead of the answers, within a window; a rejected append leads back to probe
//   snapshot  the entries are gone from memory: chunks of the snapshot, one at a time
//
// A member that does not answer thus costs a heartbeat's worth of bytes, whatever it has missed.
#pragma once

#include <cstdint>
#include <deque>

#include "consensus/consensus.hpp"

namespace broker::raft {

/// A snapshot on its way to a member.
struct snapshot_transfer {
  uint64_t index = 0;
  uint64_t term = 0;
  consensus::membership members;
  uint64_t offset = 0; ///< of the next or outstanding chunk
  uint64_t size = 0;   ///< known with the first chunk read
  bool outstanding = false;
  consensus::time_ms sent_at = 0;
};

class progress {
public:
  enum class mode : uint8_t { probe, pipeline, snapshot };

  /// Of a member whose log is not known yet.
  progress(uint64_t leader_last, consensus::time_ms now) : next_(leader_last + 1), heard_(now) {}

  mode how() const noexcept { return mode_; }
  uint64_t match() const noexcept { return match_; } ///< durable there, and ours
  uint64_t next() const noexcept { return next_; }   ///< first entry not sent
  bool may_probe() const noexcept { return !probing_; }
  bool has_window(size_t appends_max, size_t bytes_max) const {
    return inflight_.size() < appends_max && inflight_bytes_ < bytes_max;
  }
  uint64_t commit_told() const noexcept { return commit_told_; }
  uint64_t round() const noexcept { return round_; } ///< newest heartbeat round answered
  consensus::time_ms heard() const noexcept { return heard_; }

  void note_answer(consensus::time_ms now, uint64_t round);
  /// At a heartbeat: what was not answered may be asked again.
  void may_probe_again() noexcept { probing_ = false; }
  void note_probe() noexcept { probing_ = true; }
  /// Entries up to `last` have been sent.
  void note_sent(uint64_t last, size_t bytes);
  void note_commit_told(uint64_t upto);
  /// An append was accepted: durable up to `match`, agreed up to `checked`.
  void note_accepted(uint64_t match, uint64_t checked);
  /// An append after `rejected` did not fit; the logs may agree at `hint`. False: an old answer that tells nothing.
  bool note_rejected(uint64_t rejected, uint64_t hint);

  void start_snapshot(const consensus::snapshot_meta& what);
  snapshot_transfer& transfer();
  /// The log reaches the member again: from match + 1 on.
  void end_snapshot();

private:
  struct sent {
    uint64_t last = 0;
    size_t bytes = 0;
  };
  void forget_inflight();

  mode mode_ = mode::probe;
  uint64_t match_ = 0;
  uint64_t next_;
  uint64_t commit_told_ = 0;
  uint64_t round_ = 0;
  consensus::time_ms heard_;
  bool probing_ = false;
  std::deque<sent> inflight_;
  size_t inflight_bytes_ = 0;
  snapshot_transfer transfer_;
};

} // namespace broker::raft

// One replica's ordered log of a queue: what is in it, what of it is on disk, and how it compares with another's.
// docs/internals/replication.md section 1; replication.md T7, T8, T16, T17; guarantees.md R5, G7.
//
// Model: entries form a chain; each run names its mastership and the crc over all before it, so a gap, a change or
// another order is visible. A lost tail is not: hence incarnations. The newest runs are in memory; those before them
// are known without their bodies, after a restart all of them; older ones only the disk has. Which mastership wrote
// which entries is known for all that may still be compared.
//
// A run without bodies (log_run::in_memory) has its bounds, mastership, origin and the chain at its end: what
// comparing, cutting off at its ends and de-duplication need. No more is ever needed of it: what is cut off begins
// where the logs of two masters part, and each master's first run begins where the log it took office with ended, at
// the end of a run. A value: copies are independent (bodies are shared). Not thread-safe; owned by one replica.
#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "replication/log_write.hpp"

namespace broker::replication {

class replica_log {
public:
  using writes = std::vector<log_write>;

  /// A log that nothing is known of: `empty_out` comes first.
  replica_log() = default;

  // -- recovery --
  /// Goes on from a checkpoint, whatever there was before. Error: it contradicts itself.
  result<void> resume(const log_checkpoint& from);
  /// Repeats a write found on disk; its publishes may come without bodies. Error: the writes do not fit (a damaged log,
  /// G7).
  result<void> replay(const log_write& what);
  /// All that was replayed is on disk; numbers start anew. `committed`: up to here entries are known to be committed,
  /// since the store has given up messages that they end.
  void recovered(seqno committed = 0);

  // -- changes; each appends what is to be written to `out` --
  /// Drops everything (T2, T19). `at`: the incarnation in which it happens.
  void empty_out(incarnation at, writes& out);
  /// The master's own: the next entries in its mastership. Fills in position and chain.
  const log_run& extend(broker::epoch mastership, log_run run, writes& out);
  /// A mirror's: exactly behind the end. Error: the chain does not fit; nothing has changed.
  result<void> append(const log_run& run, writes& out);
  /// Drops entries from `from` on (R5).
  void truncate(seqno from, writes& out);
  void begin_copy(log_base base, writes& out);
  void add_copied(std::vector<live_run> live, seqno upto, writes& out);
  void end_copy(writes& out);
  void forget(std::vector<seq_range> ended, writes& out);

  /// Every write up to `number` is on disk.
  void written(write_number number);
  /// Keeps at most `bytes` of committed entries in memory, and behind them at most `described` bytes of runs without
  /// their bodies; only entries up to `committed` may go.
  void trim(seqno committed, size_t bytes, size_t described);

  // -- what is in it --
  seqno length() const noexcept { return end_.seq; }
  log_position end() const noexcept { return end_; }
  /// Length of the common prefix of the log and what is on disk; 0 while a copy is unfinished.
  seqno durable() const noexcept { return durable_; }
  uint32_t chain() const noexcept { return chain_; }
  const dedupe_table& dedupe() const noexcept { return dedupe_; }
  incarnation emptied_at() const noexcept { return emptied_at_; }
  /// A copy has begun and not ended: there is a hole below `base`.
  bool copying() const noexcept { return copying_; }
  /// Up to here the copy is complete.
  seqno copied_upto() const noexcept { return copied_upto_; }
  /// The last entry whose body is not in memory.
  seqno memory_floor() const noexcept { return floor_; }
  /// The last entry of which not even the run is known; not above memory_floor(). It is committed.
  seqno described_floor() const noexcept { return start_; }
  /// What a copy must not reach below: the end of the entries this log took by copy (0: none).
  log_position copy_base() const noexcept { return base_; }
  /// What was known to be committed before a restart, or has left memory since: nobody cuts it off, and a master's
  /// office begins with it.
  seqno known_committed() const noexcept { return std::max(start_, committed_); }
  /// Mastership of an entry; 0: too far back to be told, which only committed entries are.
  broker::epoch mastership_at(seqno seq) const;
  /// The prev check (T7): is entry `at.seq` here and of the same mastership? What is too far back is committed, so it
  /// is.
  bool matches(log_position at) const;
  /// Chain after entry `seq`; nothing if that needs a body that is not in memory.
  std::optional<uint32_t> chain_at(seqno seq) const;
  /// The run that holds entry `seq`, or null below described_floor() and behind the end.
  const log_run* find(seqno seq) const;
  /// The known runs, rising, without gaps.
  const std::deque<log_run>& runs() const noexcept { return runs_; }
  /// May everything from `from` on be cut off? Not what is known to be committed, as everything is that came by copy;
  /// not in the middle of a run without bodies.
  bool can_truncate(seqno from) const;
  /// What someone must be given who is to start behind entry `seq`; all runs behind must be known, and the chain there.
  log_base base_at(seqno seq, seqno delivered_upto) const;
  /// The log as it is, in one piece, with the runs behind `committed`, or a little more of them.
  log_checkpoint checkpoint(seqno committed, seqno delivered_upto) const;
  /// Bytes of the entries (from, upto].
  size_t bytes_between(seqno from, seqno upto) const;

  /// Appends everything that future behaviour depends on, canonically: for explorers and trace hashes.
  void describe(std::string& out) const;

private:
  struct unsynced {
    write_number number = 0;
    seqno durable = 0; ///< the log's durable length once this is on disk
  };

  void take(const log_run& run);
  void keep(const log_run& run);
  log_run give_up_last();
  /// Of the oldest run that is in memory.
  void give_up_body();
  /// `chain`: at from - 1.
  void drop_from(seqno from, uint32_t chain);
  void truncate_to(seqno from, uint32_t chain);
  result<void> replay_append(const log_run& run);
  void start_from(const log_base& base);
  void write(writes& out, decltype(log_write::what) what, seqno durable);
  size_t index_of(seqno seq) const;

  std::deque<log_run> runs_;        ///< entries start_+1 .. end_.seq
  std::vector<epoch_start> epochs_; ///< rising; the first may begin behind entry 1
  dedupe_table dedupe_;             ///< at the end
  log_position end_;
  uint32_t chain_ = 0;       ///< at the end
  seqno floor_ = 0;          ///< entries up to here are not in memory
  seqno start_ = 0;          ///< runs up to here are not known
  uint32_t start_chain_ = 0; ///< at start_
  log_position base_;        ///< entries up to here came by copy
  seqno copied_upto_ = 0;
  seqno committed_ = 0; ///< recovered(), trim()
  bool copying_ = false;
  incarnation emptied_at_ = 0;
  size_t kept_bytes_ = 0;      ///< of runs_ behind floor_
  size_t described_bytes_ = 0; ///< of runs_ up to floor_, which is the end of one
  seqno durable_ = 0;
  write_number last_write_ = 0;
  std::deque<unsynced> unsynced_;
};

} // namespace broker::replication

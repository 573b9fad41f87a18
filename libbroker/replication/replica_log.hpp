// One replica's ordered log of a queue: what is in it, what of it is on disk, and how it compares with another's.
// docs/internals/replication.md section 1; replication.md T7, T8, T16, T17; guarantees.md R5, G7.
//
// Model: entries form a chain; each run names its mastership and the crc over all before it, so a gap, a change or
// another order is visible. A lost tail is not: hence incarnations. The newest runs are in memory, older ones only on
// disk; which mastership wrote which entries is known for all that may still be compared.
// A value: copies are independent (bodies are shared). Not thread-safe; owned by one replica.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "replication/log_write.hpp"

namespace broker::replication {

/// Entries from `first` up to the next one's were written by the master of `mastership`.
struct epoch_start {
  broker::epoch mastership = 0;
  seqno first = 0;
  friend bool operator==(const epoch_start&, const epoch_start&) = default;
};

class replica_log {
public:
  using writes = std::vector<log_write>;

  /// A log that nothing is known of: `empty_out` comes first.
  replica_log() = default;

  // -- recovery --
  /// Repeats a write found on disk. Error: the writes do not fit (a damaged log, G7).
  result<void> replay(const log_write& what);
  /// All that was replayed is on disk; numbers start anew.
  void recovered();

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
  void add_copied(std::vector<stored_run> live, seqno upto, writes& out);
  void end_copy(writes& out);
  void forget(std::vector<seq_range> ended, writes& out);

  /// Every write up to `number` is on disk.
  void written(write_number number);
  /// Keeps at most `bytes` of committed entries in memory; `committed` bounds what may go.
  void trim(seqno committed, size_t bytes);

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
  /// The last entry that is not in memory.
  seqno memory_floor() const noexcept { return floor_; }
  /// What a copy must not reach below: the end of the entries this log took by copy (0: none).
  log_position copy_base() const noexcept { return base_; }
  /// Mastership of an entry; 0: too far back to be told, which only committed entries are.
  broker::epoch mastership_at(seqno seq) const;
  /// The prev check (T7): is entry `at.seq` here and of the same mastership? What is too far back is committed, so it
  /// is.
  bool matches(log_position at) const;
  /// Chain after entry `seq`; nothing if that needs a body that is not in memory.
  std::optional<uint32_t> chain_at(seqno seq) const;
  /// The run in memory that holds entry `seq`, or null.
  const log_run* find(seqno seq) const;
  /// The runs in memory, rising, without gaps.
  const std::deque<log_run>& runs() const noexcept { return runs_; }
  /// What someone must be given who is to start behind entry `seq`; all entries behind must be in memory.
  log_base base_at(seqno seq, seqno delivered_upto) const;
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
  void drop_from(seqno from);
  void start_from(const log_base& base);
  void write(writes& out, decltype(log_write::what) what, seqno durable);
  size_t index_of(seqno seq) const;

  std::deque<log_run> runs_;        ///< entries floor_+1 .. end_.seq
  std::vector<epoch_start> epochs_; ///< rising; the first may begin behind entry 1
  dedupe_table dedupe_;             ///< at the end
  log_position end_;
  uint32_t chain_ = 0;       ///< at the end
  seqno floor_ = 0;          ///< entries up to here are not in memory
  uint32_t floor_chain_ = 0; ///< at floor_
  log_position base_;        ///< entries up to here came by copy
  seqno copied_upto_ = 0;
  bool copying_ = false;
  incarnation emptied_at_ = 0;
  size_t kept_bytes_ = 0; ///< of runs_
  seqno durable_ = 0;
  write_number last_write_ = 0;
  std::deque<unsynced> unsynced_;
};

} // namespace broker::replication

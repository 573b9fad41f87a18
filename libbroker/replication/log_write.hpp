// What a replica writes to its disk, in order. The store writes these records into the journal, syncs them together
// with everyone else's (group commit) and answers with the number of the last one that is on disk. After a crash a
// prefix of them is found again; replayed in order they make the log (replica_log::replay).
#pragma once

#include <memory>
#include <variant>
#include <vector>

#include "replication/dedupe_table.hpp"
#include "replication/entry.hpp"

namespace broker::replication {

/// Everything a log needs to know of what lies below its first entry.
struct log_base {
  log_position end;   ///< the last entry that is not in the log itself
  uint32_t chain = 0; ///< crc chain after it
  dedupe_table dedupe;
  seqno delivered_upto = 0;
  friend bool operator==(const log_base&, const log_base&) = default;
};

/// The log is empty from now on: a new queue, or one whose copy was given up. A later `recover` may take this replica
/// only if the in-sync set lists it under `at` or later: whatever it was listed for before is gone (T18).
struct log_emptied {
  incarnation at = 0;
};
struct log_appended {
  log_run run;
};
/// Entries from `from` on are gone (R5). Until this is on disk a crash brings them back.
struct log_truncated {
  seqno from = 0;
  uint32_t chain = 0; ///< crc chain at from - 1: after a restart it may lie in the middle of a run without bodies
};
/// From now on the log has a hole below its base (T16): a restart that finds no `log_copy_ended` empties it.
struct log_copy_begun {
  std::shared_ptr<const log_base> base;
};
/// Live messages below the base, in order; up to `upto` the copy is complete.
struct log_copied {
  std::vector<live_run> live;
  seqno upto = 0;
};
struct log_copy_ended {};
/// Messages whose settle or purge is committed: their bodies need not be kept. Never waited on.
struct log_forgotten {
  std::vector<seq_range> ended;
};

struct log_write {
  write_number number = 0;
  std::variant<log_emptied, log_appended, log_truncated, log_copy_begun, log_copied, log_copy_ended, log_forgotten>
    what;
};

/// Entries from `first` up to the next one's were written by the master of `mastership`.
struct epoch_start {
  broker::epoch mastership = 0;
  seqno first = 0;
  friend bool operator==(const epoch_start&, const epoch_start&) = default;
};

/// A whole log at one moment: what all writes before it made of it, so that they need not be kept. Everything up to
/// base.end is committed; the runs behind it come without bodies.
struct log_checkpoint {
  log_base base;
  std::vector<epoch_start> epochs; ///< rising
  std::vector<log_run> runs;
  log_position copy_base;
  seqno copied_upto = 0;
  bool copying = false;
  incarnation emptied_at = 0;
};

} // namespace broker::replication

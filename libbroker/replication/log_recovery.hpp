// What the store found of a replica's log after a start, put together again (T17, guarantees.md G7). Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "ports/message_store.hpp"
#include "replication/log_numbers.hpp"
#include "replication/log_record.hpp"
#include "replication/replica_log.hpp"

namespace broker::replication {

struct recovered_log {
  replica_log log; ///< for the replica; no body is in memory
  log_numbers numbers;
  /// Live messages by entry, rising: what the queue holds. A settle that is not known to be committed ends none of them
  /// (replica::ended_above_commit).
  std::vector<recovered_run> live;
  seqno delivered_upto = 0; ///< everything below has been delivered once (G2)
  /// Stored numbers of messages that are left of entries that were never logged, cut off, or ended.
  std::vector<seq_range> settled;
  size_t records = 0; ///< since the log last began anew
  /// A record that is to be written before anything else: these are the messages of a queue that was not replicated, or
  /// the log begins.
  std::string adoption{};
};

/// Of a queue the store knows nothing of. Whatever a replica acknowledges is on disk before, and dropped only when no
/// in-sync set lists it: so this one has had nothing that anybody counts on, whenever it was listed, and may tell so in
/// a recovery (T18). Not for a log that was lost or given up.
recovered_log begin_log();

/// What recover_log() has refused. The replica begins with an empty log, under a new incarnation (T19); the record that
/// says so takes the place of the old log in one step, so that a crash in between leaves the damage to be seen.
recovered_log discard_log(const recovered_queue& found);

/// Error: what was found does not fit together, and how (discard_log).
result<recovered_log> recover_log(const recovered_queue& found);

/// What is found is a queue's that was not replicated before (Q10): its messages become the log of its first replica,
/// written by the master of `mastership`. Entries have the numbers that the messages have in the store.
result<recovered_log> adopt_queue(const recovered_queue& found, broker::epoch mastership);

} // namespace broker::replication

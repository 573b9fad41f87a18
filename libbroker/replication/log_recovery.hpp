// What the store found of a replica's log after a start, put together again (T17, guarantees.md G7). Pure.
#pragma once

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
};

/// Error: what was found does not fit together, and how: the replica comes again empty, under a new incarnation (T19).
/// A queue of which nothing was found has an empty log.
result<recovered_log> recover_log(const recovered_queue& found);

} // namespace broker::replication

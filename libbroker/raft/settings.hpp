// What a member of a group is configured with.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/limits.hpp"
#include "base/raft_limits.hpp"
#include "base/result.hpp"
#include "consensus/consensus.hpp"

namespace broker::raft {

struct settings {
  consensus::node_id self = 1;
  /// The members of a new group, the same at each of them. Empty at a node that joins. Counts only until the group's
  /// first leader has written it into the log.
  consensus::membership bootstrap{{1}, {}};
  uint64_t seed = 1; ///< of the election timeouts; different at each member

  consensus::time_ms heartbeat_ms = limits::raft_heartbeat_ms;
  consensus::time_ms election_min_ms = limits::raft_election_min_ms;
  consensus::time_ms election_max_ms = limits::raft_election_max_ms;
  consensus::time_ms snapshot_retry_ms = limits::raft_snapshot_retry_ms;

  size_t proposals_max = limits::metadata_proposals_max; ///< also of reads
  size_t proposal_bytes_max = limits::raft_proposal_bytes;
  size_t append_bytes_max = limits::raft_append_bytes;
  size_t inflight_appends_max = limits::raft_inflight_appends_max;
  size_t inflight_bytes_max = limits::raft_inflight_bytes;
  size_t chunk_bytes = limits::raft_chunk_bytes;
  size_t snapshot_after_entries = limits::metadata_snapshot_entries;
  size_t trailing_entries = limits::raft_trailing_entries;
};

/// Error: which value is out of its bounds.
result<void> check(const settings& what);

} // namespace broker::raft

#include "raft/settings.hpp"

#include "raft/membership.hpp"

namespace broker::raft {

result<void> check(const settings& what) {
  if (what.self == 0)
    return error{0, "raft: 0 is nobody's id"};
  if (what.bootstrap != membership{} && !is_valid(what.bootstrap))
    return error{0, "raft: the members to start with are not valid"};
  if (what.heartbeat_ms == 0 || what.heartbeat_ms * 2 > what.election_min_ms)
    return error{0, "raft: the heartbeat must be at most half of the shortest election timeout"};
  if (what.election_max_ms <= what.election_min_ms)
    return error{0, "raft: election timeouts need a range to be drawn from"};
  if (what.snapshot_retry_ms < what.heartbeat_ms)
    return error{0, "raft: snapshot chunks are sent again at heartbeats"};
  if (what.proposals_max == 0 || what.proposal_bytes_max == 0 || what.snapshot_after_entries == 0)
    return error{0, "raft: nothing could be proposed"};
  if (what.append_bytes_max == 0 || what.append_bytes_max > limits::raft_entry_max_bytes)
    return error{0, "raft: an append must fit a message"};
  if (what.inflight_appends_max == 0 || what.inflight_bytes_max == 0)
    return error{0, "raft: nothing could be sent"};
  if (what.chunk_bytes == 0 || what.chunk_bytes > limits::raft_chunk_bytes)
    return error{0, "raft: a chunk must fit a message"};
  return {};
}

} // namespace broker::raft

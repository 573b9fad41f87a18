// What one step of a replica asks its actor to do, in this order: write, then send, propose, read; then tell queue and
// channels. A step never waits.
#pragma once

#include <vector>

#include "replication/messages.hpp"
#include "replication/placement.hpp"

namespace broker::replication {

struct outgoing {
  node_id to = 0;
  envelope message;
};

/// The master needs what is no longer in memory. Answered by replica::log_read or replica::live_read; one of its
/// queue's own goes to the queue.
struct read_order {
  node_id peer = 0;
  uint64_t ticket = 0; ///< to be given back: an answer to what is not wanted any more is recognised by it
  bool live = false;   ///< live messages below a copy's base; otherwise log entries
  seqno from = 0;
  seqno upto = 0; ///< at most up to here
  size_t max_bytes = 0;
  bool own = false; ///< for the queue itself, which knows best what has ended: that may be among the answer
};

struct effects {
  std::vector<log_write> writes; ///< to the store, in order, before anything else
  std::vector<outgoing> sends;
  std::vector<placement_command> proposals; ///< to the metadata group, for this queue
  std::vector<read_order> reads;
  seqno committed = 0;      ///< not 0: everything up to here is committed; confirm and deliver it
  bool took_office = false; ///< build the queue from the log; channels may publish
  bool deposed = false;     ///< consumers and channels go to the new master
  /// Move the log to quarantine, come again with an empty one under a new incarnation (T19, G7).
  bool damaged = false;
  bool start_over = false; ///< the same without quarantine: the log is sound, only too old

  void clear() { *this = {}; }
};

} // namespace broker::replication

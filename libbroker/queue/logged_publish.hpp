// A publish whose messages the store holds already: an entry of a replicated queue's log
// (docs/internals/replication.md).
#pragma once

#include "channel/protocol.hpp"

namespace broker {

/// Where such messages are, and what was decided of them when they entered the log.
struct place_in_log {
  seqno first = 0;          ///< number of message `lo` of the batch; 0: in no log, the queue numbers it
  uint32_t lo = 0;          ///< start of the publish's only slice
  uint64_t deadline_ms = 0; ///< on the clock of queue_state::handle; 0 = never
  uint8_t priority = 0;
};
struct logged_publish {
  publish_request request; ///< of one slice
  place_in_log place;
};

} // namespace broker

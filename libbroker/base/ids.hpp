// Names for the numbers that travel through the broker.
#pragma once

#include <cstdint>

namespace broker {

/// AMQP channel number, 1..channel_max; 0 is the connection itself.
using channel_number = uint16_t;
/// Identity of a queue for ever: never reused, not even for a queue of the same name (guarantees.md F22).
using queue_id = uint64_t;
/// Position of a message in its queue's log, dense from 1 per queue (architecture.md section 5).
using seqno = uint64_t;
/// AMQP delivery tag, dense from 1 per channel.
using delivery_tag = uint64_t;
/// Number of a publish on its channel in confirm mode, dense from 1 (features.md W67).
using confirm_number = uint64_t;
/// Mastership number of a queue (guarantees.md G4); always 1 until queues are mirrored.
using epoch = uint64_t;
/// Connections are numbered from 1 per node start.
using connection_id = uint64_t;

/// Half-open range [first, last) of sequence-like numbers.
struct seq_range {
  uint64_t first = 0;
  uint64_t last = 0;

  uint64_t size() const noexcept { return last - first; }
  friend bool operator==(const seq_range&, const seq_range&) = default;
};

} // namespace broker

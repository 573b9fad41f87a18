// What list_queues can show of a queue beside its counts (features.md O05).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/ids.hpp"

namespace broker {

/// A consumer, as lists name it.
struct consumer_place {
  std::string tag;
  std::string node; ///< of its connection; "" = the queue's
  connection_id connection = 0;
  channel_number channel = 0;
};

struct queue_details {
  uint64_t ready_in_memory = 0; ///< messages whose bodies are in memory
  uint64_t unacknowledged_in_memory = 0;
  uint64_t bytes_in_memory = 0;             ///< of their bodies
  uint64_t bytes_persistent = 0;            ///< bodies of the messages that survive a restart
  std::optional<uint64_t> head_timestamp_s; ///< property of the next message, if it has one and is in memory
  uint64_t disk_reads = 0;                  ///< messages, since the node has started or the queue was declared
  uint64_t disk_writes = 0;
  std::optional<double> consumer_capacity; ///< see consumer_use; nothing without consumers
  std::optional<consumer_place> exclusive_consumer;
};

} // namespace broker

// What operators are shown of a queue and its consumers (list_queues, list_consumers), as its actor tells it and as it
// travels between nodes.
#pragma once

#include <cstdint>
#include <string>

#include "amqp/field_table.hpp"
#include "base/ids.hpp"
#include "metadata/snapshot.hpp"
#include "queue/queue_details.hpp"

namespace broker {

/// list_queues.
struct queue_report {
  queue_ptr queue;
  uint64_t ready = 0;
  uint64_t unacknowledged = 0;
  uint64_t persistent = 0;
  uint64_t ready_bytes = 0;
  uint64_t unacknowledged_bytes = 0;
  uint64_t memory_bytes = 0;
  uint64_t consumers = 0;
  bool flow = false; ///< it withholds publishers' credit (O47)
  bool down = false; ///< its node does not answer: nothing else is known
  queue_details details;
};

/// list_consumers; `active` as RabbitMQ shows it.
struct consumer_report {
  queue_ptr queue;
  std::string tag;
  std::string node; ///< of the connection; "" = the queue's
  connection_id connection = 0;
  channel_number channel = 0;
  bool ack_required = true;
  bool exclusive = false;
  bool active = true;
  std::string activity_status; ///< "up", "single_active", "waiting"
  uint16_t prefetch = 0;
  int32_t priority = 0;
  uint64_t unacknowledged = 0;
  amqp::field_table arguments;
};

} // namespace broker

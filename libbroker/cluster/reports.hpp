// What operators are shown of queues, consumers, channels and connections (list_queues and so on), as their actors and
// sessions tell it; that of queues and consumers also travels between nodes.
#pragma once

#include <cstdint>
#include <string>

#include "amqp/field_table.hpp"
#include "base/ids.hpp"
#include "metadata/snapshot.hpp"
#include "model/message_counts.hpp"
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
  /// Fewer copies are in sync than it needs to confirm (R7), or its node has no majority (G5): publishes wait.
  bool minority = false;
  bool down = false;   ///< it has no master that answers: nothing else is known, unless `copied`
  bool copied = false; ///< down: `ready` is how many messages a copy of it has
  queue_details details;
  counts_report messages; ///< since the node has started or the queue was declared
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
  std::string activity_status = "up"; ///< "up", "single_active", "waiting"
  uint16_t prefetch = 0;
  int32_t priority = 0;
  uint64_t unacknowledged = 0;
  amqp::field_table arguments;
};

/// list_channels.
struct channel_report {
  connection_id connection = 0;
  channel_number number = 0;
  std::string user;
  std::string vhost;
  bool confirm = false;
  bool transactional = false;
  uint64_t consumers = 0;
  uint64_t unacknowledged = 0;
  uint64_t unconfirmed = 0;
  uint64_t uncommitted = 0;
  uint64_t uncommitted_acks = 0;
  uint64_t prefetch = 0;
  uint64_t global_prefetch = 0;
  uint64_t queues_declared = 0; ///< through it
  counts_report messages;
};

/// list_connections.
struct session_report {
  connection_id id = 0;
  std::string name; ///< "127.0.0.1:51234 -> 127.0.0.1:5672"
  std::string user;
  std::string auth_mechanism;
  std::string vhost;
  std::string state;
  size_t channels = 0;
  uint16_t channel_max = 0;
  uint32_t frame_max = 0;
  uint16_t heartbeat_s = 0;
  amqp::field_table client_properties;
  uint64_t received_bytes = 0;
  uint64_t sent_bytes = 0;
  uint64_t reads = 0; ///< from the socket
  uint64_t writes = 0;
  int64_t connected_at_ms = 0; ///< since 1970
};

} // namespace broker

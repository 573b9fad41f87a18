// What actors of one node say to each other: one message per batch (architecture.md D4). Contents are the core's own
// types (channel/protocol.hpp). They are node-local and travel as parcels; messages between nodes get serialisable
// types with the cluster transport.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "actors/caf.hpp"
#include "base/ids.hpp"
#include "channel/protocol.hpp"
#include "metadata/command.hpp"
#include "metadata/snapshot.hpp"
#include "queue/queue_details.hpp"

namespace broker {

// -- to a channel
// -------------------------------------------------------------------------------------------------------

using channel_input_msg = parcel<channel_input>;
using queue_events_msg = parcel<std::vector<queue_event>>;
/// From another channel of this node (W69).
using direct_reply_msg = parcel<direct_reply>;
/// The queue's actor has ended; see channel_state::queue_gone.
struct queue_gone_msg {
  queue_id queue = 0;
};
struct channel_tick_msg {};
struct channel_stop_msg {};

// -- to a queue
// ---------------------------------------------------------------------------------------------------------

using queue_request_msg = parcel<queue_request>;
struct queue_durable_msg {
  seqno upto = 0;
};
struct queue_paged_msg {
  seqno upto = 0;
};
using queue_read_msg = parcel<std::vector<stored_run>>;
/// Time to look at what has expired; the metadata sends the first. `due_ms` tells the timer that counts from those that
/// an earlier one has replaced.
struct queue_tick_msg {
  uint64_t due_ms = 0;
};
/// The queue's record has been replaced: same id, new options (policies, O29).
struct queue_changed_msg {
  queue_ptr record;
};
/// The node has come under memory pressure.
struct queue_pressure_msg {};
/// To itself: its deletion is to be proposed again.
struct queue_unused_msg {};
/// The metadata no longer knows the queue.
struct queue_deleted_msg {};
struct queue_retired_msg {};

// -- to the metadata
// ----------------------------------------------------------------------------------------------------

/// A change and who hears of its outcome; the call-back runs in the metadata actor and must only send.
struct proposal {
  command what;
  std::function<void(command_result)> done;
};
using propose_msg = parcel<proposal>;
struct metadata_flush_msg {};
/// To the proposing channel.
using command_result_msg = parcel<command_result>;

// -- to a connection
// ----------------------------------------------------------------------------------------------------

struct channel_started_msg {
  caf::actor channel;
};
/// Stop the channels, delete the exclusive queues, then tell the session.
struct connection_teardown_msg {};
/// A vhost or a user has been deleted (the other name is empty): close if it is this connection's.
struct connection_evicted_msg {
  std::string vhost;
  std::string user;
};

// -- what operators ask
// -------------------------------------------------------------------------------------------------

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
  queue_details details;
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
};
/// list_consumers; `active` as RabbitMQ shows it.
struct consumer_report {
  queue_ptr queue;
  std::string tag;
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
using consumer_report_request = parcel<std::function<void(std::vector<consumer_report>)>>;
using queue_report_request = parcel<std::function<void(queue_report)>>;
using channel_report_request = parcel<std::function<void(channel_report)>>;

} // namespace broker

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::queue_gone_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::channel_tick_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::channel_stop_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::queue_durable_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::queue_paged_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::queue_tick_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::queue_changed_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::queue_pressure_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::queue_unused_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::queue_deleted_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::queue_retired_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::metadata_flush_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::channel_started_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::connection_teardown_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::connection_evicted_msg)

// What actors of one node say to each other: one message per batch (architecture.md D4). Contents are the core's own
// types (channel/protocol.hpp). They are node-local and travel as parcels; messages between nodes get serialisable
// types with the cluster transport.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/caf.hpp"
#include "actors/move_watchers.hpp"
#include "base/ids.hpp"
#include "channel/protocol.hpp"
#include "cluster/reports.hpp"
#include "consensus/consensus.hpp"
#include "metadata/command.hpp"
#include "metadata/snapshot.hpp"
#include "queue/queue_look.hpp"
#include "replication/messages.hpp"

namespace broker {

// -- to a channel
// -------------------------------------------------------------------------------------------------------

using channel_input_msg = parcel<channel_input>;
/// For the channel `channel`: its actor, or the bridge that stands for it where the queue is.
struct addressed_events {
  uint64_t channel = 0; ///< channel_address::id
  std::vector<queue_event> events;
  epoch mastership = 0; ///< of a replicated queue: of the master that says so; see channel_state::event
};
using queue_events_msg = parcel<addressed_events>;
/// From another channel of this node (W69).
using direct_reply_msg = parcel<direct_reply>;
/// The queue's actor has ended; see channel_state::queue_gone.
struct queue_gone_msg {
  queue_id queue = 0;
};
/// The node of the queue is down or out of reach; see channel_state::queue_unreachable. Also to queues whose dead
/// letters go there.
struct queue_unreachable_msg {
  queue_id queue = 0;
  error why;            ///< 404, for clients
  epoch mastership = 0; ///< of a replicated queue: of the master that is out of reach
};
/// To channels, and to queues whose dead letters go there: these replicated queues have another master, or their node
/// can be reached again; see channel_state::queue_moved. The directory knows it before.
using queues_moved_msg = parcel<std::shared_ptr<const std::vector<queue_move>>>;
/// `due_ms` tells the timer that counts from those that an earlier one has replaced.
struct channel_tick_msg {
  uint64_t due_ms = 0;
};
struct channel_stop_msg {};

// -- to a queue
// ---------------------------------------------------------------------------------------------------------

/// For the queue `queue`: its actor, or the bridge to the node where it lives.
struct addressed_request {
  queue_id queue = 0;
  queue_request request;
  /// Of a replicated queue: for this master of it, and for no other; 0: for whoever it is.
  epoch mastership = 0;
};
using queue_request_msg = parcel<addressed_request>;
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
/// The queue's record has been replaced: same id, new options (policies, O29). To a bridge: a queue of its node, also
/// when it is new.
struct queue_changed_msg {
  queue_ptr record;
};
/// To bridges: the snapshot names queues of this node that it did not name before, or no longer names some.
struct queues_known_msg {};
/// The node has come under memory pressure.
struct queue_pressure_msg {};
/// To itself: its deletion is to be proposed again.
struct queue_unused_msg {};
/// The metadata no longer knows the queue.
struct queue_deleted_msg {
  queue_id queue = 0;
};
struct queue_retired_msg {};

// -- to a replica of a queue (docs/internals/replication.md)
// -------------------------------------------------------------------------------------------------------

/// From its replica on another node.
struct replica_mail {
  replication::node_id from = 0;
  replication::envelope message;
  /// Shared by what came in one frame: the sender's window gets its room back when all of it has been dealt with (D13).
  std::shared_ptr<void> lease = {};
};
using replica_mail_msg = parcel<replica_mail>;
/// After replica_links::room has refused, or after a break: sends to this node may be pulled.
struct replica_room_msg {
  replication::node_id node = 0;
};
/// The snapshot has another record of its queue, or nodes have come or gone (T1).
struct replica_look_msg {};
/// Now and then: channels that have published nothing since the last time are forgotten.
struct replica_forget_idle_msg {};
/// This node is to have no replica of the queue any more, as of that record; the queue lives on.
struct replica_unwanted_msg {
  queue_ptr record;
  snapshot_ptr metadata;
};
/// Of the store, to a replica: see store_client.
struct replica_logged_msg {
  uint64_t upto = 0;
};
struct replica_read {
  std::vector<stored_run> runs;
  std::vector<message_facts> facts;
};
using replica_read_msg = parcel<replica_read>;
/// All that a queue had that was not replicated so far, from its actor, which has left the store.
using replica_content_msg = parcel<recovered_queue>;
/// To that actor: everything it has, and everybody who asks it, goes to this replica.
struct queue_converted_msg {
  caf::actor replica;
};
/// A master is to hand over to a mirror that is in sync (U05); nothing happens if it is not, or is no master.
struct replica_hand_over_msg {
  replication::node_id to = 0;
  epoch mastership = 0; ///< of the master that is meant
};

// -- to the metadata
// ----------------------------------------------------------------------------------------------------

/// A change and who hears of its outcome; the call-back runs in the metadata actor and must only send.
struct proposal {
  command what;
  std::function<void(command_result)> done;
};
using propose_msg = parcel<proposal>;
struct metadata_flush_msg {};
struct metadata_tick_msg {
  uint64_t due_ms = 0; ///< as queue_tick_msg
};
/// Answered with success when the snapshot has everything that was answered on any node before; else 541.
struct metadata_read {
  std::function<void(command_result)> done;
};
using metadata_read_msg = parcel<metadata_read>;
/// How the node stands in its cluster's consensus group; for operators.
struct metadata_status {
  uint64_t cluster = 0;
  uint64_t self = 0;  ///< node_record::id
  std::string leader; ///< "": none is known
  uint64_t term = 0;
  uint64_t applied = 0;
  uint64_t committed = 0;
  consensus::membership members; ///< node_record::id
};
using metadata_status_msg = parcel<std::function<void(metadata_status)>>;
/// If this node leads the group, another one is to. Answered with success when this one does not lead (any more).
struct metadata_hand_over {
  std::function<void(result<void>)> done;
  int tries = 5; ///< rounds over the candidates: a change of the group's members comes first
};
using metadata_hand_over_msg = parcel<metadata_hand_over>;
/// Masters of these replicated queues are to be spread evenly over the nodes that run. Answered when none is on the
/// move any more; with an error while an earlier order of this node is under way.
struct metadata_rebalance {
  std::function<bool(const queue_record&)> which; ///< runs in the metadata actor
  std::function<void(result<void>)> done;         ///< likewise, and must only send
};
using metadata_rebalance_msg = parcel<metadata_rebalance>;
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

/// About one queue; `answer` runs in the actor that knows and must only send or store. Dropped unasked when there is no
/// answer: the queue is gone, or (consumers only) its node is down.
template<class Answer>
struct report_request {
  queue_id queue = 0;
  std::function<void(Answer)> answer;
  bool is_sample = false; ///< a round of samples asks; of a queue, and not again before it is touched
};
using consumer_report_request = parcel<report_request<std::vector<consumer_report>>>;
using queue_report_request = parcel<report_request<queue_report>>;
using channel_report_request = parcel<std::function<void(channel_report)>>;

/// To a queue of this node, what an operator wants to see of it. Dropped unasked, as reports are, when it is not the
/// master, has ended, or too many look.
struct queue_look {
  look_order order;
  std::function<void(look_answer)> answer;
};
using queue_look_request = parcel<queue_look>;
using queue_flow_request = parcel<std::function<void(queue_flow)>>;

/// What replicas of one queue must agree on when nothing is under way; for tests and simulation, which compare them.
struct replica_audit {
  epoch mastership = 0;
  bool master = false;
  seqno committed = 0;
  uint64_t messages = 0; ///< that its log holds
  uint64_t digest = 0;   ///< of their numbers, deadlines and priorities
};
/// The answer comes in the replica's thread, after it has checked its own invariants. None while it waits for its
/// content.
using replica_audit_request = parcel<std::function<void(const replica_audit&)>>;

} // namespace broker

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::queue_gone_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::queue_unreachable_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::channel_tick_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::channel_stop_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::queue_durable_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::queue_paged_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::queue_tick_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::queue_changed_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::queues_known_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::queue_pressure_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::queue_unused_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::queue_deleted_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::queue_retired_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::queue_converted_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::replica_room_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::replica_look_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::replica_forget_idle_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::replica_unwanted_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::replica_logged_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::replica_hand_over_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::metadata_flush_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::metadata_tick_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::channel_started_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::connection_teardown_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::connection_evicted_msg)

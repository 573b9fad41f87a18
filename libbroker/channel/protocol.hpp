// What session, channel and queue say to each other: one message per batch, never one per AMQP frame (architecture.md
// D4).
//
//   session --channel_input--> channel --queue_request--> queue
//   session <--outgoing------- channel <--queue_event---- queue
//
// All of it is plain data. Handles to actors are opaque to the core: a `channel_address` is what a queue answers to,
// and the actor layer derives from it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "amqp/method.hpp"
#include "base/ids.hpp"
#include "base/ref_counted.hpp"
#include "model/message.hpp"
#include "replication/types.hpp"

namespace broker {

/// Where a queue's events for one channel go. The actor layer derives from it and keeps the actor's handle.
class channel_address : public ref_counted {
public:
  explicit channel_address(uint64_t identity) : id(identity) {}
  /// Unique per node start; never reused.
  const uint64_t id;
};
using channel_ref = ref<channel_address>;

/// Who gives a window its places when its channel is on another node.
class place_lender : public ref_counted {
public:
  /// A queue could have handed out `messages` more. Any thread.
  virtual void wanted(uint32_t messages) noexcept = 0;
};

/// Prefetch shared by all consumers of a channel (basic.qos global=true, W61). Written by the channel, read and counted
/// up by queues, counted down by the channel. limit 0 = none.
struct prefetch_window : ref_counted {
  std::atomic<uint32_t> limit{0};
  std::atomic<int64_t> unacked{0};
  /// Asked when a queue finds no place. Null on the channel's own node. Constant once the window is shared.
  ref<place_lender> lender;
};

/// One basic.consume, shared by its channel, its queue and its session. Constant but for the counters.
struct consumer final : ref_counted {
  std::string tag;
  channel_ref channel;
  channel_number channel_id = 0;
  connection_id connection = 0;
  queue_id queue = 0;
  std::string queue_name;
  bool no_ack = false;
  bool exclusive = false;
  uint16_t prefetch = 0; ///< own limit, 0 = none; basic.qos global=false in force when it began (W61)
  int32_t priority = 0;  ///< x-priority (W62)
  ref<prefetch_window> window;
  amqp::field_table arguments; ///< as given with basic.consume

  /// Flow by counters (hotpath.md rule 5): the queue adds what it hands out, the session subtracts what it has written.
  std::atomic<int64_t> unwritten_bytes{0};
  /// Set by the queue when it passes the consumer by for unwritten_bytes; the session then owes it a `consumer_ready`.
  std::atomic<bool> starved{false};
};
using consumer_ref = ref<consumer>;

// -- session to channel
// -------------------------------------------------------------------------------------------------

/// One step of a channel, in the order of the wire. Publishes and acks are runs cut by the parser.
struct channel_op {
  enum class kind : uint8_t {
    publish, ///< batch messages [lo, hi): same exchange, routing key and flags
    ack,     ///< delivery tags [first, last]; `multiple` means everything up to `last` (tag 0: all)
    method,  ///< anything else
  };
  kind what = kind::method;
  bool multiple = false;
  uint32_t lo = 0;
  uint32_t hi = 0;
  delivery_tag first = 0;
  delivery_tag last = 0;
  std::unique_ptr<amqp::method> method;
};

/// Everything one read brought for one channel.
struct channel_input {
  /// Never null: carries the cost of everything in `ops` (limits::method_overhead_bytes each) and one hold, which the
  /// channel releases when it has executed all of them; so a waiting channel slows its client down (D13).
  batch_ref batch;
  std::vector<channel_op> ops;
};

// -- channel to queue
// ---------------------------------------------------------------------------------------------------

/// Who publishes to a replicated queue, so that what is sent again is recognised (G2; replication::publish_order).
struct publish_origin {
  replication::channel_id channel; ///< none: never sent again
  uint64_t prev = 0;               ///< the channel's publish to this queue before these, 0 = none
};

/// Publishes routed to this queue. The channel has called batch->hold() for this queue.
struct publish_request {
  batch_ref batch;
  std::vector<slice> slices;
  channel_ref channel;
  bool confirm = false; ///< answer with `confirmed`
  publish_origin from{};
};
struct settle_request {
  enum class kind : uint8_t { ack, reject, requeue };
  kind what = kind::ack;
  channel_ref channel;
  consumer_ref by;             ///< null: messages fetched with basic.get
  std::vector<seq_range> seqs; ///< rising, within what this channel holds unacked
};
struct consume_request {
  consumer_ref who;
};
struct cancel_request {
  consumer_ref who;
};
/// Given by the channel, in the answer as in the request: one that was asked again may be answered twice.
using question_number = uint64_t;
struct get_request {
  channel_ref channel;
  bool no_ack = false;
  question_number question = 0;
};
struct purge_request {
  channel_ref channel;
  question_number question = 0;
};
/// Asks for `queue_status`; counts as use of the queue.
struct status_request {
  channel_ref channel;
  question_number question = 0;
};
/// Checks the conditions and, if they hold, closes the queue to everything but deletion; answers `delete_checked`.
struct delete_request {
  channel_ref channel;
  bool if_unused = false;
  bool if_empty = false;
  question_number question = 0;
};
/// The channel is gone: cancel its consumers, requeue what it had unacked.
struct channel_gone {
  channel_ref channel;
  replication::channel_id publisher{}; ///< it sends nothing again: a replicated queue may forget it; none: never did
};
/// The session has written what starved this consumer, or the channel's prefetch window has room again.
struct consumer_ready {
  consumer_ref who;
};
using any_queue_request = std::variant<publish_request, settle_request, consume_request, cancel_request, get_request,
                                       purge_request, status_request, delete_request, channel_gone, consumer_ready>;
/// A class for the reason of amqp::method.
class queue_request : public any_queue_request {
public:
  using any_queue_request::any_queue_request;
  using any_queue_request::operator=;
  queue_request();
  queue_request(const queue_request& other);
  queue_request(queue_request&& other) noexcept;
  queue_request& operator=(const queue_request& other);
  queue_request& operator=(queue_request&& other) noexcept;
  ~queue_request();
};

// -- queue to channel
// ---------------------------------------------------------------------------------------------------

/// Messages batch[where] with sequence numbers first.. for a consumer.
struct delivered {
  consumer_ref who;
  stored_run run;
  bool redelivered = false;
  size_t bytes = 0; ///< what the queue added to who->unwritten_bytes; the session subtracts exactly this
};
/// Publishes with confirm numbers in `numbers` are as safe as promised (G1), or refused by the queue.
struct confirmed {
  queue_id queue = 0; ///< which queue says so: after `queue_gone` a late answer of it must not count twice
  seq_range numbers;
  bool rejected = false; ///< basic.nack
};
struct got {
  queue_id queue = 0;
  stored_run run; ///< one message; run.batch null means the queue was empty
  bool redelivered = false;
  bool no_ack = false;
  uint32_t messages_left = 0;
  question_number question = 0;
};
struct consume_done {
  consumer_ref who;
  bool ok = true;
  error why; ///< 403 "... in exclusive use", when not ok
};
/// After this no more deliveries for `who` follow.
struct cancel_done {
  consumer_ref who;
};
/// The queue went away under a consumer: server-sent basic.cancel (W65).
struct consumer_cancelled {
  consumer_ref who;
  bool moved = false; ///< it has another master, or will have: the consumer goes on there (Q11)
};
struct purged {
  queue_id queue = 0;
  uint32_t messages = 0;
  question_number question = 0;
};
struct queue_status {
  queue_id queue = 0;
  uint32_t messages_ready = 0;
  uint32_t consumers = 0;
  question_number question = 0;
};
struct delete_checked {
  queue_id queue = 0;
  bool ok = true;
  error why; ///< 406 in use / not empty
  uint32_t messages = 0;
  question_number question = 0;
};
/// Answer to get, purge, status and delete when the queue is deleted or being deleted: 404 where the method fails on a
/// missing queue (W25). consume is answered by a failed `consume_done`.
struct queue_missing {
  queue_id queue = 0;
  bool moved = false; ///< as of consumer_cancelled: its next master is to be asked
};
/// A replicated queue misses something before publishes of this channel (C14): it sends again what comes after
/// `last_number`.
struct publish_gap {
  queue_id queue = 0;
  uint64_t last_number = 0;
};
/// Another node has given back places of the channel's prefetch window: its other consumers may have waited for them.
struct window_returned {};
using any_queue_event = std::variant<delivered, confirmed, got, consume_done, cancel_done, consumer_cancelled, purged,
                                     queue_status, delete_checked, queue_missing, publish_gap, window_returned>;
/// A class for the reason of amqp::method.
class queue_event : public any_queue_event {
public:
  using any_queue_event::any_queue_event;
  using any_queue_event::operator=;
  queue_event();
  queue_event(const queue_event& other);
  queue_event(queue_event&& other) noexcept;
  queue_event& operator=(const queue_event& other);
  queue_event& operator=(queue_event&& other) noexcept;
  ~queue_event();
};

// -- channel to channel
// -------------------------------------------------------------------------------------------------

/// Messages for the reply consumer of another channel (amq.rabbitmq.reply-to, W69). Neither held nor confirmed: as
/// RabbitMQ's, they are lost when that channel is gone.
struct direct_reply {
  uint32_t node = 0;   ///< node_tag of its node
  uint64_t to = 0;     ///< channel_address::id there
  std::string address; ///< routing key; the receiving channel checks that it is its own
  batch_ref batch;
  slice where;
};

// -- channel to session
// -------------------------------------------------------------------------------------------------

/// What a channel wants written, in order. Encoding is left to the session and happens late (hotpath.md rule 5).
struct outgoing {
  enum class kind : uint8_t {
    bytes,          ///< `bytes`: whole encoded frames
    deliver,        ///< basic.deliver for each message of `run`, tags from `first_tag`
    content,        ///< `bytes` (an encoded basic.return or basic.get-ok frame), then the content of run's one message
    channel_closed, ///< the channel number is free again; `bytes` (close-ok, if any) go out first
    connection_error, ///< hard error: the connection closes with `failure`
  };
  kind what = kind::bytes;
  bool redelivered = false;
  channel_number channel = 0;
  delivery_tag first_tag = 0;
  size_t flow_bytes = 0; ///< see delivered::bytes
  consumer_ref who;
  stored_run run;
  std::string bytes;
  error failure;
  uint32_t failed_method = 0; ///< amqp::method_code, 0 if asynchronous (W34)
};

} // namespace broker

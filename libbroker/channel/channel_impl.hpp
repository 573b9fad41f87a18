// The inside of channel_state, shared by the files that implement it:
//
//   channel_state.cpp      entry points, order of steps, waiting, closing
//   channel_publish.cpp    publishes: routing, returns, confirms, transactions
//   channel_deliver.cpp    deliveries, settlements, prefetch window, events of queues
//   channel_methods.cpp    classes channel, access, confirm, tx; dispatch of methods
//   exchange_methods.cpp   class exchange
//   queue_methods.cpp      class queue
//   consumer_methods.cpp   basic.consume, cancel, get, qos, recover
//   direct_reply.cpp       amq.rabbitmq.reply-to
//   firehose.cpp           copies of what passes, for amq.rabbitmq.trace
//   consumer_timeout.cpp   deliveries that are not settled in time
//   channel_moves.cpp      replicated queues: another master, or none for a while
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "amqp/properties.hpp"
#include "base/random.hpp"
#include "channel/channel_state.hpp"
#include "channel/confirm_tracker.hpp"
#include "channel/delivery_clock.hpp"
#include "channel/publish_outbox.hpp"
#include "channel/replicated_use.hpp"
#include "channel/route_cache.hpp"
#include "channel/transaction.hpp"
#include "channel/unacked_tags.hpp"

namespace broker {

struct channel_state::impl {
  impl(channel_settings settings, channel_ref self, std::function<snapshot_ptr()> metadata);

  // -- entry points (channel_state.cpp) --
  void input(channel_input in);
  /// `from`: the mastership of the queue that says so; 0: not known, or not replicated.
  void event(queue_event& what, epoch from);
  void metadata_done(command_result& result);
  void queue_gone(queue_id queue);
  void queue_unreachable(queue_id queue, const error& why, epoch mastership);
  void stop();
  /// Around each entry point: where effects go, and a fresh look at the metadata.
  void enter(channel_step& step);
  void leave();

  // -- order of steps (channel_state.cpp) --
  struct queued_input {
    channel_input in;
    size_t next = 0; ///< op to execute next
  };
  void run();
  void begin(const queued_input& current);
  void execute(channel_input& in, channel_op& op);
  /// While closing, only channel.close and channel.close-ok are acted on (W13).
  void execute_current(amqp::method& what);
  void execute_closing(const amqp::method& what);
  void drop_backlog();

  // -- waiting (channel_state.cpp) --
  /// Everything behind the current method waits for `then`.
  void propose(command what, std::function<void(command_result&)> then);
  /// Must the snapshot be up to date before this method is looked at (G8)?
  bool needs_current_metadata(const amqp::method& what);
  /// The snapshot has everything that was answered on any node before, then `then`; else the method fails (541).
  void bring_up_to_date(std::function<void(const command_result&)> then);
  /// A publish that goes nowhere, as far as is known here, waits until this node knows what was answered before it
  /// came; then it, and `rest`, are routed anew.
  bool waits_for_routes(const batch_ref& batch, slice rest);
  /// Asks a queue; `then` gets the answer, or null if the queue is gone.
  void ask(const queue_record& queue, queue_request what, std::function<void(queue_event*)> then);
  void ask(queue_id queue, queue_request what, std::function<void(queue_event*)> then);
  bool waiting() const noexcept { return static_cast<bool>(on_metadata_) || static_cast<bool>(on_answer_); }
  bool is_answer(const queue_event& what, epoch from);
  /// Gives `what` (null: the queue is gone) to whoever waits for it; false if nobody does.
  bool give_answer(queue_id queue, queue_event* what);
  /// Does the client's basic.cancel wait for the queue of `who`?
  bool cancelling(const consumer_ref& who) const {
    return on_answer_ && asked_who_ == who && asked_kind_ == queue_event{cancel_done{}}.index();
  }

  // -- closing (channel_state.cpp) --
  void fail(error why);
  void fail(error why, uint32_t method);
  void leave_queues();
  void finish(std::string bytes);

  // -- replies --
  void send(const amqp::method& what);
  void reply(bool no_wait, const amqp::method& what) {
    if (!no_wait)
      send(what);
  }
  void request(queue_id queue, queue_request what);
  std::string encoded(const amqp::method& what);

  // -- metadata --
  const metadata_snapshot& metadata();
  bool may(resource_kind kind, std::string_view name, access how);
  /// The queue `name`, open to this connection; fails the channel with 404 or 405 and returns null otherwise.
  queue_ptr open_queue(std::string_view name);
  /// Ids of connections are their node's, and an exclusive queue lives on the node of its connection.
  bool owns(const queue_record& queue) const {
    return queue.owner == 0 || (queue.owner == settings_.connection && queue.node == settings_.node);
  }
  /// False, and the channel fails with 404, when the node of the queue is down (W26).
  bool reaches(const queue_record& queue);
  /// "" stands for the queue declared last on this channel (W16); fails with 404 and returns nothing if there is none.
  std::optional<std::string> queue_or_last(const std::string& name);

  // -- publishes (channel_publish.cpp) --
  void publish(const batch_ref& batch, slice run);
  void publish_singly(const batch_ref& batch, slice run);
  /// `rest`: this one and those behind it. False: they are not to be published now.
  bool publish_checked(const batch_ref& batch, slice rest);
  result<void> may_publish_keys(const exchange_record& to, const message& what);
  /// Strips BCC, unless the message is routed again later, and fills in the reply address; true if anything changed.
  result<bool> rewrite(amqp::properties& properties, bool keep_bcc);
  void accept(const batch_ref& batch, slice run, std::span<const queue_id> queues, exchange_counter* counter);
  void dispatch(const batch_ref& batch, slice run, std::span<const queue_id> queues);
  void return_unroutable(const batch_ref& batch, slice run);
  void flush_publishes();
  void tell_confirms();
  void confirm_select(bool no_wait);
  void tx_select();
  void tx_commit();
  void tx_rollback();
  void finish_commit();
  bool confirming() const noexcept { return confirm_offset_.has_value(); }

  // -- deliveries (channel_deliver.cpp) --
  void deliver(delivered& what);
  void give(got& what);
  void on_cancelled(const consumer_cancelled& what);
  void acknowledge(const channel_op& op);
  /// basic.ack, reject and nack: [first, last] singly, or everything up to `last`.
  void settle(settle_request::kind what, delivery_tag first, delivery_tag last, bool multiple);
  void settle(settle_request::kind what, unacked_tags::blocks taken);
  void settle_now(settle_request::kind what, const unacked_tags::blocks& taken);
  void make_window();
  void set_window(uint32_t limit);
  void free_places(int64_t count);
  void window_has_room();

  // -- replicated queues (channel_moves.cpp) --
  void queue_moved(queue_id queue, epoch mastership);
  replicated_use* find_use(queue_id queue);
  epoch mastership_of(queue_id queue);
  /// Learns the mastership of the queue before its first request, or its first since it is replicated.
  void use(queue_id queue, std::string_view name);
  /// Is what the master of that mastership says of the queue still worth anything?
  bool is_current(queue_id queue, epoch from);
  /// Did an earlier master of its queue deliver to it?
  bool is_late(const consumer_ref& who);
  void lose_master(queue_id queue, replicated_use& use, bool node);
  void found_master(replicated_use& use);
  void on_turned_away(queue_id queue, epoch from);
  void on_master_left(const consumer_cancelled& what);
  void on_gap(const publish_gap& what, epoch from);
  void on_confirmed(const confirmed& what);
  /// The publish requests from `first` on that are to replicated queues are kept until they are confirmed.
  void keep_publishes(size_t first);
  void send_again(queue_id queue, replicated_use& use);
  void begin_anew(queue_id queue);
  /// The same consumer under another object.
  void renew(consumer_ref& who);
  void give_back(queue_id queue);
  /// Nobody waits for it any more.
  void give_back(const got& unasked, epoch from);
  void make_void(queue_id queue);
  void forget_use(queue_id queue);
  std::string name_of(queue_id queue);
  bool is_orphaned(queue_id queue, replicated_use& use);
  void look_at_masters(uint64_t now_ms);
  void look_at_publishes(queue_id queue, replicated_use& use, uint64_t now_ms);
  void look_at_question(uint64_t now_ms);

  // -- firehose (firehose.cpp) --
  bool traced() {
    return settings_.tracing && settings_.tracing->load(std::memory_order_relaxed)
        && metadata().tracing(settings_.vhost);
  }
  void trace_publish(const exchange_record& exchange, const message& what);
  void trace_deliveries(const stored_run& run, const std::string& queue, bool redelivered);
  void trace(std::string_view event, std::string_view of, const message& what, amqp::field_table more);

  // -- direct reply-to (direct_reply.cpp) --
  void consume_replies(const amqp::basic_class::consume& what);
  void send_direct_reply(const batch_ref& batch, slice run);
  void take_direct_reply(direct_reply& what);
  void declare_reply_address(const amqp::queue_class::declare& what, const std::string& name);

  // -- deliveries that are not settled in time (consumer_timeout.cpp) --
  void want_ticks();
  void want_tick(uint64_t in_ms);
  void tick(uint64_t now_ms);
  void watch(const queue_record& queue);
  uint64_t timeout_of(queue_id queue);
  void time_out(const unacked_block& late, uint64_t timeout_ms);

  // -- methods --
  void handle(const amqp::channel_class::flow& what);
  void handle(const amqp::exchange_class::declare& what);
  void handle(const amqp::exchange_class::delete_& what);
  void handle(const amqp::exchange_class::bind& what);
  void handle(const amqp::exchange_class::unbind& what);
  void handle(const amqp::queue_class::declare& what);
  void handle(const amqp::queue_class::bind& what);
  void handle(const amqp::queue_class::unbind& what);
  void handle(const amqp::queue_class::purge& what);
  void handle(const amqp::queue_class::delete_& what);
  void handle(const amqp::basic_class::qos& what);
  void handle(const amqp::basic_class::consume& what);
  void handle(const amqp::basic_class::cancel& what);
  void handle(const amqp::basic_class::get& what);
  void handle(const amqp::basic_class::recover& what);
  void handle(const amqp::basic_class::recover_async& what);
  void execute_method(amqp::method& what);

  // parts of classes exchange and queue
  void declare_exchange_passively(const amqp::exchange_class::declare& what, const std::string& name);
  void declare_new_exchange(exchange_record wanted, const exchange_plugin& type, bool no_wait);
  void declare_queue_passively(const amqp::queue_class::declare& what, const std::string& name);
  void declare_queue_actively(const amqp::queue_class::declare& what, const std::string& name);
  void declare_new_queue(queue_record wanted, bool server_named, bool no_wait);
  void propose_queue(queue_record wanted, bool no_wait);
  /// declare-ok with the queue's counts.
  void answer_declare(const queue_ptr& queue, bool no_wait, std::function<void()> if_gone);
  /// Permissions, the default exchange, x-match (W42); fails the channel and returns false if something is wrong.
  bool may_bind(const binding_record& binding);
  /// Proposes; then `ok`, or the failure.
  void propose_and_reply(command what, bool no_wait, const amqp::method& ok);
  void requeue_all();

  // -- what it is --
  const channel_settings settings_;
  const channel_ref self_;
  const std::function<snapshot_ptr()> newest_metadata_;
  random_source random_;

  enum class phase : uint8_t {
    open,
    closing, ///< channel.close is sent; close-ok is awaited
    ended,   ///< closed, or the connection is broken: nothing is acted on
  };
  phase phase_ = phase::open;

  // -- only during a call --
  channel_step* step_ = nullptr;
  snapshot_ptr snapshot_;
  byte_buffer scratch_;

  // -- order and waiting --
  std::deque<queued_input> backlog_;
  uint64_t inputs_ = 0;  ///< that have come
  uint64_t current_ = 0; ///< of them: came before the metadata was brought up to date last
  uint32_t method_ = 0;  ///< method being executed; named in errors (W34)
  std::function<void(command_result&)> on_metadata_;
  std::function<void(queue_event*)> on_answer_;
  queue_id asked_ = 0;    ///< whose answer on_answer_ waits for
  size_t asked_kind_ = 0; ///< index of the event it waits for
  question_number asked_number_ = 0;
  consumer_ref asked_who_;                ///< for consume and cancel: whose
  std::optional<queue_request> question_; ///< what a replicated queue was asked: its next master is asked again
  bool question_orphaned_ = false;        ///< its queue was gone at the last look
  std::optional<queue_id> deleting_;      ///< has closed itself, until it is deleted or this channel has gone

  // -- replicated queues --
  const bool copies_; ///< there may be any
  std::unordered_map<queue_id, replicated_use> replicated_;
  size_t masterless_ = 0;        ///< of them
  bool keeps_publishes_ = false; ///< some have a publisher

  // -- for operators --
  message_counts counts_;
  uint64_t queues_declared_ = 0;

  // -- publishing --
  route_cache routes_;
  publish_outbox outbox_;
  confirm_tracker confirms_;
  confirm_number next_number_ = 1; ///< of the next publish; counts on outside confirm mode
  /// In confirm mode: what to subtract from a publish's number to get what the client counts.
  std::optional<confirm_number> confirm_offset_;
  std::optional<transaction> tx_;
  bool committing_ = false;

  // -- consuming --
  std::map<std::string, consumer_ref, std::less<>> consumers_;
  unacked_tags unacked_;
  delivery_tag next_tag_ = 1;
  uint16_t prefetch_ = 0; ///< for consumers begun later (W61)
  ref<prefetch_window> window_;
  uint32_t window_limit_ = 0;   ///< basic.qos global=true
  consumer_ref reply_consumer_; ///< of amq.rabbitmq.reply-to (W69), or null
  std::string reply_address_;
  // -- consumer timeout --
  uint64_t tick_in_ms_ = 0; ///< the tick under way was asked for so long before; 0: there is none
  uint64_t check_every_ms_ = limits::consumer_timeout_check_ms;
  delivery_clock delivered_at_;
  std::map<queue_id, std::string> watched_; ///< names of the queues that deliveries may be unsettled of
  std::string last_queue_;                  ///< declared last on this channel (W16)
};

} // namespace broker

// basic.qos, consume, cancel, get, recover (features.md W17, W61, W62, W65).

#include "amqp/reply.hpp"
#include "channel/argument_checks.hpp"
#include "channel/channel_impl.hpp"
#include "channel/message_checks.hpp"
#include "channel/quorum_rules.hpp"
#include "channel/reply_texts.hpp"
#include "channel/server_names.hpp"

namespace broker {

void channel_state::impl::handle(const amqp::basic_class::qos& what) {
  if (what.prefetch_size != 0)
    return fail(amqp::not_implemented("prefetch_size!=0 (" + std::to_string(what.prefetch_size) + ")"));
  if (what.global) {
    set_window(what.prefetch_count);
  } else {
    // As RabbitMQ: a per-consumer setting also lifts a channel-wide one.
    set_window(0);
    prefetch_ = what.prefetch_count;
  }
  send(amqp::basic_class::qos_ok{});
}

void channel_state::impl::handle(const amqp::basic_class::consume& what) {
  const auto name = queue_or_last(what.queue);
  if (!name)
    return;
  if (!what.consumer_tag.empty() && consumers_.contains(what.consumer_tag))
    return fail(amqp::not_allowed("attempt to reuse consumer tag '" + what.consumer_tag + "'"));
  if (consumers_.size() >= limits::consumers_per_channel_max)
    return fail(amqp::not_allowed("reached maximum (" + std::to_string(limits::consumers_per_channel_max)
                                  + ") of consumers per channel"));
  if (*name == reply_to_name)
    return consume_replies(what);
  if (!may(resource_kind::queue, *name, access::read))
    return;
  const auto queue = open_queue(*name);
  if (!queue)
    return;
  const bool quorum = options_of(*queue).type == queue_type::quorum;
  if (quorum && window_limit_ != 0)
    return fail(amqp::not_implemented(queue_title(settings_.vhost, *name) + " does not support global qos"));
  const auto priority = check_consume_arguments(what.arguments, *queue);
  if (!priority)
    return fail(priority.error());

  if (!what.no_ack)
    watch(*queue);
  make_window();
  auto who = make_ref<consumer>();
  who->tag = what.consumer_tag.empty() ? server_name("amq.ctag-", random_) : what.consumer_tag;
  who->channel = self_;
  who->channel_id = settings_.number;
  who->connection = settings_.connection;
  who->queue = queue->id;
  who->queue_name = queue->name;
  who->arguments = what.arguments;
  who->no_ack = what.no_ack;
  who->exclusive = what.exclusive;
  who->prefetch = prefetch_;
  who->priority = *priority;
  if (!what.no_ack)
    who->window = window_;
  use(queue->id, queue->name); // before there is one that could be taken for an older one
  consumers_[who->tag] = who;
  ask(*queue, consume_request{who}, [this, who, queue, no_wait = what.no_wait](queue_event* answer) {
    const auto* done = answer ? &std::get<consume_done>(*answer) : nullptr;
    if (done && done->ok)
      return reply(no_wait, amqp::basic_class::consume_ok{who->tag});
    consumers_.erase(who->tag);
    fail(done ? done->why : no_such_queue(queue->vhost, queue->name));
  });
}

void channel_state::impl::handle(const amqp::basic_class::cancel& what) {
  if (reply_consumer_ && reply_consumer_->tag == what.consumer_tag)
    reply_consumer_ = nullptr;
  const auto known = consumers_.find(what.consumer_tag);
  if (known == consumers_.end())
    return reply(what.no_wait, amqp::basic_class::cancel_ok{what.consumer_tag});
  const consumer_ref who = known->second;
  if (const auto* use = find_use(who->queue); use && use->masterless) { // nobody knows of it any more
    consumers_.erase(known);
    return reply(what.no_wait, amqp::basic_class::cancel_ok{what.consumer_tag});
  }
  ask(who->queue, cancel_request{who}, [this, who, no_wait = what.no_wait](queue_event*) {
    consumers_.erase(who->tag);
    reply(no_wait, amqp::basic_class::cancel_ok{who->tag});
  });
}

void channel_state::impl::handle(const amqp::basic_class::get& what) {
  const auto name = queue_or_last(what.queue);
  if (!name || !may(resource_kind::queue, *name, access::read))
    return;
  const auto queue = open_queue(*name);
  if (!queue)
    return;
  const auto& options = options_of(*queue);
  if (options.type == queue_type::quorum && options.single_active_consumer)
    return fail(
      amqp::resource_locked("cannot obtain access to locked " + queue_title(settings_.vhost, *name)
                            + ". basic.get operations are not supported by quorum queues with single active consumer"));
  if (!what.no_ack)
    watch(*queue);
  ask(*queue, get_request{self_, what.no_ack}, [this, queue](queue_event* answer) {
    if (!answer)
      return fail(no_such_queue(queue->vhost, queue->name));
    auto& fetched = std::get<got>(*answer);
    if (!fetched.run.batch) {
      ++counts_[counted::get_empty];
      return send(amqp::basic_class::get_empty{});
    }
    if (traced())
      trace_deliveries(fetched.run, queue->name, fetched.redelivered);
    give(fetched);
  });
}

void channel_state::impl::handle(const amqp::basic_class::recover& what) {
  if (!what.requeue)
    return fail(amqp::not_implemented("requeue=false"));
  requeue_all();
  send(amqp::basic_class::recover_ok{});
}

void channel_state::impl::handle(const amqp::basic_class::recover_async& what) {
  if (!what.requeue)
    return fail(amqp::not_implemented("requeue=false"));
  requeue_all();
}

void channel_state::impl::requeue_all() {
  unacked_tags::blocks taken;
  unacked_.take_all(taken);
  settle_now(settle_request::kind::requeue, taken);
}

} // namespace broker

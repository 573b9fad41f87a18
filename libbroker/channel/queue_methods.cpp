// Class queue (features.md W16, W25-W28, W37-W42).

#include "amqp/reply.hpp"
#include "channel/argument_checks.hpp"
#include "channel/channel_impl.hpp"
#include "channel/message_checks.hpp"
#include "channel/names.hpp"
#include "channel/queue_placement.hpp"
#include "channel/quorum_rules.hpp"
#include "channel/reply_texts.hpp"
#include "channel/server_names.hpp"
#include "metadata/equivalence.hpp"
#include "model/queue_arguments.hpp"

namespace broker {
void channel_state::impl::handle(const amqp::queue_class::declare& what) {
  const std::string name = without_line_breaks(what.queue);
  if (name.starts_with(reply_to_name))
    declare_reply_address(what, name);
  else if (what.passive)
    declare_queue_passively(what, name);
  else
    declare_queue_actively(what, name);
}

void channel_state::impl::declare_queue_passively(const amqp::queue_class::declare& what, const std::string& name) {
  // RabbitMQ 3.13 asks for no right here, 4.3 for any: who has none must not learn which queues there are (W38).
  const auto has = [&](access how) {
    return metadata().authorise(settings_.user, settings_.vhost, resource_kind::queue, name, how).ok();
  };
  if (!has(access::read) && !has(access::write) && !may(resource_kind::queue, name, access::configure))
    return;
  const auto queue = open_queue(name);
  if (!queue)
    return;
  answer_declare(queue, what.no_wait, [this, queue] { fail(no_such_queue(queue->vhost, queue->name)); });
}

void channel_state::impl::declare_queue_actively(const amqp::queue_class::declare& what, const std::string& given) {
  const auto vhost = metadata().find_vhost(settings_.vhost);
  auto arguments = with_default_queue_type(what.arguments, vhost ? vhost->default_queue_type : std::string_view{},
                                           what.durable, what.exclusive, what.auto_delete);
  const auto nameless = given.empty() ? check_server_named(arguments) : result<void>{};
  if (!nameless)
    return fail(nameless.error());
  if (is_reserved(given))
    return fail(reserved_name("queue", given));
  const std::string name = given.empty() ? server_name("amq.gen-", random_) : given;
  if (!may(resource_kind::queue, name, access::configure))
    return;
  queue_record wanted;
  wanted.vhost = settings_.vhost;
  wanted.name = name;
  // An exclusive queue dies with its connection, so there is nothing to keep.
  wanted.durable = what.durable && !what.exclusive;
  wanted.exclusive = what.exclusive;
  wanted.auto_delete = what.auto_delete;
  wanted.arguments = std::move(arguments);
  wanted.owner = what.exclusive ? settings_.connection : 0;
  wanted.node = settings_.node;
  const auto existing = metadata().find_queue(settings_.vhost, name);
  if (!existing)
    return declare_new_queue(std::move(wanted), given.empty(), what.no_wait);
  if (!reaches(*existing))
    return;
  if (const auto same = check_equivalent(*existing, wanted); !same)
    return fail(same.error());
  answer_declare(existing, what.no_wait,
                 [this, wanted, no_wait = what.no_wait] { declare_new_queue(wanted, false, no_wait); });
}

/// What a queue of this name that exists already is not asked for: sound arguments, rights to its dead letters (W42).
void channel_state::impl::declare_new_queue(queue_record wanted, bool server_named, bool no_wait) {
  const auto dead_letters = check_dead_letter_exchange(wanted.arguments, queue_title(wanted.vhost, wanted.name));
  if (!dead_letters)
    return fail(dead_letters.error());
  if (*dead_letters
      && (!may(resource_kind::queue, wanted.name, access::read)
          || !may(resource_kind::exchange, **dead_letters, access::write)))
    return;
  auto sound = check_queue_arguments(wanted.arguments, wanted.vhost, wanted.name);
  if (sound)
    sound = check_queue_properties(wanted);
  if (!sound)
    return fail(sound.error());
  wanted.node = place_queue(metadata(), wanted, server_named, settings_.nodes, settings_.queue_leader_locator, random_);
  propose_queue(std::move(wanted), no_wait);
}

void channel_state::impl::propose_queue(queue_record wanted, bool no_wait) {
  propose(declare_queue{std::move(wanted)}, [this, no_wait](command_result& result) {
    if (!result.ok())
      return fail(result.failure);
    const auto queue = result.queue;
    BROKER_ASSERT(queue, "a declared queue has a record");
    if (!result.created)
      return answer_declare(queue, no_wait, [this, queue] { fail(no_such_queue(queue->vhost, queue->name)); });
    last_queue_ = queue->name;
    ++queues_declared_;
    reply(no_wait, amqp::queue_class::declare_ok{queue->name, 0, 0});
  });
}

void channel_state::impl::answer_declare(const queue_ptr& queue, bool no_wait, std::function<void()> if_gone) {
  ask(*queue, status_request{self_}, [this, queue, no_wait, if_gone = std::move(if_gone)](queue_event* answer) {
    if (!answer)
      return if_gone();
    const auto& status = std::get<queue_status>(*answer);
    last_queue_ = queue->name;
    reply(no_wait, amqp::queue_class::declare_ok{queue->name, status.messages_ready, status.consumers});
  });
}

void channel_state::impl::handle(const amqp::queue_class::bind& what) {
  const auto queue = queue_or_last(what.queue);
  if (!queue)
    return;
  // With neither queue nor key, the key is the queue's name too (W16).
  const std::string& key = what.queue.empty() && what.routing_key.empty() ? *queue : what.routing_key;
  binding_record binding{without_line_breaks(what.exchange), without_line_breaks(*queue), false, key, what.arguments};
  if (may_bind(binding))
    propose_and_reply(broker::bind{settings_.vhost, std::move(binding), settings_.connection}, what.no_wait,
                      amqp::queue_class::bind_ok{});
}

void channel_state::impl::handle(const amqp::queue_class::unbind& what) {
  const auto queue = queue_or_last(what.queue);
  if (!queue)
    return;
  const std::string& key = what.queue.empty() && what.routing_key.empty() ? *queue : what.routing_key;
  binding_record binding{without_line_breaks(what.exchange), without_line_breaks(*queue), false, key, what.arguments};
  if (may_bind(binding))
    propose_and_reply(broker::unbind{settings_.vhost, std::move(binding), settings_.connection}, false,
                      amqp::queue_class::unbind_ok{});
}

void channel_state::impl::handle(const amqp::queue_class::purge& what) {
  const auto name = queue_or_last(what.queue);
  if (!name || !may(resource_kind::queue, *name, access::read))
    return;
  const auto queue = open_queue(*name);
  if (!queue)
    return;
  ask(*queue, purge_request{self_}, [this, queue, no_wait = what.no_wait](queue_event* answer) {
    if (!answer)
      return fail(no_such_queue(queue->vhost, queue->name));
    reply(no_wait, amqp::queue_class::purge_ok{std::get<purged>(*answer).messages});
  });
}

void channel_state::impl::handle(const amqp::queue_class::delete_& what) {
  const auto given = queue_or_last(what.queue);
  if (!given)
    return;
  const std::string name = without_line_breaks(*given);
  if (!may(resource_kind::queue, name, access::configure))
    return;
  const auto queue = metadata().find_queue(settings_.vhost, name);
  if (!queue)
    return reply(what.no_wait, amqp::queue_class::delete_ok{0});
  if (!owns(*queue))
    return fail(queue_locked(settings_.vhost, name));
  if (!reaches(*queue))
    return;
  if (const auto allowed = check_quorum_delete(*queue, what.if_unused, what.if_empty); !allowed)
    return fail(allowed.error());
  ask(*queue, delete_request{self_, what.if_unused, what.if_empty},
      [this, queue, no_wait = what.no_wait](queue_event* answer) {
        const auto* checked = answer ? &std::get<delete_checked>(*answer) : nullptr;
        if (checked && !checked->ok)
          return fail(checked->why);
        const uint32_t messages = checked ? checked->messages : 0;
        if (checked)
          deleting_ = queue->id;
        propose_and_reply(delete_queue{queue->vhost, queue->name, queue->id}, no_wait,
                          amqp::queue_class::delete_ok{messages});
      });
}

} // namespace broker

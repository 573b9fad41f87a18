// Class exchange (features.md W15, W25, W26, W35, W36, W42, W46), and the checks that every binding shares.

#include "amqp/reply.hpp"
#include "channel/argument_checks.hpp"
#include "channel/channel_impl.hpp"
#include "channel/names.hpp"
#include "channel/reply_texts.hpp"
#include "metadata/equivalence.hpp"

namespace broker {
namespace {

error default_exchange_refused() {
  return amqp::access_refused("operation not permitted on the default exchange");
}

} // namespace

void channel_state::impl::handle(const amqp::exchange_class::declare& what) {
  const std::string name = without_line_breaks(what.exchange);
  if (what.passive)
    return declare_exchange_passively(what, name);
  const auto type = metadata().exchange_types().find(what.type);
  if (!type)
    return fail(unknown_exchange_type(what.type));
  if (name.empty())
    return fail(default_exchange_refused());
  if (!may(resource_kind::exchange, name, access::configure))
    return;
  const auto existing = metadata().find_exchange(settings_.vhost, name);
  if (!existing && is_reserved(name))
    return fail(reserved_name("exchange", name));
  exchange_record wanted;
  wanted.vhost = settings_.vhost;
  wanted.name = name;
  wanted.type = what.type;
  wanted.kind = exchange_kind(what.type);
  wanted.durable = what.durable;
  wanted.auto_delete = what.auto_delete;
  wanted.internal = what.internal;
  wanted.arguments = what.arguments;
  if (!existing)
    return declare_new_exchange(std::move(wanted), *type, what.no_wait);
  if (const auto same = check_equivalent(*existing, wanted); !same)
    return fail(same.error());
  reply(what.no_wait, amqp::exchange_class::declare_ok{});
}

void channel_state::impl::declare_exchange_passively(const amqp::exchange_class::declare& what,
                                                     const std::string& name) {
  if (name.empty())
    return fail(default_exchange_refused());
  if (!metadata().find_exchange(settings_.vhost, name))
    return fail(no_such_exchange(settings_.vhost, name));
  reply(what.no_wait, amqp::exchange_class::declare_ok{});
}

/// An alternate exchange gets what this one cannot route: that needs rights to both (W42).
void channel_state::impl::declare_new_exchange(exchange_record wanted, const exchange_plugin& type, bool no_wait) {
  const auto alternate = check_exchange_arguments(wanted.arguments, exchange_title(wanted.vhost, wanted.name));
  if (!alternate)
    return fail(alternate.error());
  if (*alternate
      && (!may(resource_kind::exchange, wanted.name, access::read)
          || !may(resource_kind::exchange, **alternate, access::write)))
    return;
  wanted.alternate_exchange = alternate->value_or("");
  if (auto valid = type.validate(wanted, metadata().exchange_types()); !valid)
    return fail(valid.error());
  if (type.delays()) {
    auto keeper = std::make_shared<queue_record>();
    keeper->node = settings_.node;
    wanted.delay_queue = std::move(keeper);
  }
  propose_and_reply(declare_exchange{std::move(wanted)}, no_wait, amqp::exchange_class::declare_ok{});
}

void channel_state::impl::handle(const amqp::exchange_class::delete_& what) {
  const std::string name = without_line_breaks(what.exchange);
  if (name.empty())
    return fail(default_exchange_refused());
  if (is_reserved(name))
    return fail(amqp::access_refused("deletion of system " + exchange_title(settings_.vhost, name) + " not allowed"));
  if (!may(resource_kind::exchange, name, access::configure))
    return;
  propose_and_reply(delete_exchange{settings_.vhost, name, what.if_unused}, what.no_wait,
                    amqp::exchange_class::delete_ok{});
}

void channel_state::impl::handle(const amqp::exchange_class::bind& what) {
  binding_record binding{without_line_breaks(what.source), without_line_breaks(what.destination), true,
                         what.routing_key, what.arguments};
  if (may_bind(binding))
    propose_and_reply(broker::bind{settings_.vhost, std::move(binding), settings_.connection}, what.no_wait,
                      amqp::exchange_class::bind_ok{});
}

void channel_state::impl::handle(const amqp::exchange_class::unbind& what) {
  binding_record binding{without_line_breaks(what.source), without_line_breaks(what.destination), true,
                         what.routing_key, what.arguments};
  if (may_bind(binding))
    propose_and_reply(broker::unbind{settings_.vhost, std::move(binding), settings_.connection}, what.no_wait,
                      amqp::exchange_class::unbind_ok{});
}

bool channel_state::impl::may_bind(const binding_record& binding) {
  const auto kind = binding.to_exchange ? resource_kind::exchange : resource_kind::queue;
  if (!may(kind, binding.destination, access::write))
    return false;
  if (binding.source.empty() || (binding.to_exchange && binding.destination.empty())) {
    fail(default_exchange_refused());
    return false;
  }
  if (!may(resource_kind::exchange, binding.source, access::read))
    return false;
  const auto source = metadata().find_exchange(settings_.vhost, binding.source);
  const auto topic =
    source ? metadata().authorise_topic(settings_.user, *source, access::read, binding.routing_key) : result<void>{};
  if (!topic) {
    fail(topic.error());
    return false;
  }
  // What is missing, and a bind's arguments that are none, the proposal fails with (W26).
  const auto queue = binding.to_exchange ? nullptr : metadata().find_queue(settings_.vhost, binding.destination);
  return !queue || reaches(*queue);
}

void channel_state::impl::propose_and_reply(command what, bool no_wait, const amqp::method& ok) {
  propose(std::move(what), [this, no_wait, ok](command_result& result) {
    if (!result.ok())
      return fail(result.failure);
    reply(no_wait, ok);
  });
}

} // namespace broker

#include "metadata/records_codec.hpp"

#include "metadata/state_impl.hpp"

namespace broker {
namespace {

/// No arguments are no bytes.
std::string encoded(const amqp::field_table& table) {
  if (table.empty())
    return {};
  byte_buffer out;
  amqp::encode_table(out, table);
  return std::string{out.view()};
}

result<amqp::field_table> decoded(const std::string& bytes) {
  if (bytes.empty())
    return amqp::field_table{};
  return amqp::decode_table(bytes);
}

} // namespace

void to_proto(const queue_record& from, proto::Queue& to) {
  to.set_id(from.id);
  to.set_vhost(from.vhost);
  to.set_name(from.name);
  to.set_durable(from.durable);
  to.set_exclusive(from.exclusive);
  to.set_auto_delete(from.auto_delete);
  to.set_arguments(encoded(from.arguments));
  to.set_owner(from.owner);
  to.set_node(from.node);
  to.set_mastership(from.mastership);
  to.set_delays_for(from.delays_for);
  if (from.placement)
    to_proto(*from.placement, *to.mutable_placement());
  to.set_copies(from.copies);
}

void to_proto(const exchange_record& from, proto::Exchange& to) {
  to.set_vhost(from.vhost);
  to.set_name(from.name);
  to.set_type(from.type);
  to.set_durable(from.durable);
  to.set_auto_delete(from.auto_delete);
  to.set_internal(from.internal);
  to.set_arguments(encoded(from.arguments));
  to.set_alternate_exchange(from.alternate_exchange);
  if (from.delay_queue)
    to_proto(*from.delay_queue, *to.mutable_delay_queue());
}

void to_proto(const binding_record& from, proto::Binding& to) {
  to.set_source(from.source);
  to.set_destination(from.destination);
  to.set_to_exchange(from.to_exchange);
  to.set_routing_key(from.routing_key);
  to.set_arguments(encoded(from.arguments));
}

void to_proto(const user_record& from, proto::User& to) {
  to.set_name(from.name);
  to.set_password_hash(from.password_hash);
  for (const std::string& tag : from.tags)
    to.add_tags(tag);
  to.set_hashing(from.hashing);
  to_proto(from.limits, *to.mutable_limits());
}

void to_proto(const permission& from, proto::Permission& to) {
  to.set_configure(from.configure);
  to.set_write(from.write);
  to.set_read(from.read);
}

void to_proto(const topic_permission& from, proto::TopicPermission& to) {
  to.set_exchange(from.exchange);
  to.set_write(from.write);
  to.set_read(from.read);
}

void to_proto(const vhost_record& from, proto::VhostRecord& to) {
  to.set_name(from.name);
  to.set_description(from.description);
  for (const std::string& tag : from.tags)
    to.add_tags(tag);
  to.set_default_queue_type(from.default_queue_type);
  to.set_tracing(from.tracing);
  to_proto(from.limits, *to.mutable_limits());
}

void to_proto(const policy_record& from, proto::Policy& to) {
  to.set_vhost(from.vhost);
  to.set_name(from.name);
  to.set_pattern(from.pattern);
  to.set_apply_to(from.apply_to);
  to.set_priority(from.priority);
  to.set_definition(from.definition);
}

void to_proto(const parameter_record& from, proto::Parameter& to) {
  to.set_vhost(from.vhost);
  to.set_component(from.component);
  to.set_name(from.name);
  to.set_value(from.value);
}

void to_proto(const node_record& from, const proposer& last, proto::Node& to) {
  to.set_id(from.id);
  to.set_name(from.name);
  to.set_host(from.host);
  to.set_port(from.port);
  to.set_incarnation(from.incarnation);
  to.set_run(from.run);
  to.set_up(from.up);
  to.set_proposer_run(last.run);
  to.set_proposer_sequence(last.sequence);
  if (from.session != from.run)
    to.set_session(from.session);
}

void to_proto(const limit_table& from, proto_limits& to) {
  for (const auto& [name, value] : from) {
    proto::Limit& one = *to.Add();
    one.set_name(name);
    one.set_value(value);
  }
}

result<queue_record> from_proto(const proto::Queue& from) {
  auto arguments = decoded(from.arguments());
  if (!arguments)
    return arguments.error();
  queue_record to;
  to.id = from.id();
  to.vhost = from.vhost();
  to.name = from.name();
  to.durable = from.durable();
  to.exclusive = from.exclusive();
  to.auto_delete = from.auto_delete();
  to.arguments = std::move(*arguments);
  to.owner = from.owner();
  to.node = from.node();
  to.mastership = from.mastership();
  to.delays_for = from.delays_for();
  to.copies = from.copies();
  if (from.has_placement()) {
    auto placement = from_proto(from.placement(), to.id);
    if (!placement)
      return placement.error();
    to.placement = std::make_shared<const replication::placement>(std::move(*placement));
  }
  return to;
}

result<exchange_record> from_proto(const proto::Exchange& from) {
  auto arguments = decoded(from.arguments());
  if (!arguments)
    return arguments.error();
  exchange_record to;
  to.vhost = from.vhost();
  to.name = from.name();
  to.type = from.type();
  to.kind = exchange_kind(to.type);
  to.durable = from.durable();
  to.auto_delete = from.auto_delete();
  to.internal = from.internal();
  to.arguments = std::move(*arguments);
  to.alternate_exchange = from.alternate_exchange();
  if (from.has_delay_queue()) {
    auto queue = from_proto(from.delay_queue());
    if (!queue)
      return queue.error();
    to.delay_queue = std::make_shared<const queue_record>(std::move(*queue));
  }
  return to;
}

result<binding_record> from_proto(const proto::Binding& from) {
  auto arguments = decoded(from.arguments());
  if (!arguments)
    return arguments.error();
  binding_record to;
  to.source = from.source();
  to.destination = from.destination();
  to.to_exchange = from.to_exchange();
  to.routing_key = from.routing_key();
  to.arguments = std::move(*arguments);
  return to;
}

user_record from_proto(const proto::User& from) {
  user_record to;
  to.name = from.name();
  to.password_hash = from.password_hash();
  to.tags.assign(from.tags().begin(), from.tags().end());
  if (!from.hashing().empty())
    to.hashing = from.hashing();
  to.limits = from_proto(from.limits());
  return to;
}

permission from_proto(const proto::Permission& from) {
  return {from.configure(), from.write(), from.read()};
}

topic_permission from_proto(const proto::TopicPermission& from) {
  return {from.exchange(), from.write(), from.read()};
}

vhost_record from_proto(const proto::VhostRecord& from) {
  vhost_record to;
  to.name = from.name();
  to.description = from.description();
  to.tags.assign(from.tags().begin(), from.tags().end());
  to.default_queue_type = from.default_queue_type();
  to.tracing = from.tracing();
  to.limits = from_proto(from.limits());
  return to;
}

policy_record from_proto(const proto::Policy& from) {
  return {from.vhost(), from.name(), from.pattern(), from.apply_to(), from.priority(), from.definition()};
}

parameter_record from_proto(const proto::Parameter& from) {
  return {from.vhost(), from.component(), from.name(), from.value()};
}

node_record from_proto(const proto::Node& from) {
  return {from.id(),          from.name(), from.host(), static_cast<uint16_t>(from.port()),
          from.incarnation(), from.run(),  from.up(),   from.session() != 0 ? from.session() : from.run()};
}

limit_table from_proto(const proto_limits& from) {
  limit_table to;
  for (const proto::Limit& one : from)
    to[one.name()] = one.value();
  return to;
}

} // namespace broker

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
}

void to_proto(const permission& from, proto::Permission& to) {
  to.set_configure(from.configure);
  to.set_write(from.write);
  to.set_read(from.read);
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
  user_record record;
  record.name = from.name();
  record.password_hash = from.password_hash();
  record.tags.assign(from.tags().begin(), from.tags().end());
  return record;
}

permission from_proto(const proto::Permission& from) {
  return {from.configure(), from.write(), from.read()};
}

} // namespace broker

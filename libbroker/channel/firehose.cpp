// The firehose (features.md P05): while a vhost is traced, a copy of every publish and delivery goes to its exchange
// amq.rabbitmq.trace, with headers that say what it was. Copies are made only if somebody is bound to them; they are
// published at most once, and are not themselves traced.

#include "amqp/properties.hpp"
#include "channel/channel_impl.hpp"
#include "channel/names.hpp"
#include "model/message_copy.hpp"
#include "model/routed_message.hpp"

namespace broker {
namespace {

amqp::field_value text(std::string_view value) {
  return {amqp::longstr{std::string{value}}};
}

/// A signedint as in RabbitMQ, where it fits.
amqp::field_value number(uint64_t value) {
  if (value <= INT32_MAX)
    return {static_cast<int32_t>(value)};
  return {static_cast<int64_t>(value)};
}

/// The properties that are set, by RabbitMQ's names; the last one first, as it lists them.
amqp::field_table table_of(const amqp::properties& from) {
  amqp::field_table to;
  const auto add_text = [&](std::string_view name, const std::optional<std::string>& value) {
    if (value)
      to.entries.emplace_back(std::string{name}, text(*value));
  };
  const auto add_number = [&](std::string_view name, const auto& value) {
    if (value)
      to.entries.emplace_back(std::string{name}, number(*value));
  };
  add_text("cluster_id", from.cluster_id);
  add_text("app_id", from.app_id);
  add_text("user_id", from.user_id);
  add_text("type", from.type);
  add_number("timestamp", from.timestamp);
  add_text("message_id", from.message_id);
  add_text("expiration", from.expiration);
  add_text("reply_to", from.reply_to);
  add_text("correlation_id", from.correlation_id);
  add_number("priority", from.priority);
  add_number("delivery_mode", from.delivery_mode);
  if (from.headers)
    to.entries.emplace_back("headers", amqp::field_value{*from.headers});
  add_text("content_encoding", from.content_encoding);
  add_text("content_type", from.content_type);
  return to;
}

/// The headers that publishes and deliveries share.
amqp::field_table description(const message& what, const amqp::properties& properties, const std::string& node) {
  amqp::field_array keys;
  const routed_message routed{what};
  for (const std::string_view key : routed.keys())
    keys.values.push_back(text(key));
  amqp::field_table headers;
  headers.set("exchange_name", text(what.exchange()));
  headers.set("routing_keys", {std::move(keys)});
  headers.set("properties", {table_of(properties)});
  headers.set("node", text(node));
  return headers;
}

/// Where a message without properties would go.
std::vector<queue_ptr> route_by_key(const metadata_snapshot& metadata, const exchange_record& exchange,
                                    std::string_view key) {
  const batch_ref empty = bare_message(exchange.name, key);
  std::vector<queue_ptr> queues;
  metadata.route(exchange, empty->messages.front(), queues);
  return queues;
}

} // namespace

void channel_state::impl::trace_publish(const exchange_record& exchange, const message& what) {
  std::vector<queue_ptr> queues;
  metadata().route(exchange, what, queues);
  amqp::field_array names;
  for (const queue_ptr& queue : queues)
    if (queue->delays_for.empty())
      names.values.push_back(text(queue->name));
  amqp::field_table more;
  more.set("vhost", text(settings_.vhost));
  more.set("connection", text(settings_.connection_name));
  more.set("channel", number(settings_.number));
  more.set("user", text(settings_.user.user));
  more.set("routed_queues", {std::move(names)});
  trace("publish", what.exchange(), what, std::move(more));
}

void channel_state::impl::trace_deliveries(const stored_run& run, const std::string& queue, bool redelivered) {
  for (uint32_t i = run.where.lo; i < run.where.hi; ++i) {
    amqp::field_table more;
    more.set("redelivered", number(redelivered ? 1 : 0));
    more.set("vhost", text(settings_.vhost));
    more.set("connection", text(settings_.connection_name));
    more.set("channel", number(settings_.number));
    more.set("user", text(settings_.user.user));
    trace("deliver", queue, run.batch->messages[i], std::move(more));
  }
}

void channel_state::impl::trace(std::string_view event, std::string_view of, const message& what,
                                amqp::field_table more) {
  const auto exchange = metadata().find_exchange(settings_.vhost, trace_exchange);
  if (!exchange || what.exchange() == trace_exchange)
    return;
  std::string key{event};
  key.append(".").append(of);
  const std::vector<queue_ptr> queues = route_by_key(metadata(), *exchange, key);
  const auto properties = amqp::decode_properties(what.property_bytes());
  if (queues.empty() || !properties) // what is wrong with properties is told to whoever published them
    return;
  amqp::properties traced;
  traced.headers = description(what, *properties, settings_.node);
  for (amqp::field_entry& each : more.entries)
    traced.headers->entries.push_back(std::move(each));
  const batch_ref copy = copy_message(what, trace_exchange, key, traced);
  for (const queue_ptr& queue : queues) {
    copy->hold();
    request(queue->id, publish_request{copy, {{0, 1}}, self_, false});
  }
}

} // namespace broker

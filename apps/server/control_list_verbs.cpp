// What there is (features.md O05). Lists of a vhost that does not exist are empty, as RabbitMQ's.
#include "control_lists.hpp"
#include "control_verb.hpp"

namespace broker {

namespace {

using control::reply;
using control::request;
using control::response;

void list_queues(node_view& node, const request& what, reply done) {
  if (option_of(what, "offline") && !option_of(what, "online"))
    return done(table(what.columns)); // only queues of stopped nodes, of which a node alone has none
  node.list_queues(
    [facts = node.facts(), metadata = node.metadata(), vhost = vhost_of(what), columns = what.columns,
     done = std::move(done)](auto queues) { done(queue_rows(queues, facts, *metadata, vhost, columns)); });
}

/// Queues are asked when they are listed; those that do not answer make the list fail by its time-out.
void list_unresponsive_queues(node_view& node, const request& what, reply done) {
  node.list_queues([columns = what.columns, done = std::move(done)](const auto&) { done(table(columns)); });
}

void list_exchanges(node_view& node, const request& what, reply done) {
  done(exchange_rows(*node.metadata(), vhost_of(what), what.columns));
}

void list_bindings(node_view& node, const request& what, reply done) {
  done(binding_rows(*node.metadata(), vhost_of(what), what.columns));
}

void list_connections(node_view& node, const request& what, reply done) {
  node.list_connections([facts = node.facts(), columns = what.columns, done = std::move(done)](auto connections) {
    done(connection_rows(connections, facts, columns));
  });
}

void list_channels(node_view& node, const request& what, reply done) {
  node.list_channels([facts = node.facts(), columns = what.columns, done = std::move(done)](auto channels) {
    done(channel_rows(channels, facts, columns));
  });
}

void list_consumers(node_view& node, const request& what, reply done) {
  node.list_consumers([facts = node.facts(), vhost = vhost_of(what), columns = what.columns, done = std::move(done)](
                        auto consumers) { done(consumer_rows(consumers, facts, vhost, columns)); });
}

} // namespace

std::span<const verb> list_verbs() {
  static constexpr verb verbs[] = {
    {"list_queues", 0, 0, list_queues},           {"list_unresponsive_queues", 0, 0, list_unresponsive_queues},
    {"list_exchanges", 0, 0, list_exchanges},     {"list_bindings", 0, 0, list_bindings},
    {"list_connections", 0, 0, list_connections}, {"list_channels", 0, 0, list_channels},
    {"list_consumers", 0, 0, list_consumers},
  };
  return verbs;
}

} // namespace broker

// Health checks for load balancers and deployment tools (features.md O20): 200 {"status":"ok"}, or 503 and why.
#include <charconv>

#include <nlohmann/json.hpp>

#include "actors/operator_channel.hpp"
#include "cluster/node_conditions.hpp"
#include "management/router.hpp"
#include "management/service.hpp"
#include "replication/placement.hpp"

namespace broker::management {

namespace health_part {
namespace {

using nlohmann::json;

std::string text_of(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

void healthy(const call_ptr& to) {
  answer(to, 200, std::string{R"({"status":"ok"})"});
}

void unhealthy(const call_ptr& to, std::string_view reason, json more = json::object()) {
  more["status"] = "failed";
  more["reason"] = reason;
  answer(to, 503, text_of(more));
}

void add_alarms(json& to, const std::string& node, bool memory, bool disk) {
  if (memory)
    to.push_back({{"node", node}, {"resource", "memory"}});
  if (disk)
    to.push_back({{"node", node}, {"resource", "disk"}});
}

json own_alarms(const node_facts& now) {
  const auto has = [&](std::string_view word) {
    return std::any_of(now.alarms.begin(), now.alarms.end(),
                       [&](const std::string& each) { return each.find(word) != std::string::npos; });
  };
  json all = json::array();
  add_alarms(all, now.node, has("Memory"), has("disk") || has("Disk"));
  return all;
}

void local_alarms(const call_ptr& to) {
  to->in_service.facts([to](const node_facts& now) {
    auto alarms = own_alarms(now);
    if (alarms.empty())
      return healthy(to);
    unhealthy(to, "There are alarms in effect on the node", {{"alarms", std::move(alarms)}});
  });
}

void alarms(const call_ptr& to) {
  to->in_service.facts([to](const node_facts& now) {
    auto all = own_alarms(now);
    for (const auto& [node, what] : now.other_nodes)
      add_alarms(all, node, what.memory, what.disk);
    if (all.empty())
      return healthy(to);
    unhealthy(to, "There are alarms in effect in the cluster", {{"alarms", std::move(all)}});
  });
}

/// A vhost that is known runs on every node.
void virtual_hosts(const call_ptr& to) {
  healthy(to);
}

struct listening {
  std::vector<uint16_t> ports;
  std::vector<std::string> protocols;
};

listening listeners_of(const service& at, const node_facts& now) {
  listening all;
  for (const auto& each : now.listeners)
    if (each.protocol != "control") {
      all.ports.push_back(each.port);
      all.protocols.push_back(each.protocol);
    }
  if (at.management_port() != 0) {
    all.ports.push_back(at.management_port());
    all.protocols.emplace_back("http");
  }
  if (at.prometheus_port() != 0) {
    all.ports.push_back(at.prometheus_port());
    all.protocols.emplace_back("http/prometheus");
  }
  return all;
}

void port_listener(const call_ptr& to) {
  uint16_t port = 0;
  const auto& text = to->name(0);
  const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
  if (read.ec != std::errc{} || read.ptr != text.data() + text.size())
    return bad_request(to, "port is no number");
  to->in_service.facts([to, port](const node_facts& now) {
    const auto all = listeners_of(to->in_service, now);
    if (std::find(all.ports.begin(), all.ports.end(), port) != all.ports.end())
      return answer(to, 200, text_of({{"status", "ok"}, {"port", port}}));
    unhealthy(to, "No active listener", {{"missing", port}, {"ports", all.ports}});
  });
}

void protocol_listener(const call_ptr& to) {
  to->in_service.facts([to](const node_facts& now) {
    const auto all = listeners_of(to->in_service, now);
    const std::string wanted = to->name(0) == "amqp091" ? "amqp" : to->name(0);
    if (std::find(all.protocols.begin(), all.protocols.end(), wanted) != all.protocols.end())
      return answer(to, 200, text_of({{"status", "ok"}, {"protocol", to->name(0)}}));
    unhealthy(to, "No active listener", {{"missing", to->name(0)}, {"protocols", all.protocols}});
  });
}

/// There is no TLS listener, and so nothing that could expire.
void certificates(const call_ptr& to) {
  const auto& unit = to->name(1);
  for (const std::string_view known : {"days", "weeks", "months", "years"})
    if (unit == known)
      return healthy(to);
  bad_request(to, "Time unit not recognised");
}

void single_node(const call_ptr& to) {
  answer(to, 200, std::string{R"({"status":"ok","reason":"single node cluster"})"});
}

size_t cluster_size(const call& from) {
  size_t nodes = 0;
  from.metadata->for_each_node([&](const node_ptr&) { ++nodes; });
  return nodes;
}

/// Mirrored queues with their master here and no other node in sync that is up.
void mirror_sync(const call_ptr& to) {
  if (cluster_size(*to) <= 1)
    return single_node(to);
  json alone = json::array();
  const auto& own = to->in_service.around.node.name();
  to->metadata->for_each_queue([&](const queue_ptr& each) {
    const bool quorum = each->options && each->options->type == queue_type::quorum;
    if (each->node != own || !each->placement || quorum || each->placement->nodes.size() < 2)
      return;
    for (const auto& copy : each->placement->isr)
      if (const auto node = to->metadata->find_node(copy.node); node && node->up && node->name != own)
        return;
    alone.push_back({{"name", each->name},
                     {"virtual_host", each->vhost},
                     {"type", "classic"},
                     {"readable_name", "queue '" + each->name + "' in vhost '" + each->vhost + "'"}});
  });
  if (alone.empty())
    return healthy(to);
  unhealthy(to, "There are classic mirrored queues without online synchronised mirrors",
            {{"queues", std::move(alone)}});
}

void quorum(const call_ptr& to) {
  if (cluster_size(*to) <= 1)
    return single_node(to);
  control::request what;
  what.verb = "quorum_critical";
  to->in_service.around.run_verb(std::move(what), [to](const control::response& found) {
    if (found.exit_code != 0)
      return unhealthy(to, found.error);
    if (found.rows.empty())
      return healthy(to);
    json queues = json::array();
    for (const auto& row : found.rows) {
      json one;
      for (size_t i = 0; i < row.size() && i < found.columns.size(); ++i)
        if (const auto* text = std::get_if<std::string>(&row[i].content))
          one[found.columns[i]] = *text;
      queues.push_back(std::move(one));
    }
    unhealthy(to, "There are quorum queues that would lose their quorum if the target node is shut down",
              {{"queues", std::move(queues)}});
  });
}

void in_service(const call_ptr& to) {
  to->in_service.facts([to](const node_facts& now) {
    now.maintenance ? unhealthy(to, "this rabbit node is in maintenance mode") : healthy(to);
  });
}

/// A publish can be confirmed: clients may connect, a majority of the cluster is there, and no alarm blocks publishers.
void ready_to_serve(const call_ptr& to) {
  to->in_service.facts([to](const node_facts& now) {
    if (now.maintenance)
      return unhealthy(to, "the rabbit node is in maintenance mode");
    if (now.minority)
      return unhealthy(to, "the node has no majority of its cluster");
    const auto all = listeners_of(to->in_service, now);
    if (std::find(all.protocols.begin(), all.protocols.end(), "amqp") == all.protocols.end())
      return unhealthy(to, "the rabbit node has no listener for clients");
    auto raised = own_alarms(now);
    for (const auto& [node, what] : now.other_nodes)
      add_alarms(raised, node, what.memory, what.disk);
    raised.empty() ? healthy(to) : unhealthy(to, "publishers are blocked by alarms", {{"alarms", std::move(raised)}});
  });
}

void below_limit(const call_ptr& to) {
  to->in_service.facts([to](const node_facts& now) {
    const size_t most = to->in_service.around.config.connections_max;
    json figures{{"current", now.connections}, {"limit", most}};
    if (now.connections < most) {
      figures["status"] = "ok";
      return answer(to, 200, text_of(figures));
    }
    unhealthy(to, "node connection limit is reached", std::move(figures));
  });
}

void cluster_complete(const call_ptr& to) {
  size_t up = 0;
  to->metadata->for_each_node([&](const node_ptr& each) { up += each->up ? 1 : 0; });
  answer(to, 200, text_of({{"status", "ok"}, {"cluster_size", up}, {"target", 1}}));
}

// -- aliveness-test: declares a queue, publishes to it and fetches the message --

struct aliveness {
  call_ptr to;
  ref<operator_channel> channel;
};

constexpr const char* test_queue = "aliveness-test"; // RabbitMQ's

/// Goes on when the step was successful.
operator_channel::answered after(const aliveness& test, std::function<void(const operator_channel::answer&)> then) {
  return [test, then = std::move(then)](const result<operator_channel::answer>& done) {
    if (done)
      return then(*done);
    test.channel->close();
    fail(test.to, done.error());
  };
}

void test_get(const aliveness& test) {
  amqp::basic_class::get get;
  get.queue = test_queue;
  get.no_ack = true;
  test.channel->call(get, after(test, [test](const operator_channel::answer& got) {
                       test.channel->close();
                       std::holds_alternative<amqp::basic_class::get_ok>(got.what)
                         ? healthy(test.to)
                         : unhealthy(test.to, "the test message did not come back");
                     }));
}

void test_aliveness(const call_ptr& to) {
  with_channel(to, to->name(0), [to](const ref<operator_channel>& channel) {
    const aliveness test{to, channel};
    amqp::queue_class::declare declare;
    declare.queue = test_queue;
    channel->call(declare, after(test, [test](const operator_channel::answer&) {
                    operator_channel::outgoing_message what;
                    what.routing_key = test_queue;
                    what.body = "test_message";
                    test.channel->publish(what,
                                          after(test, [test](const operator_channel::answer&) { test_get(test); }));
                  }));
  });
}

} // namespace
} // namespace health_part

std::span<const route> health_routes() {
  using namespace health_part;
  static constexpr route all[] = {
    {"GET", "aliveness-test/*", rule::vhost, test_aliveness},
    {"GET", "healthchecks/node", rule::management, local_alarms},
    {"GET", "healthchecks/node/*", rule::management, local_alarms},
    {"GET", "health/checks/alarms", rule::management, alarms},
    {"GET", "health/checks/local-alarms", rule::management, local_alarms},
    {"GET", "health/checks/virtual-hosts", rule::management, virtual_hosts},
    {"GET", "health/checks/port-listener/*", rule::management, port_listener},
    {"GET", "health/checks/protocol-listener/*", rule::management, protocol_listener},
    {"GET", "health/checks/certificate-expiration/*/*", rule::management, certificates},
    {"GET", "health/checks/node-is-mirror-sync-critical", rule::management, mirror_sync},
    {"GET", "health/checks/node-is-quorum-critical", rule::management, quorum},
    {"GET", "health/checks/is-in-service", rule::management, in_service},
    {"GET", "health/checks/ready-to-serve-clients", rule::management, ready_to_serve},
    {"GET", "health/checks/below-node-connection-limit", rule::management, below_limit},
    {"GET", "health/checks/reached-target-cluster-size", rule::management, cluster_complete},
  };
  return all;
}

} // namespace broker::management

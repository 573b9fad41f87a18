// Names of RabbitMQ's plugins (features.md O07). What Warren offers is built in; enabling a name only notes it.
#include <algorithm>

#include "control_verb.hpp"
#include "version.hpp"

namespace broker {

namespace {

using control::reply;
using control::request;
using control::response;

/// Those that a RabbitMQ 3.13 brings along. None of their functions is part of Warren yet.
constexpr std::string_view known_plugins[] = {
  "rabbitmq_amqp1_0",
  "rabbitmq_auth_backend_cache",
  "rabbitmq_auth_backend_http",
  "rabbitmq_auth_backend_ldap",
  "rabbitmq_auth_backend_oauth2",
  "rabbitmq_auth_mechanism_ssl",
  "rabbitmq_consistent_hash_exchange",
  "rabbitmq_event_exchange",
  "rabbitmq_federation",
  "rabbitmq_federation_management",
  "rabbitmq_jms_topic_exchange",
  "rabbitmq_management",
  "rabbitmq_management_agent",
  "rabbitmq_mqtt",
  "rabbitmq_peer_discovery_aws",
  "rabbitmq_peer_discovery_common",
  "rabbitmq_peer_discovery_consul",
  "rabbitmq_peer_discovery_etcd",
  "rabbitmq_peer_discovery_k8s",
  "rabbitmq_prometheus",
  "rabbitmq_random_exchange",
  "rabbitmq_recent_history_exchange",
  "rabbitmq_sharding",
  "rabbitmq_shovel",
  "rabbitmq_shovel_management",
  "rabbitmq_stomp",
  "rabbitmq_stream",
  "rabbitmq_stream_management",
  "rabbitmq_top",
  "rabbitmq_tracing",
  "rabbitmq_trust_store",
  "rabbitmq_web_dispatch",
  "rabbitmq_web_mqtt",
  "rabbitmq_web_mqtt_examples",
  "rabbitmq_web_stomp",
  "rabbitmq_web_stomp_examples",
};

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void list_plugins(node_view& node, const request&, reply done) {
  const auto enabled = node.enabled_plugins();
  if (!enabled)
    return done(failure(exit_with::software, enabled.error().text));
  response answer = table({"name", "version", "enabled", "running"});
  for (const auto name : known_plugins)
    answer.rows.push_back({name, rabbitmq_version, contains(*enabled, name), false});
  done(std::move(answer));
}

void set_plugins(node_view& node, const request& what, reply done) {
  std::string unknown;
  for (const auto& name : what.arguments)
    if (std::find(std::begin(known_plugins), std::end(known_plugins), name) == std::end(known_plugins))
      unknown += (unknown.empty() ? ":" : ", :") + name;
  if (!unknown.empty())
    return done(failure(exit_with::software, "{:plugins_not_found, [" + unknown + "]}"));
  const auto stored = node.enable_plugins(what.arguments);
  done(stored ? response{} : failure(exit_with::software, stored.error().text));
}

} // namespace

std::span<const verb> plugin_verbs() {
  static constexpr verb verbs[] = {
    {"list_plugins", 0, 0, list_plugins, app_need::any},
    {"set_plugins", 0, std::size(known_plugins), set_plugins, app_need::any},
  };
  return verbs;
}

} // namespace broker

#include "config_keys.hpp"

#include <algorithm>

#include "config_values.hpp"
#include "node_name.hpp"

namespace broker {

namespace {

using enum config_key::treatment;

using setting = config_key::setting;
using problem = std::string;
using namespace config_value;

/// Entries of a list that a file may name one by one.
constexpr size_t names_max = 256;

problem too_many() {
  return "is one of more than " + std::to_string(names_max) + " of its kind";
}

constexpr uint64_t exabyte = 1'000'000'000'000'000'000;

problem set_listener(node_config& config, const setting& given) {
  listener_address address;
  address.name = given.name;
  if (auto wrong = parse_listener(given.value, address); !wrong.empty())
    return wrong;
  if (!config.listeners_given)
    config.listeners.clear();
  config.listeners_given = true;
  std::erase_if(config.listeners, [&](const listener_address& known) { return known.name == address.name; });
  if (config.listeners.size() >= names_max)
    return too_many();
  config.listeners.push_back(std::move(address));
  return {};
}

problem set_no_listener(node_config& config, const setting& given) {
  if (given.value != "none")
    return "expects none; name a listener for anything else, e.g. listeners.tcp.default = 5672";
  config.listeners.clear();
  config.listeners_given = true;
  return {};
}

problem set_loopback_user(node_config& config, const setting& given) {
  bool restricted = true;
  if (auto wrong = parse_switch(given.value, restricted); !wrong.empty())
    return wrong;
  std::erase(config.loopback_users, std::string{given.name});
  if (config.loopback_users.size() >= names_max)
    return too_many();
  if (restricted)
    config.loopback_users.emplace_back(given.name);
  return {};
}

problem set_no_loopback_users(node_config& config, const setting& given) {
  if (given.value != "none")
    return "expects none; for one user write loopback_users.NAME = true or false";
  config.loopback_users.clear();
  return {};
}

problem set_user_tag(node_config& config, const setting& given) {
  bool tagged = true;
  if (auto wrong = parse_switch(given.value, tagged); !wrong.empty())
    return wrong;
  if (!config.user_tags_given)
    config.default_user_tags.clear();
  config.user_tags_given = true;
  std::erase(config.default_user_tags, std::string{given.name});
  if (config.default_user_tags.size() >= names_max)
    return too_many();
  if (tagged)
    config.default_user_tags.emplace_back(given.name);
  return {};
}

problem set_mechanism(node_config& config, const setting& given) {
  if (given.value != "PLAIN" && given.value != "AMQPLAIN")
    return "expects PLAIN or AMQPLAIN; other mechanisms are not offered";
  if (!config.auth_mechanisms_given)
    config.auth_mechanisms.clear();
  config.auth_mechanisms_given = true;
  if (std::find(config.auth_mechanisms.begin(), config.auth_mechanisms.end(), given.value)
      == config.auth_mechanisms.end())
    config.auth_mechanisms.emplace_back(given.value);
  return {};
}

problem set_frame_max(node_config& config, const setting& given) {
  constexpr uint32_t most = 16 * 1024 * 1024;
  return parse_integer<uint32_t>(given.value, limits::frame_min_bytes, most, config.frame_max_bytes);
}

problem set_memory_share(node_config& config, const setting& given) {
  double share = 0;
  if (auto wrong = parse_ratio(given.value, 1.0, share); !wrong.empty())
    return wrong;
  config.memory_watermark_bytes = static_cast<uint64_t>(share * static_cast<double>(total_memory_bytes()));
  return {};
}

problem set_definitions(node_config& config, const setting& given) {
  if (given.value.empty())
    return "expects a file";
  config.definitions_file = given.value;
  return {};
}

problem set_disk_share(node_config& config, const setting& given) {
  double share = 0;
  if (auto wrong = parse_ratio(given.value, 100.0, share); !wrong.empty())
    return wrong;
  config.disk_free_limit_bytes = static_cast<uint64_t>(share * static_cast<double>(total_memory_bytes()));
  return {};
}

problem set_durability(node_config& config, const setting& given) {
  if (given.value == "fsync")
    config.durability = durability::fsync;
  else if (given.value == "interval")
    config.durability = durability::interval;
  else if (given.value == "os")
    config.durability = durability::os;
  else
    return "expects fsync, interval or os";
  return {};
}

problem set_locator(node_config& config, const setting& given) {
  constexpr std::string_view all[] = {"client-local", "balanced", "random", "least-leaders", "min-masters"};
  if (std::find(std::begin(all), std::end(all), given.value) == std::end(all))
    return "expects client-local, balanced or random";
  config.queue_leader_locator = given.value;
  return {};
}

problem set_log_file(node_config& config, const setting& given) {
  if (given.value == "false") {
    config.log.file = false;
    return {};
  }
  if (given.value == "true")
    return "expects a file name or false";
  config.log.file = true;
  config.log.file_name = given.value;
  return {};
}

problem set_default_user(node_config& config, const setting& given) {
  if (given.value.empty() || given.value.size() > limits::name_max_bytes)
    return "expects a name of 1 to 255 bytes";
  config.default_user = given.value;
  return {};
}

problem set_default_password(node_config& config, const setting& given) {
  if (given.value.empty())
    return "expects a password: blank ones are refused";
  config.default_password = secret_string{given.value};
  return {};
}

problem set_hashing(node_config&, const setting& given) {
  return given.value == "rabbit_password_hashing_sha256" ? "" : "expects rabbit_password_hashing_sha256";
}

problem set_auth_backend(node_config&, const setting& given) {
  return given.value == "internal" || given.value == "rabbit_auth_backend_internal"
         ? ""
         : "expects internal: users live in the node's own store";
}

/// A member that takes any text.
template<std::string node_config::*Member>
problem set_text(node_config& config, const setting& given) {
  config.*Member = given.value;
  return {};
}

std::vector<config_key> connection_keys() {
  return {
    {"listeners.tcp.$", honoured, "5672", "where AMQP clients connect: PORT or HOST:PORT; any name, `default` is usual",
     set_listener},
    {"listeners.tcp", honoured, "", "`none`: no AMQP listener", set_no_listener},
    {"handshake_timeout", honoured, "10000", "milliseconds from accept to connection.open",
     [](node_config& c, const setting& s) {
       return parse_integer<uint32_t>(s.value, 100, 3'600'000, c.handshake_timeout_ms);
     }},
    {"consumer_timeout", honoured, "1800000",
     "milliseconds a delivery may stay unacknowledged before its channel is closed",
     [](node_config& c, const setting& s) {
       return parse_integer<uint64_t>(s.value, 1, limits::consumer_timeout_max_ms, c.consumer_timeout_ms);
     }},
    {"queue_leader_locator", honoured, "client-local",
     "on which running node a queue is made that says nothing of it: `client-local`, `balanced` or `random`",
     set_locator},
    {"queue_master_locator", honoured, "client-local", "older name of `queue_leader_locator`", set_locator},
    {"heartbeat", honoured, "60", "seconds, as proposed to clients; 0 = none",
     [](node_config& c, const setting& s) { return parse_integer<uint16_t>(s.value, 0, 65535, c.heartbeat_s); }},
    {"frame_max", honoured, "131072", "bytes, largest frame offered to clients", set_frame_max},
    {"channel_max", honoured, "2047", "channels per connection offered to clients",
     [](node_config& c, const setting& s) { return parse_integer<uint16_t>(s.value, 1, 65535, c.channel_max); }},
    {"connection_max", honoured, "65536",
     "client connections of the node, at most 65536; further ones wait; `infinity` means that limit",
     [](node_config& c, const setting& s) {
       return s.value == "infinity" ? problem{}
                                    : parse_integer<size_t>(s.value, 0, limits::connections_max, c.connections_max);
     }},
    {"max_message_size", honoured, "134217728", "bytes, largest message body",
     [](node_config& c, const setting& s) {
       return parse_bytes(s.value, 1, limits::message_hard_max_bytes, c.message_max_bytes);
     }},
    {"tcp_listen_options.backlog", honoured, "128", "connections the kernel keeps before they are accepted",
     [](node_config& c, const setting& s) { return parse_integer<int>(s.value, 1, 65535, c.tcp_backlog); }},
    {"tcp_listen_options.nodelay", honoured, "true", "send small writes at once (TCP_NODELAY)",
     [](node_config& c, const setting& s) { return parse_switch(s.value, c.tcp_nodelay); }},
  };
}

problem set_distribution_host(node_config& config, const setting& given) {
  listener_address address;
  if (!parse_listener(std::string{given.value} + ":1", address).empty())
    return "expects an address of this machine";
  config.distribution_host = address.host;
  return {};
}

/// An address, for a member that listens for HTTP.
template<http_listener node_config::*Member>
problem set_http_host(node_config& config, const setting& given) {
  listener_address address;
  if (!parse_listener("[" + std::string{given.value} + "]:1", address).empty())
    return "expects an address of this machine";
  (config.*Member).host = address.host;
  return {};
}

template<http_listener node_config::*Member>
problem set_http_port(node_config& config, const setting& given) {
  (config.*Member).given = true;
  return parse_integer<uint16_t>(given.value, 1, 65535, (config.*Member).port);
}

template<http_listener node_config::*Member>
problem set_no_http(node_config& config, const setting& given) {
  if (given.value != "none")
    return "expects none; for anything else write the port";
  (config.*Member).off = true;
  return {};
}

std::vector<config_key> http_keys() {
  return {
    {"management.tcp.port", honoured, "AMQP port + 10000", "port of the management API and its web pages",
     set_http_port<&node_config::management>},
    {"management.tcp.ip", honoured, "all", "address for it", set_http_host<&node_config::management>},
    {"management.tcp", honoured, "", "`none`: no management interface", set_no_http<&node_config::management>},
    {"collect_statistics_interval", honoured, "5000",
     "milliseconds between samples of what queues, channels and the node do; less than 5000 is 5000",
     [](node_config& c, const setting& s) {
       auto read = parse_integer<uint64_t>(s.value, 1, 86'400'000, c.sample_interval_ms);
       c.sample_interval_ms = std::max(c.sample_interval_ms, sample_interval_min_ms);
       return read;
     }},
    {"prometheus.tcp.port", honoured, "AMQP port + 10020", "port where Prometheus fetches metrics",
     set_http_port<&node_config::prometheus>},
    {"prometheus.tcp.ip", honoured, "all", "address for it", set_http_host<&node_config::prometheus>},
    {"prometheus.tcp", honoured, "", "`none`: no metrics", set_no_http<&node_config::prometheus>},
    {"prometheus.return_per_object_metrics", honoured, "false",
     "`true`: /metrics shows every queue, channel and connection",
     [](node_config& c, const setting& s) { return parse_switch(s.value, c.prometheus_per_object); }},
  };
}

std::vector<config_key> cluster_keys() {
  return {
    {"distribution.listener.interface", honoured, "all", "address for other nodes to connect to",
     set_distribution_host},
    {"distribution.listener.port_range.min", honoured, "AMQP port + 20000",
     "port for other nodes to connect to; the environment beats it",
     [](node_config& c, const setting& s) { return parse_integer<uint16_t>(s.value, 1, 65535, c.distribution_port); }},
    {"cluster.break_limit", honoured, "60000",
     "milliseconds without a connection to another node after which its session is over",
     [](node_config& c, const setting& s) {
       return parse_integer<uint64_t>(s.value, 5'000, 3'600'000, c.break_limit_ms);
     }},
  };
}

std::vector<config_key> login_keys() {
  return {
    {"default_user", honoured, "guest", "user created on the first start of an empty node", set_default_user},
    {"default_pass", honoured, "guest", "password of that user", set_default_password},
    {"default_vhost", honoured, "/", "virtual host created on the first start", set_text<&node_config::default_vhost>},
    {"default_user_tags.$", honoured, "administrator", "`true` gives that user the tag named", set_user_tag},
    {"default_permissions.configure", honoured, ".*", "regular expression of names that user may configure",
     set_text<&node_config::default_configure>},
    {"default_permissions.write", honoured, ".*", "the same for write", set_text<&node_config::default_write>},
    {"default_permissions.read", honoured, ".*", "the same for read", set_text<&node_config::default_read>},
    {"loopback_users.$", honoured, "guest: true", "`true`: the user named may log in from this machine only",
     set_loopback_user},
    {"loopback_users", honoured, "", "`none`: every user may log in from anywhere", set_no_loopback_users},
    {"auth_mechanisms.$", honoured, "PLAIN, AMQPLAIN", "SASL mechanisms offered, numbered from 1", set_mechanism},
    {"auth_backends.$", honoured, "internal", "only `internal`", set_auth_backend},
    {"password_hashing_module", honoured, "rabbit_password_hashing_sha256", "only this one", set_hashing},
    {"load_definitions", honoured, "", "definitions file that is imported at every start, before clients may connect",
     set_definitions},
    {"management.load_definitions", honoured, "", "the same", set_definitions},
    {"definitions.local.path", honoured, "", "the same", set_definitions},
    {"definitions.import_backend", honoured, "local_filesystem", "only `local_filesystem`",
     [](node_config&, const setting& s) {
       return s.value == "local_filesystem" ? problem{} : "expects local_filesystem";
     }},
    {"cluster_name", honoured, "the node name", "name shown to clients and tools",
     set_text<&node_config::cluster_name>},
  };
}

problem set_discovery(node_config& config, const setting& given) {
  if (given.value == "classic_config" || given.value == "rabbit_peer_discovery_classic_config")
    config.discovery.backend = discovery_backend::classic_config;
  else if (given.value == "dns" || given.value == "rabbit_peer_discovery_dns")
    config.discovery.backend = discovery_backend::dns;
  else
    return "expects classic_config or dns; aws, consul, etcd and k8s are not supported";
  return {};
}

problem add_discovered_node(node_config& config, const setting& given) {
  auto node = complete_node_name(given.value);
  if (!node)
    return node.error().text;
  if (config.discovery.nodes.size() >= names_max)
    return too_many();
  config.discovery.nodes.push_back(*std::move(node));
  return {};
}

std::vector<config_key> discovery_keys() {
  return {
    {"cluster_formation.peer_discovery_backend", honoured, "",
     "how a blank node finds its cluster at its first start: `classic_config` or `dns`", set_discovery},
    {"cluster_formation.classic_config.nodes.$", honoured, "", "name of a node, e.g. rabbit@node1",
     add_discovered_node},
    {"cluster_formation.dns.hostname", honoured, "", "host whose addresses are the nodes",
     [](node_config& c, const setting& s) {
       c.discovery.dns_host = s.value;
       return problem{};
     }},
    {"cluster_formation.discovery_retry_limit", honoured, "60",
     "how often a blank node looks for a running member before its start fails",
     [](node_config& c, const setting& s) {
       return parse_integer<uint32_t>(s.value, 1, 1'000'000, c.discovery.retry_limit);
     }},
    {"cluster_formation.discovery_retry_interval", honoured, "1000", "milliseconds between two looks",
     [](node_config& c, const setting& s) {
       return parse_integer<uint32_t>(s.value, 10, 3'600'000, c.discovery.retry_interval_ms);
     }},
  };
}

std::vector<config_key> resource_keys() {
  return {
    {"vm_memory_high_watermark.relative", honoured, "0.4", "share of the memory above which publishers are blocked",
     set_memory_share},
    {"vm_memory_high_watermark.absolute", honoured, "", "the same in bytes, with a unit if you like",
     [](node_config& c, const setting& s) { return parse_bytes(s.value, 0, exabyte, c.memory_watermark_bytes); }},
    {"disk_free_limit.absolute", honoured, "50MB", "free space below which publishers are blocked",
     [](node_config& c, const setting& s) { return parse_bytes(s.value, 0, exabyte, c.disk_free_limit_bytes); }},
    {"disk_free_limit.relative", honoured, "", "the same as a multiple of the memory", set_disk_share},
    {"durability", honoured, "fsync", "when a persistent message is confirmed: `fsync` on disk, `interval` or `os`",
     set_durability},
    {"durability_interval_ms", honoured, "100", "milliseconds between syncs with `durability = interval`",
     [](node_config& c, const setting& s) {
       return parse_integer<uint32_t>(s.value, 1, 60'000, c.durability_interval_ms);
     }},
    {"queue_memory_limit", honoured, "32MiB",
     "message bytes one queue keeps in memory; the rest is read back from disk",
     [](node_config& c, const setting& s) { return parse_bytes(s.value, 64 * 1024, exabyte, c.queue_memory_bytes); }},
    {"node_memory_limit", honoured, "128MiB", "message bytes all queues together keep in memory",
     [](node_config& c, const setting& s) { return parse_bytes(s.value, 1024 * 1024, exabyte, c.node_memory_bytes); }},
    {"loops", honoured, "0", "threads that run connections, channels and queues; 0 = one fewer than cores",
     [](node_config& c, const setting& s) { return parse_integer<unsigned>(s.value, 0, 256, c.loops); }},
  };
}

std::vector<config_key> log_keys() {
  return {
    {"log.dir", honoured, "DATA/log", "folder of the log file",
     [](node_config& c, const setting& s) {
       c.log.folder = s.value;
       return problem{};
     }},
    {"log.file", honoured, "<node name>.log", "file name, or `false` for no log file", set_log_file},
    {"log.file.level", honoured, "info", "debug, info, notice, warning, error, critical or none",
     [](node_config& c, const setting& s) { return parse_log_level(s.value, c.log.file_level); }},
    {"log.console", honoured, "false", "`true`: log to standard output too",
     [](node_config& c, const setting& s) { return parse_switch(s.value, c.log.console); }},
    {"log.console.level", honoured, "info", "as log.file.level",
     [](node_config& c, const setting& s) { return parse_log_level(s.value, c.log.console_level); }},
  };
}

} // namespace

std::vector<config_key> own_config_keys() {
  std::vector<config_key> keys;
  for (auto part :
       {connection_keys(), http_keys(), cluster_keys(), discovery_keys(), login_keys(), resource_keys(), log_keys()})
    keys.insert(keys.end(), part.begin(), part.end());
  return keys;
}

const std::vector<config_key>& config_keys() {
  static const std::vector<config_key> keys = [] {
    auto all = own_config_keys();
    for (const auto& key : foreign_config_keys())
      all.push_back(key);
    return all;
  }();
  return keys;
}

} // namespace broker

// What one node is told: warren.conf (rabbitmq.conf's syntax and keys), environment, command line. Read once at start;
// a mistake refuses to start with file, line, reason and the nearest valid key (features.md O35-O40).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.hpp"
#include "base/result.hpp"
#include "cluster/link_limits.hpp"
#include "secret_string.hpp"

namespace broker {

enum class durability : uint8_t {
  fsync,    ///< a confirm means that fdatasync returned (guarantees.md G1)
  interval, ///< fdatasync every durability_interval_ms; a power cut loses at most that much
  os,       ///< the operating system decides; a power cut may lose what it has not written
};

enum class log_level : uint8_t { debug, info, notice, warning, error, critical, none };

/// Where to listen. `host` "::" is every address, IPv4 included, as RabbitMQ's default.
struct listener_address {
  std::string host = "::";
  uint16_t port = 5672;
  std::string name = "default"; ///< of the key: listeners.tcp.NAME
  friend bool operator==(const listener_address&, const listener_address&) = default;
};

/// Statistics are sampled no more often (RabbitMQ's default, and the finest that its rings keep).
inline constexpr uint64_t sample_interval_min_ms = 5'000;

/// Where HTTP is served.
struct http_listener {
  std::string host = "::";
  uint16_t port = 0;  ///< decided by the start options unless `given`
  bool given = false; ///< the file names the port: a start that does not get it fails
  bool off = false;
};

struct log_settings {
  bool file = true;
  std::string file_name; ///< "" = <nodename>.log
  log_level file_level = log_level::info;
  bool console = false;
  log_level console_level = log_level::info;
  std::filesystem::path folder; ///< "" = decided by the start options
};

enum class discovery_backend : uint8_t { none, classic_config, dns };

/// Whom a blank node joins at its first start (peer_discovery.hpp).
struct discovery_settings {
  discovery_backend backend = discovery_backend::none;
  std::vector<std::string> nodes; ///< of classic_config
  std::string dns_host;
  /// How often, and how far apart, a node looks for a running member before its start fails.
  uint32_t retry_limit = 60;
  uint32_t retry_interval_ms = 1'000;
};

/// The settings of one node, complete and valid.
struct node_config {
  // -- who and where (command line, environment) --
  std::string node_name; ///< "rabbit@host"
  std::filesystem::path data_dir;
  std::filesystem::path config_file; ///< "" = none read
  std::filesystem::path cookie_file;
  std::string control_host = "::"; ///< where tools, and nodes that want to join, reach this one
  uint16_t control_port = 0;       ///< distribution port + 10000; 0 = any free port
  secret_string cookie;            ///< read by prepare_node_files

  // -- listeners and connections (O35) --
  std::vector<listener_address> listeners{listener_address{}};
  uint32_t handshake_timeout_ms = limits::handshake_timeout_ms;
  uint16_t heartbeat_s = limits::heartbeat_s;
  uint32_t frame_max_bytes = limits::frame_max_bytes;
  uint16_t channel_max = limits::channel_max;
  size_t connections_max = limits::connections_max;
  uint64_t message_max_bytes = limits::message_max_bytes;
  uint64_t consumer_timeout_ms = limits::consumer_timeout_ms;
  std::string queue_leader_locator = "client-local";
  int tcp_backlog = 128;
  bool tcp_nodelay = true;

  // -- HTTP (docs/management.md) --
  http_listener management;                             ///< API and web pages; AMQP port + 10000 unless given
  http_listener prometheus;                             ///< AMQP port + 10020 unless given
  bool prometheus_per_object = false;                   ///< /metrics shows every queue, channel and connection
  uint64_t sample_interval_ms = sample_interval_min_ms; ///< between samples of statistics

  // -- other nodes (docs/internals/cluster-links.md) --
  std::string distribution_host = "::"; ///< address for other nodes to connect to
  /// AMQP port + 20000 unless RABBITMQ_DIST_PORT or distribution.listener.port_range.min; 0 = any free port.
  uint16_t distribution_port = 0;
  uint64_t break_limit_ms = link_limits::break_limit_ms;

  // -- first start and logins (O36) --
  std::string default_user = "guest";
  secret_string default_password{"guest"};
  std::vector<std::string> default_user_tags{"administrator"};
  std::string default_vhost = "/";
  std::string default_configure = ".*";
  std::string default_write = ".*";
  std::string default_read = ".*";
  std::vector<std::string> loopback_users{"guest"};
  std::vector<std::string> auth_mechanisms{"PLAIN", "AMQPLAIN"};
  std::string cluster_name;               ///< "" = as operators set it, else the node name
  std::filesystem::path definitions_file; ///< imported at every start (O28); "" = none

  // -- cluster (O38) --
  discovery_settings discovery;

  // -- resources (O39) --
  /// Resident bytes above which publishers are blocked (O46).
  uint64_t memory_watermark_bytes = 0;
  uint64_t disk_free_limit_bytes = limits::disk_free_limit_bytes;
  uint64_t queue_memory_bytes = limits::queue_memory_bytes;
  uint64_t node_memory_bytes = limits::node_memory_bytes;
  broker::durability durability = broker::durability::fsync;
  uint32_t durability_interval_ms = 100;
  /// Threads that run sessions and actors; 0 = cores - 1, at least 1.
  unsigned loops = 0;

  log_settings log;

  /// Things to log at start: keys accepted without effect.
  std::vector<std::string> notes;

  // -- while the file is read: the first setting of a list replaces its default --
  bool listeners_given = false;
  bool auth_mechanisms_given = false;
  bool user_tags_given = false;
};

/// One configuration key. `$` in a pattern is a segment the user names, e.g. listeners.tcp.$.
struct config_key {
  enum class treatment : uint8_t {
    honoured,
    noted,   ///< accepted, without effect here, said once in the log
    refused, ///< the node does not start: ignoring it would break a promise the file makes
  };
  /// One `key = value` of the file. `name` is what stood for `$`.
  struct setting {
    std::string_view key;
    std::string_view name;
    std::string_view value;
  };

  std::string_view pattern;
  treatment what;
  std::string_view preset;  ///< default, as the documentation shows it
  std::string_view meaning; ///< for refused and noted keys: why
  /// Stores the value; returns what is wrong with it, "" when nothing is. Null for noted and refused keys.
  std::string (*apply)(node_config&, const setting&) = nullptr;
};

/// Every key there is: parser, documentation and suggestions all read this.
const std::vector<config_key>& config_keys();

/// Reads `text` into `config`. Error: every mistake, one line each: "FILE:LINE: reason".
result<void> apply_config_text(std::string_view text, std::string_view file_name, node_config& config);

/// Reads a file of at most 1 MiB into `config`.
result<void> apply_config_file(const std::filesystem::path& file, node_config& config);

/// The known key most like `key` by edit distance, or "" when none is near.
std::string nearest_config_key(std::string_view key);

} // namespace broker

// What the control verbs may see and do of a running node. The node implements it; tests fake it. Called on the control
// endpoint's thread; the callbacks may come from any thread, each exactly once.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "amqp/field_table.hpp"
#include "metadata/command.hpp"
#include "metadata/snapshot.hpp"

namespace broker {

struct queue_info {
  queue_ptr queue;
  uint64_t ready = 0;
  uint64_t unacknowledged = 0;
  uint64_t ready_bytes = 0;
  uint64_t unacknowledged_bytes = 0;
  uint64_t persistent = 0;
  uint64_t consumers = 0;
  uint64_t memory_bytes = 0;
  std::string state = "running";
};

struct connection_info {
  connection_id id = 0;
  std::string name; ///< "127.0.0.1:51234 -> 127.0.0.1:5672"
  std::string host; ///< own address
  uint16_t port = 0;
  std::string peer_host;
  uint16_t peer_port = 0;
  std::string user;
  std::string vhost;
  std::string state;
  std::string auth_mechanism;
  uint64_t channels = 0;
  uint16_t channel_max = 0;
  uint32_t frame_max = 0;
  uint16_t heartbeat_s = 0;
  amqp::field_table client_properties;
  uint64_t received_bytes = 0;
  uint64_t sent_bytes = 0;
  int64_t connected_at_ms = 0; ///< since 1970
};

struct channel_info {
  connection_id connection = 0;
  std::string connection_name;
  uint16_t number = 0;
  std::string user;
  std::string vhost;
  bool transactional = false;
  bool confirm = false;
  uint64_t consumers = 0;
  uint64_t unacknowledged = 0;
  uint64_t unconfirmed = 0;
  uint64_t uncommitted = 0;
  uint64_t uncommitted_acks = 0;
  uint64_t prefetch = 0;
  uint64_t global_prefetch = 0;
};

struct listener_info {
  std::string interface; ///< "[::]"
  uint16_t port = 0;
  std::string protocol; ///< "amqp", "clustering"
  std::string purpose;  ///< "AMQP 0-9-1 and AMQP 1.0"
};

/// The node at this moment.
struct node_facts {
  std::string node;
  std::string cluster_name;
  uint64_t started_at_unix_s = 0; ///< tells one start from the next in process-like names
  uint64_t uptime_s = 0;
  std::string data_dir;
  std::string config_file; ///< "" = none
  std::string log_file;    ///< "" = none
  std::vector<std::string> vhosts;
  std::vector<std::string> alarms;
  std::vector<listener_info> listeners;
  uint64_t memory_bytes = 0;
  uint64_t memory_watermark_bytes = 0;
  uint64_t disk_free_bytes = 0;
  uint64_t disk_free_limit_bytes = 0;
  uint64_t open_files = 0;
  uint64_t open_files_max = 0;
  uint64_t connections = 0;
  uint64_t queues = 0;
};

class node_view {
public:
  virtual ~node_view() = default;
  virtual snapshot_ptr metadata() const = 0;
  /// Through the consensus group; calls back when applied or refused.
  virtual void propose(command what, std::function<void(command_result)> done) = 0;
  virtual void list_queues(std::function<void(std::vector<queue_info>)> done) = 0;
  virtual void list_connections(std::function<void(std::vector<connection_info>)> done) = 0;
  virtual void list_channels(std::function<void(std::vector<channel_info>)> done) = 0;
  virtual node_facts facts() const = 0;
  /// base64(salt + sha256(salt + password)) with a fresh salt (guarantees.md S2).
  virtual std::string hash_password(std::string_view password) const = 0;
  virtual void request_stop() = 0;
};

} // namespace broker

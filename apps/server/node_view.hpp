// What the control verbs may see and do of a running node. The node implements it; tests fake it. Called on the control
// endpoint's thread; the callbacks may come from any thread, each exactly once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cluster/node_conditions.hpp"
#include "cluster/reports.hpp"
#include "cluster_operations.hpp"
#include "config.hpp"
#include "control_message.hpp"
#include "control_replicas.hpp"
#include "metadata/command.hpp"
#include "metadata/snapshot.hpp"

namespace broker {

struct queue_info : queue_report {
  std::string_view state() const { return down ? "down" : minority ? "minority" : flow ? "flow" : "running"; }

  // -- filled in where they are asked for --
  control::value effective_policy; ///< a record
  queue_replicas replicas;
};

struct connection_info : session_report {
  std::string host; ///< own address
  uint16_t port = 0;
  std::string peer_host;
  uint16_t peer_port = 0;
};

struct channel_info : channel_report {
  std::string connection_name;
  std::string state = "running"; ///< "flow": its queues slow it down (O47)
};

using consumer_info = consumer_report;

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
  /// Number of each member's present or last run: tells one start from the next in process-like names.
  std::map<std::string, uint64_t, std::less<>> runs;
  uint64_t uptime_s = 0;
  std::string data_dir;
  std::string config_file; ///< "" = none
  std::string log_file;    ///< "" = none
  uint64_t vhosts = 0;
  std::vector<std::string> alarms;               ///< of this node
  cluster::node_conditions::by_node other_nodes; ///< what other members say of themselves, and counts here
  bool maintenance = false;                      ///< drained: no clients, no masters of queues
  bool minority = false; ///< it has no majority of the cluster's nodes, and no leader of the metadata (G5)
  std::vector<std::string> unreachable; ///< other members, by name
  std::vector<listener_info> listeners;
  uint64_t memory_bytes = 0;
  uint64_t memory_watermark_bytes = 0;
  uint64_t disk_free_bytes = 0;
  uint64_t disk_free_limit_bytes = 0;
  uint64_t open_files = 0;
  uint64_t open_files_max = 0;
  uint64_t connections = 0;
  uint64_t queues = 0;
  uint64_t message_bytes = 0; ///< of the memory: messages and what was read from clients
};

/// Of the metadata's consensus group; names of nodes.
struct group_facts {
  std::string leader; ///< "": none is known
  std::vector<std::string> voters;
};

enum class resource : uint8_t { memory, disk };

/// Of the broker inside the node's process (features.md S04).
enum class app_state : uint8_t { stopped, starting, running, stopping };

class node_view {
public:
  virtual ~node_view() = default;
  /// "rabbit@host"
  virtual const std::string& name() const = 0;

  // -- life of the app. Orders are carried out one after the other --
  virtual app_state state() const = 0;
  /// Nothing to do for one that runs. Error: why it does not start; the process goes on, and it may be tried again.
  virtual void start_app(std::function<void(result<void>)> done) = 0;
  /// Clients get 320. Nothing to do for one that is stopped.
  virtual void stop_app(std::function<void(result<void>)> done) = 0;
  /// Leaves the cluster, unless `forced`, and deletes metadata, queues and messages. Error: the app runs, the cluster
  /// does not let go, or a file cannot be deleted.
  virtual void reset(bool forced, std::function<void(result<void>)> done) = 0;
  /// See cluster_operations::join; the app is stopped.
  virtual void join_cluster(const std::string& seed,
                            std::function<void(result<cluster_operations::join_outcome>)> done) = 0;
  /// See cluster_operations::go_alone; the app is stopped.
  virtual void force_boot(std::function<void(result<void>)> done) = 0;
  /// See cluster_operations::forget_offline; the app is stopped.
  virtual void forget_offline(const std::string& node, std::function<void(result<void>)> done) = 0;
  virtual cluster_operations& cluster() = 0;
  /// Asks the control endpoints of these nodes, all at once; those that do not answer soon are left out.
  virtual void ask_members(std::vector<std::string> nodes, control::request what,
                           std::function<void(std::vector<std::pair<std::string, control::response>>)> done) = 0;

  // -- what the app knows. Empty while it is stopped; proposals are refused then --
  virtual snapshot_ptr metadata() const = 0;
  /// Through the consensus group; calls back when applied or refused.
  virtual void propose(command what, std::function<void(command_result)> done) = 0;
  virtual void list_queues(std::function<void(std::vector<queue_info>)> done) = 0;
  virtual void list_connections(std::function<void(std::vector<connection_info>)> done) = 0;
  virtual void list_channels(std::function<void(std::vector<channel_info>)> done) = 0;
  /// Those with a consumer.
  virtual void list_consumers(std::function<void(std::vector<consumer_info>)> done) = 0;
  virtual node_facts facts() const = 0;
  virtual void group_state(std::function<void(group_facts)> done) = 0;
  /// Masters of the replicated queues that `which` is true of, on any thread, move until the nodes that run have as
  /// many of them as each other; `done` when none moves any more, on the control endpoint's thread. Error:
  /// "rebalance_in_progress".
  virtual void rebalance(std::function<bool(const queue_record&)> which, std::function<void(result<void>)> done) = 0;
  /// What the management API of another node asks (verb management_report). Refused where there is none.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): who overrides it keeps it
  virtual void management_report(const control::request& what, control::reply done) {
    static_cast<void>(what);
    control::response refused;
    refused.exit_code = 69;
    refused.error = "this node has no management interface";
    done(std::move(refused));
  }
  /// Other members whose connection is broken, or cannot be made.
  virtual std::vector<std::string> unreachable() const = 0;
  bool is_unreachable(const std::string& node) const {
    const auto all = unreachable();
    return std::find(all.begin(), all.end(), node) != all.end();
  }

  // -- operations --
  /// Closes the connections that `which` chooses, at most `most`; `which` may be called on any thread. `done` gets
  /// their number.
  virtual void close_connections(std::function<bool(const connection_info&)> which, size_t most, const error& why,
                                 std::function<void(size_t)> done) = 0;
  /// Closes the listeners for clients; connections go on.
  virtual void suspend_listeners(std::function<void(result<void>)> done) = 0;
  /// Error: a port is taken.
  virtual void resume_listeners(std::function<void(result<void>)> done) = 0;
  /// Maintenance mode, until revived or the app's next start: no listeners, clients are sent away with 320, other nodes
  /// place no queues here, and another node leads the metadata.
  virtual void drain(std::function<void(result<void>)> done) = 0;
  virtual void revive(std::function<void(result<void>)> done) = 0;
  /// Deletes the queue if its conditions hold; `done` gets the number of ready messages it had. Error: 406 in use, not
  /// empty, or 404.
  virtual void delete_queue(const queue_ptr& queue, bool if_unused, bool if_empty,
                            std::function<void(result<uint32_t>)> done) = 0;
  /// Drops the ready messages; `done` gets their number. Error: 404.
  virtual void purge_queue(const queue_ptr& queue, std::function<void(result<uint32_t>)> done) = 0;

  // -- settings, until the next start --
  /// Resident bytes above which publishers are blocked; looked at, at once (O46).
  virtual void set_memory_watermark(uint64_t bytes) = 0;
  virtual void set_disk_free_limit(uint64_t bytes) = 0;
  /// What shares of the memory are taken of.
  virtual uint64_t total_memory_bytes() const = 0;
  /// Holds an alarm whatever is measured, or lets it go (what clients' tests do).
  virtual void force_alarm(resource what, bool on) = 0;
  /// For connections to come.
  virtual void set_channel_max(uint16_t most) = 0;
  /// `free`: who is in loopback_users may log in from anywhere, in connections to come.
  virtual void free_loopback_users(bool free) = 0;
  /// Names in the file of enabled plugins; it survives restarts. Error: it cannot be read or written.
  virtual result<std::vector<std::string>> enabled_plugins() const = 0;
  virtual result<void> enable_plugins(const std::vector<std::string>& names) = 0;
  virtual void set_log_level(log_level level) = 0;
  virtual void reopen_log() = 0;
  /// Sizes, limits and names in force, by their names in rabbitmq.conf; no secrets.
  virtual control::value_record settings() const = 0;
  /// The newest lines of the log file, oldest first. Error: there is no log file.
  virtual result<std::vector<std::string>> log_tail(size_t lines) const = 0;
  /// To compare cookies without showing them: base64 of the MD5, as RabbitMQ prints it.
  virtual std::string cookie_hash() const = 0;
  /// base64(salt + sha256(salt + password)) with a fresh salt (guarantees.md S2).
  virtual std::string hash_password(std::string_view password) const = 0;
  virtual void request_stop() = 0;
};

} // namespace broker

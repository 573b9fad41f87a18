// The inside of `node`, shared by node.cpp (start and stop) and node_reports.cpp (what tools see). Members are in the
// order of their start; they end in reverse.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <caf/actor_system_config.hpp>

#include "actors/metadata.hpp"
#include "actors/node_links.hpp"
#include "actors/runtime.hpp"
#include "net/amqp_listener.hpp"
#include "net/block_pool.hpp"
#include "net/cluster_wire.hpp"
#include "net/control_listener.hpp"
#include "net/loop.hpp"
#include "node.hpp"
#include "node_view.hpp"
#include "persistence/leveldb_backlog.hpp"
#include "persistence/metadata_store.hpp"
#include "persistence/posix_files.hpp"
#include "persistence/store_threads.hpp"
#include "resource_monitor.hpp"

namespace broker {

/// As the control verbs show it.
connection_info to_info(session_report&& report);

struct node::impl final : node_view {
  impl(node_config settings, node_log& lines, node_extensions added);
  ~impl() override;

  // -- start and stop (node.cpp) --
  result<void> start();
  void stop();
  result<void> open_databases();
  result<void> open_store();
  result<void> open_cluster();
  result<void> open_metadata();
  result<void> open_listeners();
  result<void> open_control();
  result<void> watch_resources();
  result<void> load_definitions();
  void stop_control();
  void stop_cluster();
  void wait_for_sessions(std::chrono::milliseconds longest) const;
  /// A write or sync failed: say so and end the process with exit code 74, writing nothing more (guarantees.md G6).
  [[noreturn]] void die(const error& why);
  void say(log_level level, std::string_view text, uint64_t source = node_log::node_source);

  // -- node_view (node_reports.cpp) --
  snapshot_ptr metadata() const override { return shared.snapshots.read(); }
  void propose(command what, std::function<void(command_result)> done) override;
  void list_queues(std::function<void(std::vector<queue_info>)> done) override;
  void list_connections(std::function<void(std::vector<connection_info>)> done) override;
  void list_channels(std::function<void(std::vector<channel_info>)> done) override;
  void list_consumers(std::function<void(std::vector<consumer_info>)> done) override;
  node_facts facts() const override;
  std::string hash_password(std::string_view password) const override;
  void request_stop() override;

  // -- node_view (node_operations.cpp) --
  void close_connections(std::function<bool(const connection_info&)> which, size_t most, error why,
                         std::function<void(size_t)> done) override;
  void delete_queue(const queue_ptr& queue, bool if_unused, bool if_empty,
                    std::function<void(result<uint32_t>)> done) override;
  void purge_queue(const queue_ptr& queue, std::function<void(result<uint32_t>)> done) override;
  void set_memory_watermark(uint64_t bytes) override;
  void set_disk_free_limit(uint64_t bytes) override;
  uint64_t total_memory_bytes() const override;
  void force_alarm(resource what, bool on) override;
  void set_channel_max(uint16_t most) override { sessions.channel_max = most; }
  void free_loopback_users(bool free) override { sessions.loopback_is_free = free; }
  result<std::vector<std::string>> enabled_plugins() const override;
  result<void> enable_plugins(const std::vector<std::string>& names) override;
  void set_log_level(log_level level) override;
  void reopen_log() override;
  control::value_record settings() const override;
  result<std::vector<std::string>> log_tail(size_t lines) const override;
  std::string cookie_hash() const override;
  std::filesystem::path log_file() const;

  const node_config config;
  const node_extensions extensions;
  node_log& log;
  const uint64_t started_at_unix_s;
  const std::chrono::steady_clock::time_point started_at = std::chrono::steady_clock::now();

  block_pool blocks;
  loop_group loops;
  std::unique_ptr<posix_files> files;
  std::unique_ptr<leveldb_backlog> backlog;
  std::unique_ptr<store_threads> store;
  std::unique_ptr<metadata_store> metadata_files;
  runtime shared;
  caf::actor_system_config actor_config;
  std::unique_ptr<cluster_wire> wire; ///< outlives the actors
  std::unique_ptr<caf::actor_system> actors;
  std::unique_ptr<node_links> links;
  session_context sessions;
  std::unique_ptr<amqp_listener> listener;

  boost::asio::io_context control_io{1};
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> control_work;
  std::unique_ptr<resource_monitor> resources; ///< runs on the control thread
  std::unique_ptr<control::listener> control;
  std::thread control_thread;
  uint16_t control_port = 0;

  std::mutex stop_mutex;
  std::condition_variable stop_asked;
  bool stopping = false;
  bool running = false;
};

} // namespace broker

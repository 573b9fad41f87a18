// The inside of `node`: the process around the app (features.md S04). It owns the log, the control endpoint with its
// thread, the resource monitor that runs there, and the *life thread*, on which the app (broker_app.hpp) is made,
// stopped and wiped, one order after the other, any number of times.
//
// Thread rule: tools' requests are answered on the control thread, and only there is it decided whether the app may be
// used: the life thread shows it to and hides it from that thread (attach, detach) and waits until that is done.
// Answers come from the app's own threads, which end before it does. Members are in the order of their start; they end
// in reverse.
#pragma once

#include <atomic>
#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include "broker_app.hpp"
#include "management/service.hpp"
#include "net/control_listener.hpp"
#include "node.hpp"
#include "node_cluster.hpp"
#include "node_view.hpp"
#include "order_thread.hpp"
#include "resource_monitor.hpp"

namespace broker {

/// What clients are told when the app stops, as RabbitMQ's.
inline const error shutdown_reason{320, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"};

struct node::impl final : node_view {
  impl(node_config settings, node_log& lines, node_extensions added);
  ~impl() override;

  // -- process (node.cpp) --
  result<void> open();
  void shut_down();
  /// Runs `work` on the control thread and waits for it. Not from that thread.
  void on_control(const std::function<void()>& work);
  /// A write or sync failed: say so and end the process with exit code 74, writing nothing more (guarantees.md G6).
  [[noreturn]] void die(const error& why);
  void say(log_level level, std::string_view text) { log.write(level, node_log::node_source, text); }

  // -- life of the app, on the life thread (node_life.cpp) --
  result<void> bring_up();
  result<void> try_bring_up();
  void bring_down(const error& why);
  void attach();
  void detach();
  result<void> load_definitions();
  std::unique_ptr<broker_app> make_app();
  result<void> leave_cluster();
  result<void> set_configured_name();
  result<void> forget_noted();
  /// The command is applied, or why it is not.
  result<void> propose_and_wait(command what);
  void note_members();
  /// A blank node's first start: joins a running member, or founds the cluster (peer_discovery.hpp).
  result<void> form_cluster();
  /// Somebody wants the start that is under way to end.
  bool given_up() const { return stop_wanted != 0; }
  /// Another member has removed this node while it ran.
  void was_forgotten();

  // -- HTTP, on the life thread (node_management.cpp) --
  result<void> start_management();
  void stop_management();

  // -- node_view (node_life.cpp) --
  app_state state() const override { return state_now; }
  void start_app(std::function<void(result<void>)> done) override;
  void stop_app(std::function<void(result<void>)> done) override;
  void reset(bool forced, std::function<void(result<void>)> done) override;
  void join_cluster(const std::string& seed,
                    std::function<void(result<cluster_operations::join_outcome>)> done) override;
  void force_boot(std::function<void(result<void>)> done) override;
  void forget_offline(const std::string& node, std::function<void(result<void>)> done) override;
  cluster_operations& cluster() override { return membership; }
  void ask_members(std::vector<std::string> nodes, control::request what,
                   std::function<void(std::vector<std::pair<std::string, control::response>>)> done) override;

  // -- node_view (node_reports.cpp) --
  const std::string& name() const override { return config.node_name; }
  snapshot_ptr metadata() const override;
  void propose(command what, std::function<void(command_result)> done) override;
  void list_queues(std::function<void(std::vector<queue_info>)> done) override;
  void list_connections(std::function<void(std::vector<connection_info>)> done) override;
  void list_channels(std::function<void(std::vector<channel_info>)> done) override;
  void list_consumers(std::function<void(std::vector<consumer_info>)> done) override;
  node_facts facts() const override;
  void group_state(std::function<void(group_facts)> done) override;
  void rebalance(std::function<bool(const queue_record&)> which, std::function<void(result<void>)> done) override;
  void management_report(const control::request& what, control::reply done) override;
  std::vector<std::string> unreachable() const override;
  std::string hash_password(std::string_view password) const override;
  void request_stop() override;

  // -- node_view (node_operations.cpp) --
  void close_connections(std::function<bool(const connection_info&)> which, size_t most, const error& why,
                         std::function<void(size_t)> done) override;
  void suspend_listeners(std::function<void(result<void>)> done) override;
  void resume_listeners(std::function<void(result<void>)> done) override;
  void drain(std::function<void(result<void>)> done) override;
  void revive(std::function<void(result<void>)> done) override;
  void delete_queue(const queue_ptr& queue, bool if_unused, bool if_empty,
                    std::function<void(result<uint32_t>)> done) override;
  void purge_queue(const queue_ptr& queue, std::function<void(result<uint32_t>)> done) override;
  void set_memory_watermark(uint64_t bytes) override;
  void set_disk_free_limit(uint64_t bytes) override;
  uint64_t total_memory_bytes() const override;
  void force_alarm(resource what, bool on) override;
  void set_channel_max(uint16_t most) override;
  void free_loopback_users(bool free) override;
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
  const snapshot_ptr nothing;                         ///< the metadata of a stopped app
  std::chrono::steady_clock::time_point started_at{}; ///< the app; read on the control thread

  block_pool blocks;
  boost::asio::io_context control_io{1};
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> control_work;
  std::unique_ptr<control::listener> control;
  std::thread control_thread;
  uint16_t control_port = 0;
  /// For other nodes; once chosen, the same for every run of the app. Written on the life thread while none runs.
  std::atomic<uint16_t> cluster_port{config.distribution_port};
  bool suspended = false;   ///< no listeners for clients; on the control thread
  bool maintenance = false; ///< drained; on the control thread

  std::unique_ptr<broker_app> app;             ///< touched by the life thread only
  std::atomic<broker_app*> visible{nullptr};   ///< what node_view may use
  std::unique_ptr<management::service> http;   ///< made and ended by the life thread, before the app ends
  management::service* reporting = nullptr;    ///< the same, on the control thread
  std::unique_ptr<resource_monitor> resources; ///< on the control thread, while the app is visible
  std::atomic<app_state> state_now{app_state::stopped};
  std::atomic<int> stop_wanted{0}; ///< orders to stop that wait for the life thread
  node_cluster membership{config, *this};
  std::unique_ptr<order_thread> life;
  std::unique_ptr<order_thread> asking; ///< waits for other nodes

  std::mutex stop_mutex;
  std::condition_variable stop_asked;
  bool stopping = false;
};

} // namespace broker

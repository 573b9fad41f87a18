// What `stop_app` stops and `start_app` starts (features.md S04, S08): databases, journal, actors, sessions and
// listeners of a node. One object is one run; the node makes a new one for each. Its process, log, cookie, data lock
// and control endpoint are the node's (node_core.hpp).
//
// Thread rule: open, serve and stop on one thread that is none of the app's own (the node's life thread). What tools
// ask comes from the control thread, between open() and stop(). Members are in the order of their start; they end in
// reverse.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>

#include <boost/asio/steady_timer.hpp>
#include <caf/actor_system_config.hpp>

#include "actors/condition_exchange.hpp"
#include "actors/metadata.hpp"
#include "actors/node_links.hpp"
#include "actors/runtime.hpp"
#include "management/history.hpp"
#include "management/queue_samples.hpp"
#include "net/amqp_listener.hpp"
#include "net/block_pool.hpp"
#include "net/cluster_wire.hpp"
#include "net/loop.hpp"
#include "node.hpp"
#include "node_view.hpp"
#include "persistence/leveldb_backlog.hpp"
#include "persistence/metadata_store.hpp"
#include "persistence/posix_files.hpp"
#include "persistence/store_threads.hpp"

namespace broker {

class operator_channel;

/// base64(salt + sha256(salt + password)) with a fresh salt (guarantees.md S2).
std::string salted_hash(std::string_view password);

struct broker_app {
  /// What an app has of its process; all of it outlives the app.
  struct host {
    const node_config& config;
    const node_extensions& extensions;
    block_pool& blocks;
    std::function<void(log_level, std::string_view)> say;
    /// A write or sync failed: ends the process (guarantees.md G6). Does not return.
    std::function<void(const error&)> die;
    uint16_t cluster_port = 0; ///< to listen on for other nodes; 0 = any free one
    /// Is the start to be given up? Asked while open() waits for other nodes.
    std::function<bool()> given_up;
    /// The cluster has removed this node while the app ran. On a thread of the app.
    std::function<void()> forgotten;
  };

  explicit broker_app(host of);
  /// Stops what still runs, without a word to clients.
  ~broker_app();
  broker_app(const broker_app&) = delete;
  broker_app& operator=(const broker_app&) = delete;

  /// Recovers and binds its ports; clients wait in the kernel until serve(). Error: in an operator's words; the data
  /// are untouched, and the object is good for nothing but its destructor.
  /// A member of a cluster is ready when a majority has heard of it, which may take until others have started.
  result<void> open();
  void serve();
  /// Tells clients `why`, makes everything durable and ends every thread. Takes as long as clients need to answer, at
  /// most 6 s. Once.
  void stop(const error& why);

  // -- what tools see (broker_app_reports.cpp); `done` is called once, on any thread, or never if the app ends --
  void propose(command what, std::function<void(command_result)> done);
  void list_queues(std::function<void(std::vector<queue_info>)> done);
  void list_connections(std::function<void(std::vector<connection_info>)> done);
  void list_channels(std::function<void(std::vector<channel_info>)> done);
  void list_consumers(std::function<void(std::vector<consumer_info>)> done);
  void close_connections(std::function<bool(const connection_info&)> which, size_t most, const error& why,
                         std::function<void(size_t)> done);
  void delete_queue(const queue_ptr& queue, bool if_unused, bool if_empty, std::function<void(result<uint32_t>)> done);
  void purge_queue(const queue_ptr& queue, std::function<void(result<uint32_t>)> done);
  void group_state(std::function<void(group_facts)> done);
  // -- what the management interface asks besides (broker_app_management.cpp) --
  /// One at a time: not before the one before is done.
  void activity(std::function<void(management::activity_report)> done);
  std::vector<exchange_report> exchanges(const exchange_totals::exists_function& exists) {
    return shared.exchanges.read(exists);
  }
  /// Those with their master here.
  void list_own_queues(std::function<void(std::vector<queue_info>)> done);
  /// Of one queue, wherever it is; nothing when it does not answer.
  void ask_queue(const queue_ptr& queue, std::function<void(std::vector<queue_info>)> done);
  void ask_consumers(const queue_ptr& queue, std::function<void(std::vector<consumer_info>)> done);
  void look(const queue_ptr& queue, const look_order& order, std::function<void(std::vector<look_answer>)> done);
  void flow_of(const queue_ptr& queue, std::function<void(std::vector<queue_flow>)> done);
  void open_channel(login who, std::string vhost, std::function<void(ref<operator_channel>)> done);
  /// Other members whose connection is broken, or cannot be made.
  std::vector<std::string> unreachable() const;
  /// This node has known of no leader of the metadata for longer than an election takes.
  bool in_minority() const;
  /// For how long there has been no leader of the metadata; 0 = there is one. Any thread.
  uint64_t cut_off_for_ms() const;
  /// Another node leads the metadata, if this one does.
  void hand_over(std::function<void(result<void>)> done);
  /// Spreads the masters of these replicated queues over the nodes; `done` runs in an actor.
  void rebalance(std::function<bool(const queue_record&)> which, std::function<void(result<void>)> done);
  /// Of a drained node: `done` gets the number of queues that still have their master here although another node that
  /// can be reached is in sync; 0 unless it took too long.
  void await_moved_masters(std::chrono::seconds longest, std::function<void(size_t)> done);
  /// `done` runs when all nodes that can be reached know whether this one is drained, or that took too long.
  void await_aware_nodes(std::chrono::seconds longest, std::function<void()> done);
  /// Before the node stops: masters that can go elsewhere hand over, so that other nodes' clients wait for nobody.
  void leave_masters();
  /// Queues look at the memory they use at once.
  void pressure_began();

  const host around;
  const node_config& config;
  loop_group loops;
  std::unique_ptr<posix_files> files;
  std::unique_ptr<leveldb_backlog> backlog;
  std::unique_ptr<store_threads> store;
  std::unique_ptr<metadata_store> metadata_files;
  runtime shared;
  caf::actor_system_config actor_config;
  std::unique_ptr<cluster_wire> wire;
  std::unique_ptr<caf::actor_system> actors;
  std::unique_ptr<node_links> links;     ///< to other nodes; stay until the last actor has gone
  condition_exchange conditions{shared}; ///< alarms and maintenance of all nodes
  session_context sessions;
  std::unique_ptr<amqp_listener> listener;

  /// Names of the cluster's nodes, from the newest snapshot.
  std::vector<std::string> members() const;

private:
  void say(log_level level, std::string_view text) const { around.say(level, text); }
  void set_up();
  result<void> open_databases();
  result<void> open_store();
  result<void> open_cluster();
  result<void> open_metadata();
  result<void> open_listeners();
  /// Those with their master here.
  std::vector<queue_id> own_queues(const metadata_snapshot& metadata) const;
  /// A slice of them at a time; `take` gets each slice's answers, `done` runs behind the last, both on a loop.
  void ask_queues(std::vector<queue_id> which, bool is_sample, std::function<void(std::vector<queue_info>)> take,
                  std::function<void()> done);
  void wait_for_sessions(std::chrono::milliseconds longest) const;
  result<void> wait_for_cluster(std::future<result<void>> ready);
  std::string waits_for() const;
  /// Until `left` is 0, or for so long; `done` gets what it was last. On a loop.
  void await_none(std::function<size_t()> left, std::chrono::seconds longest, std::function<void(size_t)> done);
  void stop_cluster();
  void end();

  std::atomic<bool> forgotten_{false};
  std::atomic<bool> serving_{false};
  // -- of activity() --
  management::queue_samples samples_;
  std::vector<queue_id> own_; ///< queues with their master here
  snapshot_ptr own_in_;       ///< which says so
};

} // namespace broker

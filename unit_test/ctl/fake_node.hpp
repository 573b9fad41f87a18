// A node of three queues and one user behind a real control endpoint on a free loopback port. Its metadata are the real
// state machine.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <thread>

#include <boost/asio/post.hpp>

#include "control_listener.hpp"
#include "control_status.hpp"
#include "control_verbs.hpp"
#include "metadata/metadata_state.hpp"
#include "node_view.hpp"

namespace test {

inline broker::metadata_settings fake_settings() {
  broker::metadata_settings settings;
  settings.node = "rabbit@test";
  return settings;
}

class fake_cluster final : public broker::cluster_operations {
public:
  broker::result<join_outcome> join(const std::string&) override { return join_outcome::joined; }
  broker::result<void> leave() override { return {}; }
  broker::result<void> go_alone() override {
    forced = true;
    return {};
  }
  broker::result<void> forget_offline(const std::string& node) override {
    forgotten_offline = node;
    return refusal.text.empty() ? broker::result<void>{} : refusal;
  }
  std::vector<std::string> stored_members() const override {
    std::vector<std::string> names;
    for (const auto& each : all)
      names.push_back(each.node);
    return names;
  }
  std::vector<broker::cluster_member> nodes() const override { return all; }
  void forget(const std::string& node, std::function<void(broker::result<void>)> done) override {
    forgotten = node;
    refusal.text.empty() ? done({}) : done(refusal);
  }

  std::vector<broker::cluster_member> all{{"rabbit@test", true}};
  std::string forgotten;
  std::string forgotten_offline;
  bool forced = false;
  broker::error refusal;
};

class fake_view final : public broker::node_view {
public:
  fake_view() {
    broker::node_started first;
    first.node = "rabbit@test";
    first.default_user.name = "guest";
    first.default_user.password_hash = hash_password("guest");
    first.default_user.tags = {"administrator"};
    first.default_rights = {".*", ".*", ".*"};
    apply(first);
    for (size_t i = 0; i < 3; ++i)
      declare("q" + std::to_string(i));
  }

  broker::command_result apply(const broker::command& what) { return state_of_cluster->apply(what, changes); }
  void declare(const std::string& name) {
    broker::declare_queue what;
    what.queue.vhost = "/";
    what.queue.name = name;
    what.queue.durable = true;
    what.queue.node = "rabbit@test";
    what.queue.arguments.set("x-max-length", {int32_t{5}});
    apply(what);
  }

  void declare_quorum(const std::string& name) {
    broker::declare_queue what;
    what.queue.vhost = "/";
    what.queue.name = name;
    what.queue.durable = true;
    what.queue.node = "rabbit@test";
    what.queue.arguments.set("x-queue-type", {broker::amqp::longstr{"quorum"}});
    apply(what);
  }

  const std::string& name() const override { return node_name; }

  // -- life of the app --
  broker::app_state state() const override { return app; }
  void start_app(std::function<void(broker::result<void>)> done) override {
    if (!refusal.text.empty())
      return done(refusal);
    app = broker::app_state::running;
    done({});
  }
  void stop_app(std::function<void(broker::result<void>)> done) override {
    app = broker::app_state::stopped;
    done({});
  }
  void reset(bool forced, std::function<void(broker::result<void>)> done) override {
    resets += forced ? "forced " : "plain ";
    refusal.text.empty() ? done({}) : done(refusal);
  }

  void join_cluster(const std::string& seed,
                    std::function<void(broker::result<broker::cluster_operations::join_outcome>)> done) override {
    using outcome = broker::cluster_operations::join_outcome;
    if (!refusal.text.empty())
      return done(refusal);
    done(std::exchange(joined, seed) == seed ? outcome::already_member : outcome::joined);
  }
  void force_boot(std::function<void(broker::result<void>)> done) override { done(members.go_alone()); }
  void forget_offline(const std::string& node, std::function<void(broker::result<void>)> done) override {
    done(members.forget_offline(node));
  }
  broker::cluster_operations& cluster() override { return members; }
  void ask_members(std::vector<std::string> nodes, broker::control::request what,
                   std::function<void(std::vector<std::pair<std::string, broker::control::response>>)> done) override {
    asked = what.verb;
    std::vector<std::pair<std::string, broker::control::response>> told;
    for (const auto& each : nodes) {
      broker::node_facts theirs;
      theirs.node = each;
      theirs.alarms = {"Memory alarm on node " + each};
      theirs.listeners = {{"[::]", 5672, "amqp", "AMQP 0-9-1 and AMQP 1.0"}};
      told.emplace_back(each, broker::own_status_answer(theirs));
    }
    done(std::move(told));
  }

  broker::snapshot_ptr metadata() const override { return state_of_cluster->snapshot(); }
  void propose(broker::command what, std::function<void(broker::command_result)> done) override { done(apply(what)); }

  // -- lists --
  void list_queues(std::function<void(std::vector<broker::queue_info>)> done) override {
    ++listed;
    if (silent) { // a node that never answers
      unanswered = std::move(done);
      return;
    }
    std::vector<broker::queue_info> all;
    state_of_cluster->snapshot()->for_each_queue([&](const broker::queue_ptr& queue) {
      broker::queue_info info;
      info.queue = queue;
      info.ready = all.size();
      info.unacknowledged = 1;
      const auto among = [&](const std::set<std::string>& names) { return names.contains(queue->name); };
      info.flow = all.size() == 2 && below_minimum.empty();
      info.minority = among(below_minimum);
      info.down = among(without_master);
      info.copied = among(copied);
      if (info.down) {
        info.ready = info.copied ? 7 : 0;
        info.unacknowledged = 0;
      }
      all.push_back(info);
    });
    for (size_t i = 0; i < invented; ++i)
      all.push_back(all.back());
    done(std::move(all));
  }
  void list_connections(std::function<void(std::vector<broker::connection_info>)> done) override { done(connections); }
  void list_channels(std::function<void(std::vector<broker::channel_info>)> done) override {
    broker::channel_info one;
    one.connection = 7;
    one.number = 1;
    one.user = "guest";
    one.state = "flow";
    done({one});
  }
  void list_consumers(std::function<void(std::vector<broker::consumer_info>)> done) override {
    broker::consumer_info one;
    one.queue = state_of_cluster->snapshot()->find_queue("/", "q0");
    one.tag = "ct1";
    one.connection = 7;
    one.channel = 1;
    one.prefetch = 10;
    one.arguments.set("x-priority", {int32_t{3}});
    done({one});
  }
  broker::node_facts facts() const override {
    broker::node_facts now;
    now.node = "rabbit@test";
    now.cluster_name = "rabbit@test";
    now.runs = {{"rabbit@test", 1'795'415'102}, {"rabbit@node2", 9}};
    now.uptime_s = 22;
    now.vhosts = 1;
    now.alarms = alarms;
    now.other_nodes = other_nodes;
    now.maintenance = drained;
    now.minority = minority;
    now.unreachable = out_of_reach;
    now.listeners = {{"[::]", port, "amqp", "AMQP 0-9-1 and AMQP 1.0"}};
    now.memory_bytes = 200'000'000;
    now.message_bytes = 50'000'000;
    return now;
  }

  void group_state(std::function<void(broker::group_facts)> done) override { done(group); }
  void rebalance(std::function<bool(const broker::queue_record&)> which,
                 std::function<void(broker::result<void>)> done) override {
    rebalanced.clear();
    state_of_cluster->snapshot()->for_each_queue([&](const broker::queue_ptr& queue) {
      if (which(*queue))
        rebalanced.push_back(queue->name);
    });
    refusal.text.empty() ? done({}) : done(refusal);
  }
  std::vector<std::string> unreachable() const override { return out_of_reach; }

  // -- operations --
  void close_connections(std::function<bool(const broker::connection_info&)> which, size_t most,
                         const broker::error& why, std::function<void(size_t)> done) override {
    size_t closed = 0;
    std::erase_if(connections, [&](const auto& each) { return closed < most && which(each) && ++closed != 0; });
    closed_because = why.text;
    done(closed);
  }
  void suspend_listeners(std::function<void(broker::result<void>)> done) override { done({}); }
  void resume_listeners(std::function<void(broker::result<void>)> done) override {
    refusal.text.empty() ? done({}) : done(refusal);
  }
  void drain(std::function<void(broker::result<void>)> done) override {
    drained = true;
    done({});
  }
  void revive(std::function<void(broker::result<void>)> done) override {
    drained = false;
    done({});
  }
  void delete_queue(const broker::queue_ptr& queue, bool if_unused, bool if_empty,
                    std::function<void(broker::result<uint32_t>)> done) override {
    if (if_unused || if_empty)
      return done(
        broker::error{406, if_empty ? "PRECONDITION_FAILED - queue 'q0' in vhost '/' is not empty" : "in use"});
    apply(broker::delete_queue{queue->vhost, queue->name, queue->id});
    done(uint32_t{4});
  }
  void purge_queue(const broker::queue_ptr&, std::function<void(broker::result<uint32_t>)> done) override {
    done(uint32_t{4});
  }

  // -- settings --
  void set_memory_watermark(uint64_t bytes) override { memory_watermark = bytes; }
  void set_disk_free_limit(uint64_t bytes) override { disk_free_limit = bytes; }
  uint64_t total_memory_bytes() const override { return 1'000'000'000; }
  void force_alarm(broker::resource what, bool on) override {
    alarms.clear();
    if (on)
      alarms.push_back(what == broker::resource::memory ? "Memory alarm on node rabbit@test"
                                                        : "Free disk space alarm on node rabbit@test");
  }
  void set_channel_max(uint16_t most) override { channel_max = most; }
  void free_loopback_users(bool free) override { loopback_free = free; }
  broker::result<std::vector<std::string>> enabled_plugins() const override { return plugins; }
  broker::result<void> enable_plugins(const std::vector<std::string>& names) override {
    plugins = names;
    return {};
  }
  void set_log_level(broker::log_level chosen) override { level = chosen; }
  void reopen_log() override { reopened = true; }
  broker::control::value_record settings() const override {
    const auto users = loopback_free ? broker::control::value_list{} : broker::control::value_list{"guest"};
    return {{"channel_max", channel_max}, {"default_user", "guest"}, {"loopback_users", users}};
  }
  broker::result<std::vector<std::string>> log_tail(size_t lines) const override {
    std::vector<std::string> all{"one", "two", "three"};
    all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(std::min(lines, all.size())));
    return all;
  }
  std::string cookie_hash() const override { return "OQLufhSeuDE6NHV+ieIa9g=="; }
  std::string hash_password(std::string_view password) const override {
    return broker::hash_password(password, "salt");
  }
  void request_stop() override { stopped = true; }

  static broker::connection_info connection(broker::connection_id id, std::string user) {
    broker::connection_info one;
    one.id = id;
    one.user = std::move(user);
    one.vhost = "/";
    one.peer_host = "127.0.0.1";
    one.peer_port = 51234;
    one.state = "running";
    one.client_properties.set("product", {broker::amqp::longstr{"pika"}});
    return one;
  }

  const std::string node_name = "rabbit@test";
  std::atomic<broker::app_state> app{broker::app_state::running};
  broker::error refusal; ///< of the next order to the app; no text: none
  std::string resets;
  fake_cluster members;
  std::string joined;
  std::string asked; ///< of other members
  bool drained = false;
  bool minority = false;
  std::vector<std::string> out_of_reach;
  broker::group_facts group{"rabbit@test", {"rabbit@test"}};
  std::optional<broker::metadata_state> state_of_cluster{std::in_place, fake_settings()};
  std::vector<broker::metadata_change> changes;
  std::vector<broker::connection_info> connections{connection(7, "guest")};
  std::vector<std::string> alarms;
  broker::cluster::node_conditions::by_node other_nodes;
  std::set<std::string> without_master, copied, below_minimum; ///< queues
  std::vector<std::string> rebalanced;                         ///< queues that the last order was about
  std::string closed_because;
  uint64_t memory_watermark = 1;
  uint64_t disk_free_limit = 1;
  broker::log_level level = broker::log_level::info;
  bool reopened = false;
  std::vector<std::string> plugins;
  uint16_t channel_max = 2047;
  bool loopback_free = false;
  uint16_t port = 5672; ///< where it says that it listens
  size_t invented = 0;  ///< further queues that are listed
  size_t listed = 0;    ///< how often queues were
  bool silent = false;
  std::function<void(std::vector<broker::queue_info>)> unanswered;
  std::atomic<bool> stopped{false};
};

/// The endpoint on a thread of its own. Change `view` only while no request runs.
class fake_node {
public:
  explicit fake_node(broker::control::listener_settings settings = {}) {
    settings.node = "rabbit@test";
    settings.cookie = "SECRET";
    listener.emplace(io, settings, broker::control_verbs(view),
                     [this](std::string_view why) { refusals.emplace_back(why); });
    if (auto listening = listener->listen(); !listening)
      throw std::runtime_error(listening.error().text);
    port = listener->port();
    thread = std::thread{[this] { io.run(); }};
  }
  ~fake_node() {
    stop();
    view.unanswered = nullptr; // a question that was never answered is answered at its end, on `io`
  }

  /// After it, `refusals` may be read.
  void stop() {
    if (!thread.joinable())
      return;
    boost::asio::post(io, [this] { listener->stop(); });
    thread.join();
    listener.reset();
  }

  fake_view view;
  uint16_t port = 0;
  std::vector<std::string> refusals;

private:
  boost::asio::io_context io;
  std::optional<broker::control::listener> listener;
  std::thread thread;
};

} // namespace test

// A node of three queues and two users behind a real control endpoint on a free loopback port.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include <boost/asio/post.hpp>

#include "control_listener.hpp"
#include "control_verbs.hpp"
#include "node_view.hpp"

namespace test {

struct fake_snapshot final : broker::metadata_snapshot {
  std::map<std::string, broker::user_record> users;
  std::map<std::string, std::string> passwords;
  std::map<std::string, broker::permission> permissions;

  uint64_t version() const override { return 1; }
  bool vhost_exists(std::string_view vhost) const override { return vhost == "/"; }
  broker::queue_ptr find_queue(std::string_view, std::string_view) const override { return nullptr; }
  broker::exchange_ptr find_exchange(std::string_view, std::string_view) const override { return nullptr; }
  broker::routed_by route(const broker::exchange_record&, const broker::message&,
                          std::vector<broker::queue_ptr>&) const override {
    return broker::routed_by::keys;
  }
  broker::result<broker::login> authenticate(std::string_view user, std::string_view password, bool) const override {
    const auto found = passwords.find(std::string{user});
    if (found == passwords.end() || found->second != password)
      return broker::error{403, "ACCESS_REFUSED"};
    return broker::login{std::string{user}, {}};
  }
  broker::result<void> open_vhost(const broker::login&, std::string_view) const override { return {}; }
  broker::result<void> authorise(const broker::login&, std::string_view, broker::resource_kind, std::string_view,
                                 broker::access) const override {
    return {};
  }
  void for_each_queue(const std::function<void(const broker::queue_ptr&)>&) const override {}
  void for_each_exchange(const std::function<void(const broker::exchange_ptr&)>&) const override {}
  void for_each_binding(const std::function<void(std::string_view, const broker::binding_record&)>&) const override {}
  void for_each_user(const std::function<void(const broker::user_record&)>& visit) const override {
    for (const auto& [name, user] : users)
      visit(user);
  }
  void for_each_permission(
    const std::function<void(std::string_view, std::string_view, const broker::permission&)>& visit) const override {
    for (const auto& [user, rights] : permissions)
      visit("/", user, rights);
  }
};

class fake_view final : public broker::node_view {
public:
  fake_view() {
    state.users["guest"] = {"guest", "", {"administrator"}};
    state.passwords["guest"] = "guest";
    state.permissions["guest"] = {".*", ".*", ".*"};
  }

  broker::snapshot_ptr metadata() const override { return std::make_shared<fake_snapshot>(state); }
  void propose(broker::command what, std::function<void(broker::command_result)> done) override {
    if (const auto* put = std::get_if<broker::put_user>(&what)) {
      auto& user = state.users[put->user.name];
      user.name = put->user.name;
      if (!put->keep_tags)
        user.tags = put->user.tags;
      if (!put->keep_hash)
        state.passwords[user.name] = put->user.password_hash;
    } else if (const auto* gone = std::get_if<broker::delete_user>(&what)) {
      state.users.erase(gone->name);
    } else if (const auto* set = std::get_if<broker::set_permission>(&what)) {
      state.permissions[set->user] = set->rights;
    } else if (const auto* clear = std::get_if<broker::clear_permission>(&what))
      state.permissions.erase(clear->user);
    done({});
  }
  void list_queues(std::function<void(std::vector<broker::queue_info>)> done) override {
    std::vector<broker::queue_info> all;
    for (size_t i = 0; i < queues; ++i) {
      auto record = std::make_shared<broker::queue_record>();
      record->id = i + 1;
      record->vhost = "/";
      record->name = "q" + std::to_string(i);
      record->durable = true;
      broker::queue_info info;
      info.queue = record;
      info.ready = i;
      info.unacknowledged = 1;
      all.push_back(info);
    }
    done(std::move(all));
  }
  void list_connections(std::function<void(std::vector<broker::connection_info>)> done) override {
    broker::connection_info one;
    one.id = 7;
    one.user = "guest";
    one.peer_host = "127.0.0.1";
    one.peer_port = 51234;
    one.state = "running";
    one.client_properties.set("product", {broker::amqp::longstr{"pika"}});
    done({one});
  }
  void list_channels(std::function<void(std::vector<broker::channel_info>)> done) override {
    if (silent)
      return; // a node that never answers
    done({});
  }
  broker::node_facts facts() const override {
    broker::node_facts now;
    now.node = "rabbit@test";
    now.cluster_name = "rabbit@test";
    now.started_at_unix_s = 1'795'415'102;
    now.uptime_s = 22;
    now.vhosts = {"/"};
    now.listeners = {{"[::]", 5672, "amqp", "AMQP 0-9-1 and AMQP 1.0"}};
    return now;
  }
  std::string hash_password(std::string_view password) const override { return std::string{password}; }
  void request_stop() override { stopped = true; }

  fake_snapshot state;
  size_t queues = 3;
  bool silent = false;
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
  ~fake_node() { stop(); }

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

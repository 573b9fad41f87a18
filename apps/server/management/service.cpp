#include "management/service.hpp"

#include <algorithm>
#include <utility>

#include "actors/operator_channel.hpp"
#include "base/hex.hpp"
#include "management/prometheus.hpp"
#include "management/router.hpp"
#include "metadata/own_parameters.hpp"

namespace broker::management {

namespace {

/// A channel on behalf of a user that is not answered by then is ended, and with it the request.
constexpr uint64_t channel_time_ms = 30'000;
constexpr size_t open_channels_max = 256;

} // namespace

service::service(host of) : around(std::move(of)), post(server_.poster()), events(*this) {}

service::~service() {
  stop();
}

result<void> service::open() {
  const auto& config = around.config;
  const auto open_port = [&](const http_listener& wanted, const char* what, uint16_t& bound,
                             http::endpoint serves) -> result<void> {
    if (wanted.off || wanted.port == 0)
      return {};
    auto listening = server_.listen(wanted.host, wanted.port, std::move(serves));
    if (listening) {
      bound = *listening;
      around.say(log_level::info, std::string{what} + " listens on [" + wanted.host + "]:" + std::to_string(bound));
      return {};
    }
    const std::string why = std::string{what} + ": " + listening.error().text;
    if (wanted.given)
      return error{0, why};
    around.say(log_level::warning, why + "; the node goes on without it");
    return {};
  };
  http::endpoint api;
  api.admit = [this](const http::request& head) { return admit(*this, head); };
  api.handle = [this](http::request what, http::responder done) { serve(*this, std::move(what), std::move(done)); };
  if (auto opened = open_port(config.management, "management", management_port_, std::move(api)); !opened)
    return opened;
  http::endpoint metrics;
  metrics.admit = [](const http::request&) { return size_t{0}; };
  metrics.handle = [this](const http::request& what, const http::responder& done) { serve_metrics(*this, what, done); };
  return open_port(config.prometheus, "Prometheus endpoint", prometheus_port_, std::move(metrics));
}

void service::start() {
  server_.every(std::chrono::milliseconds{around.config.sample_interval_ms}, [this] { sample(); });
  server_.every(std::chrono::seconds{1}, [this] {
    end_late_channels();
    forget_lists();
  });
  server_.start();
  post([this] { sample(); });
}

void service::while_wanted(uint64_t interval_ms, std::function<bool()> work) {
  server_.while_wanted(std::chrono::milliseconds{interval_ms}, std::move(work));
}

void service::stop() {
  server_.stop();
  for (auto& each : open_channels_)
    each.channel->close();
  open_channels_.clear();
}

// -- log-ins of the web pages --

const session_keys& service::keys() {
  const uint64_t cluster = around.node.metadata()->cluster();
  if (!keys_ || keys_cluster_ != cluster) {
    keys_ = std::make_unique<session_keys>(around.config.cookie.reveal(), cluster);
    keys_cluster_ = cluster;
  }
  return *keys_;
}

const login_session* service::find_session(std::string_view value) {
  learn_ended_sessions();
  return sessions.find(keys(), value, now(),
                       [&](const std::string& name) { return around.node.metadata()->find_user(name); });
}

void service::learn_ended_sessions() {
  const auto metadata = around.node.metadata();
  if (metadata->version() == learned_version_)
    return;
  learned_version_ = metadata->version();
  metadata->for_each_node([&](const node_ptr& each) {
    const auto text = metadata->find_global_parameter(ended_log_ins_of(each->name));
    auto& known = learned_[each->name];
    if (text == known)
      return;
    known = text;
    sessions.learn(ended_sessions_in(text), each->name == around.node.name());
  });
}

/// What the metadata do not have yet is tried again with the next samples.
void service::tell_ended_sessions(std::function<void()> then) {
  learn_ended_sessions(); // what this node has told before it was started
  const auto name = ended_log_ins_of(around.node.name());
  const auto told = around.node.metadata()->find_global_parameter(name);
  const auto wanted = sessions.ended_here(now());
  if (wanted.empty() ? told.empty() : told == to_text(wanted))
    return then();
  const auto goes_on = [then = std::move(then)](const command_result&) { then(); };
  wanted.empty() ? around.node.propose(clear_parameter{{}, {}, name}, goes_on)
                 : around.node.propose(set_parameter{{{}, {}, name, to_text(wanted)}}, goes_on);
}

void service::end_session(const std::string& id, std::function<void()> then) {
  sessions.end(id, now());
  ask_others({"session_ended", to_hex(id)}, [](const node_answers&) {});
  events.turn();
  if (around.cut_off_for_ms() == 0)
    return tell_ended_sessions(std::move(then));
  tell_ended_sessions([] {}); // which would be answered in a while: with a no
  then();
}

// -- channels on behalf of users --

bool service::open_channel(login who, const std::string& vhost,
                           std::function<void(const ref<operator_channel>&)> then) {
  if (open_channels_.size() >= open_channels_max)
    end_late_channels(); // a client that is quick has left many that are done
  if (open_channels_.size() >= open_channels_max)
    return false;
  around.open_channel(std::move(who), vhost,
                      [this, to_own = post, then = std::move(then)](const ref<operator_channel>& channel) {
                        to_own([this, channel, then] {
                          open_channels_.push_back({channel, around.now_ms() + channel_time_ms});
                          then(channel);
                        });
                      });
  return true;
}

/// Those that are done have nobody else who holds them.
void service::end_late_channels() {
  const uint64_t now = around.now_ms();
  std::erase_if(open_channels_, [&](const open_one& each) {
    if (!each.channel->unique() && each.due_ms > now)
      return false;
    each.channel->close();
    return true;
  });
}

// -- what this node has --

/// The control thread may come to it when the service has gone: it knows the node only.
void service::facts(std::function<void(node_facts)> then) {
  around.on_control([&node = around.node, to_own = post, then = std::move(then)] {
    to_own([now = node.facts(), then] { then(now); });
  });
}

} // namespace broker::management

#include "management/service.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <mutex>
#include <tuple>
#include <utility>

#include "actors/operator_channel.hpp"
#include "management/json_writer.hpp"
#include "management/looking.hpp"
#include "management/node_object.hpp"
#include "management/prometheus.hpp"
#include "management/router.hpp"
#include "management/stats_fields.hpp"

namespace broker::management {

namespace {

/// A list of all nodes' connections is good for this long: ten people who look every second ask once.
constexpr uint64_t list_age_ms = 1'000;
/// Queues that have not answered by then are asked again.
constexpr uint64_t list_patience_ms = 10'000;
/// A channel on behalf of a user that is not answered by then is ended, and with it the request.
constexpr uint64_t channel_time_ms = 30'000;
constexpr size_t open_channels_max = 256;

constexpr const char* report_verb = "management_report";

object_row channel_row(const channel_info& from, const std::string& node) {
  object_row row;
  row.connection = from.connection;
  row.name = from.connection_name + " (" + std::to_string(from.number) + ")";
  row.user = from.user;
  row.vhost = from.vhost;
  row.node = node;
  const std::string peer = from.connection_name.substr(0, from.connection_name.find(" -> "));
  const size_t colon = peer.rfind(':');
  json_writer out;
  {
    object_writer to{out, {}};
    to.add("acks_uncommitted", from.uncommitted_acks);
    to.add("confirm", from.confirm);
    out.key("connection_details");
    {
      object_writer details{out, {}};
      details.add("name", from.connection_name);
      details.add("peer_host", peer.substr(0, colon));
      details.add("peer_port", colon == std::string::npos ? 0L : std::strtol(peer.c_str() + colon + 1, nullptr, 10));
    }
    to.add("consumer_count", from.consumers);
    to.add("global_prefetch_count", from.global_prefetch);
    write_message_stats(to, from.messages, counts_of::channel_all);
    to.add("messages_unacknowledged", from.unacknowledged);
    to.add("messages_uncommitted", from.uncommitted);
    to.add("messages_unconfirmed", from.unconfirmed);
    to.add("name", row.name);
    to.add("node", node);
    to.add("number", from.number);
    to.add("pending_raft_commands", 0);
    to.add("prefetch_count", from.prefetch);
    to.add_rated("reductions", 0, 0.0);
    to.add_raw("garbage_collection",
               R"({"fullsweep_after":0,"max_heap_size":0,"min_bin_vheap_size":0,"min_heap_size":0,"minor_gcs":0})");
    to.add("state", from.state);
    to.add("transactional", from.transactional);
    to.add("user", from.user);
    to.add("user_who_performed_action", from.user);
    to.add("vhost", from.vhost);
  }
  row.json = out.take();
  return row;
}

/// What one list is made of: this node's rows and those of the others, in any order. Whoever is last goes on.
struct gathering {
  std::mutex mutex;
  std::vector<object_row> rows;
  std::function<void(std::vector<object_row>)> done;

  explicit gathering(std::function<void(std::vector<object_row>)> then) : done(std::move(then)) {}
  ~gathering() { done(std::move(rows)); }
  void add(std::vector<object_row> more) {
    std::lock_guard guard{mutex};
    rows.insert(rows.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
};

std::string text_at(const control::row& row, size_t i) {
  if (i >= row.size())
    return {};
  if (const auto* text = std::get_if<std::string>(&row[i].content))
    return *text;
  return {};
}

control::response to_response(const std::vector<object_row>& rows) {
  control::response answer;
  answer.columns = {"connection", "name", "user", "vhost", "json"};
  for (const auto& each : rows)
    answer.rows.push_back({each.connection, each.name, each.user, each.vhost, each.json});
  return answer;
}

std::vector<object_row> from_response(const std::string& node, const control::response& answer) {
  std::vector<object_row> rows;
  for (const auto& row : answer.rows) {
    const auto* connection = row.empty() ? nullptr : std::get_if<int64_t>(&row.front().content);
    if (connection != nullptr)
      rows.push_back(
        {static_cast<uint64_t>(*connection), text_at(row, 1), text_at(row, 2), text_at(row, 3), node, text_at(row, 4)});
  }
  return rows;
}

uint64_t number_in(const http::target& target, const std::string& name) {
  const auto text = target.value(name);
  uint64_t value = 0;
  if (text)
    std::from_chars(text->data(), text->data() + text->size(), value);
  return std::min<uint64_t>(value, 86'400);
}

uint64_t number_of(const std::string& text) {
  uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string down_node(const std::string& name) {
  json_writer out;
  {
    object_writer to{out, {}};
    to.add("name", name);
    to.add("type", "disc");
    to.add("running", false);
  }
  return out.take();
}

} // namespace

sample_range range_of(const http::target& target, std::string_view what) {
  sample_range range{number_in(target, std::string{what} + "_age"), number_in(target, std::string{what} + "_incr")};
  if (range.age_s == 0 || range.step_s == 0)
    range = {number_in(target, "lengths_age"), number_in(target, "lengths_incr")};
  return range;
}

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
  metrics.handle = [this](http::request what, http::responder done) {
    serve_metrics(*this, std::move(what), std::move(done));
  };
  return open_port(config.prometheus, "Prometheus endpoint", prometheus_port_, std::move(metrics));
}

void service::start() {
  server_.every(std::chrono::seconds{history::interval_s}, [this] { sample(); });
  server_.every(std::chrono::seconds{1}, [this] { end_late_channels(); });
  server_.every(std::chrono::milliseconds{event_streams::turn_ms}, [this] { events.turn(); });
  server_.start();
  post([this] { sample(); });
}

void service::stop() {
  server_.stop();
  for (auto& each : open_channels_)
    each.channel->close();
  open_channels_.clear();
}

// -- samples --

void service::refresh(std::function<void()> then) {
  if (latest_ms_ != 0 && around.now_ms() < latest_ms_ + list_age_ms)
    return then();
  around.activity([this, to_own = post, then = std::move(then)](const node_activity& now) {
    to_own([this, now, then] {
      latest = now;
      latest_ms_ = around.now_ms();
      then();
    });
  });
}

void service::sample() {
  refresh([this] { samples.add(around.unix_ms() / 1'000 / history::interval_s * history::interval_s, latest); });
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
  if (now >= queues_.made_ms + 2 * list_age_ms && !queues_.under_way)
    queues_.infos = nullptr; // ten thousand of them are not to lie about
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

object_row service::connection_row(const connection_info& from) {
  traffic& flow = traffic_[from.id];
  const uint64_t now = around.now_ms();
  if (flow.looked_ms == 0 || now >= flow.looked_ms + count_rates::interval_ms) {
    const auto seconds = static_cast<double>(now - flow.looked_ms) / 1'000;
    flow.received_rate = flow.looked_ms == 0 ? 0 : static_cast<double>(from.received_bytes - flow.received) / seconds;
    flow.sent_rate = flow.looked_ms == 0 ? 0 : static_cast<double>(from.sent_bytes - flow.sent) / seconds;
    flow.received = from.received_bytes;
    flow.sent = from.sent_bytes;
    flow.looked_ms = now;
  }
  object_row row{from.id, from.name, from.user, from.vhost, around.node.name(), {}};
  json_writer out;
  {
    object_writer to{out, {}};
    to.add("auth_mechanism", from.auth_mechanism);
    to.add("channel_max", from.channel_max);
    to.add("channels", from.channels);
    to.add("client_properties", from.client_properties);
    to.add("connected_at", from.connected_at_ms);
    to.add("frame_max", from.frame_max);
    to.add_raw("garbage_collection",
               R"({"fullsweep_after":0,"max_heap_size":0,"min_bin_vheap_size":0,"min_heap_size":0,"minor_gcs":0})");
    to.add("host", from.host);
    to.add("name", from.name);
    to.add("node", row.node);
    for (const char* none : {"peer_cert_issuer", "peer_cert_subject", "peer_cert_validity"})
      to.add_null(none);
    to.add("peer_host", from.peer_host);
    to.add("peer_port", from.peer_port);
    to.add("port", from.port);
    to.add("protocol", "AMQP 0-9-1");
    to.add("recv_cnt", from.reads);
    to.add_rated("recv_oct", from.received_bytes, flow.received_rate);
    to.add_rated("reductions", 0, 0.0);
    to.add("send_cnt", from.writes);
    to.add_rated("send_oct", from.sent_bytes, flow.sent_rate);
    to.add("send_pend", 0);
    to.add("ssl", false);
    for (const char* none : {"ssl_cipher", "ssl_hash", "ssl_key_exchange", "ssl_protocol"})
      to.add_null(none);
    to.add("state", from.state);
    to.add("timeout", from.heartbeat_s);
    to.add("type", "network");
    to.add("user", from.user);
    to.add("user_who_performed_action", from.user);
    to.add("vhost", from.vhost);
  }
  row.json = out.take();
  return row;
}

void service::own_rows(const std::string& kind, std::function<void(std::vector<object_row>)> then) {
  if (kind == "channels")
    return around.node.list_channels([node = around.node.name(), then](const std::vector<channel_info>& all) {
      std::vector<object_row> rows;
      rows.reserve(all.size());
      for (const auto& each : all)
        rows.push_back(channel_row(each, node));
      then(std::move(rows));
    });
  around.node.list_connections([this, to_own = post, then](std::vector<connection_info> all) {
    to_own([this, all = std::move(all), then] {
      std::vector<object_row> rows;
      std::map<connection_id, traffic> still_there;
      for (const auto& each : all) {
        rows.push_back(connection_row(each));
        still_there.emplace(each.id, traffic_[each.id]);
      }
      traffic_ = std::move(still_there);
      then(std::move(rows));
    });
  });
}

void service::own_node(sample_range range, std::function<void(std::string)> then) {
  refresh([this, range, then = std::move(then)] {
    facts([this, range, then](const node_facts& now) { then(node_object(*this, now, range)); });
  });
}

// -- the whole cluster --

std::vector<std::string> service::other_members() const {
  std::vector<std::string> names;
  const auto lost = around.node.unreachable();
  around.node.metadata()->for_each_node([&](const node_ptr& each) {
    if (each->up && each->name != around.node.name() && std::find(lost.begin(), lost.end(), each->name) == lost.end())
      names.push_back(each->name);
  });
  return names;
}

void service::gather(list& which, const char* kind, std::function<void(object_rows)> then) {
  if (which.rows && which.waiting.empty() && around.now_ms() < which.made_ms + list_age_ms)
    return then(which.rows);
  which.waiting.push_back(std::move(then));
  if (which.waiting.size() > 1)
    return; // under way
  auto all = std::make_shared<gathering>([this, &which, to_own = post](std::vector<object_row> rows) {
    std::sort(rows.begin(), rows.end(), [](const object_row& a, const object_row& b) {
      return std::tie(a.name, a.node) < std::tie(b.name, b.node);
    });
    to_own([this, &which, made = std::make_shared<const std::vector<object_row>>(std::move(rows))] {
      which.rows = made;
      which.made_ms = around.now_ms();
      for (auto& each : std::exchange(which.waiting, {}))
        each(made);
    });
  });
  own_rows(kind, [all](std::vector<object_row> rows) { all->add(std::move(rows)); });
  const auto others = other_members();
  if (others.empty())
    return;
  control::request what;
  what.verb = report_verb;
  what.arguments = {kind};
  around.node.ask_members(others, what, [all](const auto& answers) {
    for (const auto& [node, answer] : answers)
      all->add(from_response(node, answer));
  });
}

void service::connections(std::function<void(object_rows)> then) {
  gather(connections_, "connections", std::move(then));
}

void service::channels(std::function<void(object_rows)> then) {
  gather(channels_, "channels", std::move(then));
}

void service::queues(std::function<void(queue_infos)> then) {
  const uint64_t version = around.node.metadata()->version();
  if (queues_.infos && queues_.version == version && around.now_ms() < queues_.made_ms + list_age_ms)
    return then(queues_.infos);
  queues_.waiting.push_back({version, std::move(then)});
  if (!queues_.under_way || around.now_ms() > queues_.began_ms + list_patience_ms)
    ask_queues();
}

void service::ask_queues() {
  queues_.under_way = true;
  queues_.began_ms = around.now_ms();
  queues_.version = around.node.metadata()->version();
  queues_.infos = nullptr;
  around.node.list_queues([this, to_own = post](std::vector<queue_info> infos) {
    std::sort(infos.begin(), infos.end(), [](const queue_info& a, const queue_info& b) {
      return std::tie(a.queue->vhost, a.queue->name) < std::tie(b.queue->vhost, b.queue->name);
    });
    to_own([this, infos = std::move(infos)]() mutable { answer_queues(std::move(infos)); });
  });
}

/// Who came after the question, and knew more, waits for the next answer.
void service::answer_queues(std::vector<queue_info> infos) {
  queues_.under_way = false;
  queues_.infos = std::make_shared<const std::vector<queue_info>>(std::move(infos));
  queues_.made_ms = around.now_ms();
  const auto made = queues_.infos;
  const uint64_t version = queues_.version;
  auto waiting = std::exchange(queues_.waiting, {});
  const auto later =
    std::stable_partition(waiting.begin(), waiting.end(), [&](const auto& each) { return each.version <= version; });
  queues_.waiting.assign(std::make_move_iterator(later), std::make_move_iterator(waiting.end()));
  waiting.erase(later, waiting.end());
  if (!queues_.waiting.empty())
    ask_queues();
  for (const auto& each : waiting)
    each.then(made);
}

void service::nodes(sample_range range,
                    std::function<void(std::shared_ptr<const std::map<std::string, std::string>>)> then) {
  auto all = std::make_shared<std::map<std::string, std::string>>();
  around.node.metadata()->for_each_node([&](const node_ptr& each) { all->emplace(each->name, down_node(each->name)); });
  const auto others = other_members();
  own_node(range, [this, all, others, range, then = std::move(then)](std::string own) {
    (*all)[around.node.name()] = std::move(own);
    if (others.empty())
      return then(all);
    control::request what;
    what.verb = report_verb;
    what.arguments = {"node", std::to_string(range.age_s), std::to_string(range.step_s)};
    around.node.ask_members(others, what, [all, to_own = post, then](const auto& answers) {
      to_own([all, answers, then] {
        for (const auto& [node, answer] : answers)
          if (!answer.rows.empty())
            (*all)[node] = text_at(answer.rows.front(), 0);
        then(all);
      });
    });
  });
}

// -- what other nodes ask --

void service::report(const control::request& what, control::reply done) {
  post([this, what, done = std::move(done)] { answer_report(what, done); });
}

void service::answer_report(const control::request& what, const control::reply& done) {
  const auto& kind = what.arguments.front();
  if (answer_look(*this, what, done))
    return;
  if (kind == "node") {
    const bool ranged = what.arguments.size() == 3;
    const sample_range range{ranged ? number_of(what.arguments[1]) : 0, ranged ? number_of(what.arguments[2]) : 0};
    return own_node(range, [done](std::string object) {
      control::response answer;
      answer.columns = {"json"};
      answer.rows.push_back({std::move(object)});
      done(std::move(answer));
    });
  }
  if (kind == "close_connections" && what.arguments.size() > 2) {
    std::vector<std::string> names{what.arguments.begin() + 2, what.arguments.end()};
    const size_t most = names.size();
    return around.node.close_connections(
      [names = std::move(names)](const connection_info& one) {
        return std::find(names.begin(), names.end(), one.name) != names.end();
      },
      most, {320, what.arguments[1]}, [done](size_t) { done({}); });
  }
  if (kind == "connections" || kind == "channels")
    return own_rows(kind, [done](const std::vector<object_row>& rows) { done(to_response(rows)); });
  control::response unknown;
  unknown.exit_code = 64;
  unknown.error = "there is no report '" + kind + "'";
  done(std::move(unknown));
}

} // namespace broker::management

// What the service has of its node and of the others: connections, channels, queues, exchanges, and the nodes
// themselves.
#include <algorithm>
#include <charconv>
#include <iterator>
#include <mutex>
#include <tuple>
#include <utility>

#include "base/hex.hpp"
#include "management/json_writer.hpp"
#include "management/looking.hpp"
#include "management/node_object.hpp"
#include "management/service.hpp"
#include "management/stats_fields.hpp"

namespace broker::management {

namespace {

/// Queues that have not answered by then are asked again.
constexpr uint64_t list_patience_ms = 10'000;

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

/// By vhost and name. They are large: what is sorted is where they are.
std::vector<queue_info> in_order(std::vector<queue_info> infos) {
  std::vector<queue_info*> order;
  order.reserve(infos.size());
  for (auto& each : infos)
    order.push_back(&each);
  std::sort(order.begin(), order.end(), [](const queue_info* a, const queue_info* b) {
    return std::tie(a->queue->vhost, a->queue->name) < std::tie(b->queue->vhost, b->queue->name);
  });
  std::vector<queue_info> sorted;
  sorted.reserve(infos.size());
  for (auto* each : order)
    sorted.push_back(std::move(*each));
  return sorted;
}

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
    return around.node.list_channels([this, to_own = post, then](std::vector<channel_info> all) {
      to_own([this, all = std::move(all), then] {
        std::vector<object_row> rows;
        rows.reserve(all.size());
        for (const auto& each : all)
          rows.push_back(channel_row(each, around.node.name()));
        then(std::move(rows));
      });
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

/// Goes on at once, without answers, when there is nobody to ask.
void service::ask_others(std::vector<std::string> what, std::function<void(node_answers)> then) {
  const auto others = other_members();
  if (others.empty())
    return then({});
  control::request question;
  question.verb = report_verb;
  question.arguments = std::move(what);
  around.node.ask_members(others, question, std::move(then));
}

void service::ask_rows(const std::string& kind, std::function<void(object_rows, uint64_t)> then) {
  auto all = std::make_shared<gathering>([this, to_own = post, then = std::move(then)](std::vector<object_row> rows) {
    to_own([this, then, made = std::make_shared<std::vector<object_row>>(std::move(rows))] {
      std::sort(made->begin(), made->end(), [](const object_row& a, const object_row& b) {
        return std::tie(a.name, a.node) < std::tie(b.name, b.node);
      });
      then(made, around.now_ms());
    });
  });
  own_rows(kind, [all](std::vector<object_row> rows) { all->add(std::move(rows)); });
  ask_others({kind}, [all](const node_answers& answers) {
    for (const auto& [node, answer] : answers)
      all->add(from_response(node, answer));
  });
}

void service::connections(std::function<void(object_rows)> then) {
  connections_.get(around.now_ms(), list_age_ms, std::move(then),
                   [this](auto done) { ask_rows("connections", std::move(done)); });
}

void service::channels(std::function<void(object_rows)> then) {
  channels_.get(around.now_ms(), list_age_ms, std::move(then),
                [this](auto done) { ask_rows("channels", std::move(done)); });
}

exchange_map service::own_exchanges() {
  const auto metadata = around.node.metadata();
  return exchange_looks_.look(around.exchanges([&](const std::string& vhost, const std::string& name) {
    return metadata->find_exchange(vhost, name) != nullptr;
  }),
                              around.now_ms());
}

void service::exchanges(std::function<void(exchange_map_ptr)> then) {
  exchanges_.get(around.now_ms(), list_age_ms, std::move(then), [this](auto done) {
    ask_others({"exchanges"}, [this, own = own_exchanges(), to_own = post, done](const node_answers& answers) {
      auto sum = std::make_shared<exchange_map>(own);
      for (const auto& [node, answer] : answers)
        add_response(*sum, answer);
      to_own([this, sum, done] { done(sum, around.now_ms()); });
    });
  });
}

void service::queues(std::function<void(queue_infos)> then) {
  const uint64_t version = around.node.metadata()->version();
  if (queues_.infos && queues_.version == version && around.now_ms() < queues_good_until())
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
    to_own([this, infos = std::move(infos)]() mutable { answer_queues(std::move(infos)); });
  });
}

/// Who came after the question, and knew more, waits for the next answer.
void service::answer_queues(std::vector<queue_info> infos) {
  queues_.under_way = false;
  queues_.infos = std::make_shared<const std::vector<queue_info>>(in_order(std::move(infos)));
  queues_.made_ms = around.now_ms();
  queues_.age_ms = age_of(queues_.made_ms - queues_.began_ms);
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

void service::ask_nodes(sample_range range, std::function<void(node_texts, uint64_t)> then) {
  auto all = std::make_shared<std::map<std::string, std::string>>();
  around.node.metadata()->for_each_node([&](const node_ptr& each) { all->emplace(each->name, down_node(each->name)); });
  own_node(range, [this, all, range, then = std::move(then)](std::string own) {
    (*all)[around.node.name()] = std::move(own);
    ask_others({"node", std::to_string(range.age_s), std::to_string(range.step_s)},
               [this, all, to_own = post, then](const node_answers& answers) {
                 to_own([this, all, answers, then] {
                   for (const auto& [node, answer] : answers)
                     if (!answer.rows.empty())
                       (*all)[node] = text_at(answer.rows.front(), 0);
                   then(all, around.now_ms());
                 });
               });
  });
}

void service::nodes(sample_range range, std::function<void(node_texts)> then) {
  const std::pair key{range.age_s, range.step_s};
  const auto ask = [this, range](auto done) { ask_nodes(range, std::move(done)); };
  if (!nodes_.contains(key) && nodes_.size() >= node_ranges_max)
    return ask([then = std::move(then)](node_texts made, uint64_t) { then(std::move(made)); });
  auto& kept = nodes_[key];
  // Who comes and goes is seen at once.
  const uint64_t version = around.node.metadata()->version();
  auto unreachable = around.node.unreachable();
  if (!kept.texts.on_its_way() && (kept.version != version || kept.unreachable != unreachable)) {
    kept.texts.forget();
    kept.version = version;
    kept.unreachable = std::move(unreachable);
  }
  kept.texts.get(around.now_ms(), list_age_ms, std::move(then), ask);
}

uint64_t service::nodes_good_until(sample_range range) const {
  const auto kept = nodes_.find({range.age_s, range.step_s});
  return kept == nodes_.end() ? 0 : kept->second.texts.made_ms() + list_age_ms;
}

/// Ten thousand queues are not to lie about when nobody looks any more.
void service::forget_lists() {
  const uint64_t now = around.now_ms();
  if (now >= queues_good_until() + list_age_ms && !queues_.under_way)
    queues_.infos = nullptr;
  known_answers.sweep(now);
  const auto is_old = [&](const auto& kept) { return !kept.on_its_way() && now >= kept.made_ms() + 2 * list_age_ms; };
  if (is_old(connections_))
    connections_.forget();
  if (is_old(channels_))
    channels_.forget();
  std::erase_if(nodes_, [&](const auto& each) { return is_old(each.second.texts); });
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
  if (kind == "session_ended" && what.arguments.size() == 2) {
    if (auto id = from_hex(what.arguments[1])) // it comes with the metadata too: this is sooner
      sessions.learn({{{*std::move(id), now().unix_ms + session_limits{}.idle_ms}}, 0}, false);
    events.turn();
    return done({});
  }
  if (const auto wanted = samples_wanted_in(what.arguments))
    return done(to_response(own_samples(wanted->kind, wanted->asked, wanted->keys)));
  if (kind == "exchanges")
    return done(to_response(own_exchanges()));
  if (kind == "connections" || kind == "channels")
    return own_rows(kind, [done](const std::vector<object_row>& rows) { done(to_response(rows)); });
  control::response unknown;
  unknown.exit_code = 64;
  unknown.error = "there is no report '" + kind + "'";
  done(std::move(unknown));
}

} // namespace broker::management

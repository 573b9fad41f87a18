// What tools see of a running node.
#include <sys/random.h>
#include <sys/resource.h>

#include <filesystem>
#include <string>

#include "metadata/metadata_state.hpp"
#include "node_core.hpp"

namespace broker {

namespace {

/// Collects answers of many actors; calls `done` when the last asker is gone, whether it answered or ended unasked.
template<class Item>
struct gathering {
  std::mutex mutex;
  std::vector<Item> items;
  std::function<void(std::vector<Item>)> done;

  explicit gathering(std::function<void(std::vector<Item>)> then) : done(std::move(then)) {}
  ~gathering() { done(std::move(items)); }
  void add(Item item) {
    std::lock_guard guard{mutex};
    items.push_back(std::move(item));
  }
};

uint64_t open_files() {
  std::error_code ignored; // without /proc the figure is 0
  uint64_t count = 0;
  for (auto at = std::filesystem::directory_iterator{"/proc/self/fd", ignored}; at != std::filesystem::end(at); ++at)
    ++count;
  return count;
}

struct endpoint {
  std::string host;
  uint16_t port = 0;
};

endpoint split(const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos)
    return {address, 0};
  return {address.substr(0, colon), static_cast<uint16_t>(std::strtoul(address.c_str() + colon + 1, nullptr, 10))};
}

} // namespace

connection_info to_info(session_report&& report) {
  connection_info info;
  const auto arrow = report.name.find(" -> ");
  const auto peer = split(report.name.substr(0, arrow));
  const auto own = arrow == std::string::npos ? endpoint{} : split(report.name.substr(arrow + 4));
  info.id = report.id;
  info.name = std::move(report.name);
  info.host = own.host;
  info.port = own.port;
  info.peer_host = peer.host;
  info.peer_port = peer.port;
  info.user = std::move(report.user);
  info.auth_mechanism = std::move(report.auth_mechanism);
  info.vhost = std::move(report.vhost);
  info.state = std::move(report.state);
  info.channels = report.channels;
  info.channel_max = report.channel_max;
  info.frame_max = report.frame_max;
  info.heartbeat_s = report.heartbeat_s;
  info.client_properties = std::move(report.client_properties);
  info.received_bytes = report.received_bytes;
  info.sent_bytes = report.sent_bytes;
  info.reads = report.reads;
  info.writes = report.writes;
  info.connected_at_ms = report.connected_at_ms;
  return info;
}

void node::impl::propose(command what, std::function<void(command_result)> done) {
  caf::anon_send(shared.metadata, propose_msg{proposal{std::move(what), std::move(done)}});
}

void node::impl::list_queues(std::function<void(std::vector<queue_info>)> done) {
  auto all = std::make_shared<gathering<queue_info>>(std::move(done));
  for (const auto& queue : shared.queues_by_id.all())
    caf::anon_send(queue, queue_report_request{[all](queue_report report) {
                     if (!report.queue->delays_for.empty())
                       return; // hidden: its exchange's own affair
                     queue_info info;
                     info.queue = std::move(report.queue);
                     info.ready = report.ready;
                     info.unacknowledged = report.unacknowledged;
                     info.persistent = report.persistent;
                     info.ready_bytes = report.ready_bytes;
                     info.unacknowledged_bytes = report.unacknowledged_bytes;
                     info.consumers = report.consumers;
                     info.memory_bytes = report.memory_bytes;
                     info.details = std::move(report.details);
                     if (report.flow)
                       info.state = "flow";
                     all->add(std::move(info));
                   }});
}

void node::impl::list_connections(std::function<void(std::vector<connection_info>)> done) {
  listener->report([done = std::move(done)](std::vector<session_report> reports) {
    std::vector<connection_info> infos;
    infos.reserve(reports.size());
    for (auto& each : reports)
      infos.push_back(to_info(std::move(each)));
    done(std::move(infos));
  });
}

void node::impl::list_channels(std::function<void(std::vector<channel_info>)> done) {
  auto all = std::make_shared<gathering<channel_info>>(std::move(done));
  listener->report([this, all](std::vector<session_report> sessions_now) {
    auto connections = std::make_shared<std::map<connection_id, session_report>>();
    for (auto& each : sessions_now)
      connections->emplace(each.id, std::move(each));
    listener->channels([all, connections](std::vector<caf::actor> channels) {
      for (const auto& channel : channels)
        caf::anon_send(channel, channel_report_request{[all, connections](channel_report report) {
                         const auto from = connections->find(report.connection);
                         if (from == connections->end())
                           return; // its connection has come since
                         channel_info info;
                         info.connection = report.connection;
                         info.connection_name = from->second.name;
                         if (from->second.state == "flow") // credit is the connection's
                           info.state = "flow";
                         info.number = report.number;
                         info.user = std::move(report.user);
                         info.vhost = std::move(report.vhost);
                         info.transactional = report.transactional;
                         info.confirm = report.confirm;
                         info.consumers = report.consumers;
                         info.unacknowledged = report.unacknowledged;
                         info.unconfirmed = report.unconfirmed;
                         info.uncommitted = report.uncommitted;
                         info.uncommitted_acks = report.uncommitted_acks;
                         info.prefetch = report.prefetch;
                         info.global_prefetch = report.global_prefetch;
                         all->add(std::move(info));
                       }});
    });
  });
}

void node::impl::list_consumers(std::function<void(std::vector<consumer_info>)> done) {
  auto all = std::make_shared<gathering<consumer_info>>(std::move(done));
  for (const auto& queue : shared.queues_by_id.all())
    caf::anon_send(queue, consumer_report_request{[all](std::vector<consumer_report> reports) {
                     for (auto& report : reports) {
                       consumer_info info;
                       info.queue = std::move(report.queue);
                       info.tag = std::move(report.tag);
                       info.connection = report.connection;
                       info.channel = report.channel;
                       info.ack_required = report.ack_required;
                       info.prefetch = report.prefetch;
                       info.active = report.active;
                       info.activity_status = std::move(report.activity_status);
                       info.arguments = std::move(report.arguments);
                       all->add(std::move(info));
                     }
                   }});
}

node_facts node::impl::facts() const {
  node_facts result;
  result.node = config.node_name;
  result.cluster_name = sessions.settings.cluster_name;
  result.started_at_unix_s = started_at_unix_s;
  result.uptime_s = static_cast<uint64_t>(
    std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started_at).count());
  result.data_dir = config.data_dir.string();
  result.config_file = config.config_file.string();
  result.log_file = log_file().string();
  shared.snapshots.read()->for_each_vhost([&](const vhost_record&) { ++result.vhosts; });
  for (const auto& where : config.listeners)
    result.listeners.push_back({"[" + where.host + "]", where.port, "amqp", "AMQP 0-9-1"});
  result.listeners.push_back(
    {"[" + config.distribution_host + "]", wire->port(), "clustering", "inter-node communication"});
  result.listeners.push_back({"127.0.0.1", control_port, "control", "CLI tool communication"});
  result.alarms = resources->alarms();
  result.memory_bytes = resident_bytes();
  result.memory_watermark_bytes = resources->current_limits().memory_bytes;
  if (auto free = files->free_bytes())
    result.disk_free_bytes = *free;
  result.disk_free_limit_bytes = resources->current_limits().disk_free_bytes;
  result.open_files = open_files();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
    result.open_files_max = limit.rlim_cur;
  result.connections = listener ? listener->open_sessions() : 0;
  shared.snapshots.read()->for_each_queue([&](const queue_ptr&) { ++result.queues; }); // hidden ones are not counted
  result.message_bytes = block::total_bytes();
  return result;
}

std::string node::impl::hash_password(std::string_view password) const {
  char salt[4];
  BROKER_ASSERT(getrandom(salt, sizeof salt, 0) == sizeof salt, "no randomness from the kernel");
  return broker::hash_password(password, std::string_view{salt, sizeof salt});
}

void node::impl::request_stop() {
  std::lock_guard guard{stop_mutex};
  stopping = true;
  stop_asked.notify_all();
}

} // namespace broker

// What tools see of a running app's queues, connections and channels.
#include <map>
#include <mutex>
#include <string>

#include <boost/asio/post.hpp>
#include <caf/send.hpp>

#include "actors/queue_operator.hpp"
#include "broker_app.hpp"

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

/// As the control verbs show it.
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

} // namespace

void broker_app::propose(command what, std::function<void(command_result)> done) {
  caf::anon_send(shared.metadata, propose_msg{proposal{std::move(what), std::move(done)}});
}

void broker_app::list_queues(std::function<void(std::vector<queue_info>)> done) {
  auto all = std::make_shared<gathering<queue_info>>(std::move(done));
  for (const auto& [id, queue] : shared.queues_by_id.entries())
    caf::anon_send(queue, queue_report_request{{id, [all](queue_report report) {
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
                                                  if (report.down)
                                                    info.state = "down";
                                                  all->add(std::move(info));
                                                }}});
}

void broker_app::list_connections(std::function<void(std::vector<connection_info>)> done) {
  listener->report([done = std::move(done)](std::vector<session_report> reports) {
    std::vector<connection_info> infos;
    infos.reserve(reports.size());
    for (auto& each : reports)
      infos.push_back(to_info(std::move(each)));
    done(std::move(infos));
  });
}

void broker_app::list_channels(std::function<void(std::vector<channel_info>)> done) {
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

void broker_app::list_consumers(std::function<void(std::vector<consumer_info>)> done) {
  auto all = std::make_shared<gathering<consumer_info>>(std::move(done));
  for (const auto& [id, queue] : shared.queues_by_id.entries())
    caf::anon_send(queue, consumer_report_request{{id, [all](std::vector<consumer_report> reports) {
                                                     for (auto& report : reports) {
                                                       consumer_info info;
                                                       info.queue = std::move(report.queue);
                                                       info.tag = std::move(report.tag);
                                                       info.node = std::move(report.node);
                                                       info.connection = report.connection;
                                                       info.channel = report.channel;
                                                       info.ack_required = report.ack_required;
                                                       info.prefetch = report.prefetch;
                                                       info.active = report.active;
                                                       info.activity_status = std::move(report.activity_status);
                                                       info.arguments = std::move(report.arguments);
                                                       all->add(std::move(info));
                                                     }
                                                   }}});
}

void broker_app::close_connections(std::function<bool(const connection_info&)> which, size_t most, error why,
                                   std::function<void(size_t)> done) {
  listener->close_if([which = std::move(which)](session_report report) { return which(to_info(std::move(report))); },
                     most, why, std::move(done));
}

// Actors are spawned on a loop only: CAF leaves a reference to the actor system's logger in every thread that spawns,
// and the system does not end before that thread does.

void broker_app::delete_queue(const queue_ptr& queue, bool if_unused, bool if_empty,
                              std::function<void(result<uint32_t>)> done) {
  boost::asio::post(loops.at(0).io(), [this, queue, if_unused, if_empty, done = std::move(done)] {
    delete_as_operator(*actors, shared, queue, if_unused, if_empty, done);
  });
}

void broker_app::purge_queue(const queue_ptr& queue, std::function<void(result<uint32_t>)> done) {
  boost::asio::post(loops.at(0).io(),
                    [this, id = queue->id, done = std::move(done)] { purge_as_operator(*actors, shared, id, done); });
}

void broker_app::pressure_began() {
  for (const auto& queue : shared.queues_by_id.all())
    caf::anon_send(queue, queue_pressure_msg{});
}

} // namespace broker

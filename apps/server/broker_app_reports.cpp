// What tools see of a running app's queues, connections and channels.
#include <algorithm>
#include <map>
#include <string>

#include <boost/asio/post.hpp>
#include <caf/send.hpp>

#include "actors/memory_pressure.hpp"
#include "actors/queue_operator.hpp"
#include "actors/queue_reports.hpp"
#include "broker_app.hpp"
#include "report_gathering.hpp"

namespace broker {

namespace {

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
  connection_info info{std::move(report), {}, 0, {}, 0};
  const auto arrow = info.name.find(" -> ");
  auto peer = split(info.name.substr(0, arrow));
  auto own = arrow == std::string::npos ? endpoint{} : split(info.name.substr(arrow + 4));
  info.host = std::move(own.host);
  info.port = own.port;
  info.peer_host = std::move(peer.host);
  info.peer_port = peer.port;
  return info;
}

} // namespace

void broker_app::propose(command what, std::function<void(command_result)> done) {
  caf::anon_send(shared.metadata, propose_msg{proposal{std::move(what), std::move(done)}});
}

void broker_app::list_queues(std::function<void(std::vector<queue_info>)> done) {
  auto all = std::make_shared<report_gathering<queue_info>>(std::move(done));
  const auto add = [all](queue_report report) {
    if (report.queue->delays_for.empty()) // else hidden: its exchange's own affair
      all->add({std::move(report), {}, {}});
  };
  for (const auto& [id, queue] : shared.queues_by_id.entries())
    ask_for_report(shared, id, add);
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
  auto all = std::make_shared<report_gathering<channel_info>>(std::move(done));
  listener->report([this, all](std::vector<session_report> sessions_now) {
    auto connections = std::make_shared<std::map<connection_id, session_report>>();
    for (auto& each : sessions_now)
      connections->emplace(each.id, std::move(each));
    listener->channels([all, connections](const std::vector<caf::actor>& channels) {
      for (const auto& channel : channels)
        caf::anon_send(channel, channel_report_request{[all, connections](channel_report report) {
                         const auto from = connections->find(report.connection);
                         if (from == connections->end())
                           return; // its connection has come since
                         // Credit is the connection's.
                         const char* state = from->second.state == "flow" ? "flow" : "running";
                         all->add({std::move(report), from->second.name, state});
                       }});
    });
  });
}

void broker_app::list_consumers(std::function<void(std::vector<consumer_info>)> done) {
  auto all = std::make_shared<report_gathering<consumer_info>>(std::move(done));
  const auto add = [all](std::vector<consumer_report> reports) {
    for (auto& report : reports)
      all->add(std::move(report));
  };
  for (const auto& [id, queue] : shared.queues_by_id.entries())
    caf::anon_send(queue.who, consumer_report_request{{id, add}});
}

void broker_app::close_connections(std::function<bool(const connection_info&)> which, size_t most, const error& why,
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

void broker_app::group_state(std::function<void(group_facts)> done) {
  caf::anon_send(shared.metadata, metadata_status_msg{[this, done = std::move(done)](const metadata_status& status) {
                   group_facts facts;
                   facts.leader = status.leader;
                   const auto metadata = shared.snapshots.read();
                   for (const auto id : status.members.voters)
                     if (const auto node = metadata->find_node(id))
                       facts.voters.push_back(node->name);
                   done(std::move(facts));
                 }});
}

std::vector<std::string> broker_app::unreachable() const {
  constexpr uint64_t silent_ms = 2'000; // a shorter break is none
  const auto is_broken = [&](const node_state& link) {
    return !link.connected && (link.silent_ms >= silent_ms || (link.silent_ms == 0 && !link.last_error.empty()));
  };
  std::vector<std::string> names;
  const auto metadata = shared.snapshots.read();
  for (const auto& link : links->nodes())
    if (is_broken(link) && metadata->find_node(link.node))
      names.push_back(link.node);
  return names;
}

bool broker_app::in_minority() const {
  constexpr uint64_t longest_election_ms = 2'000;
  return cut_off_for_ms() >= longest_election_ms;
}

uint64_t broker_app::cut_off_for_ms() const {
  const uint64_t since = shared.leaderless_since_ms, now = shared.now_ms();
  return since != 0 ? now - std::min(since, now) : 0;
}

void broker_app::hand_over(std::function<void(result<void>)> done) {
  caf::anon_send(shared.metadata, metadata_hand_over_msg{{std::move(done)}});
}

void broker_app::rebalance(std::function<bool(const queue_record&)> which, std::function<void(result<void>)> done) {
  caf::anon_send(shared.metadata, metadata_rebalance_msg{{std::move(which), std::move(done)}});
}

void broker_app::pressure_began() {
  tell_memory_pressure(shared);
}

} // namespace broker

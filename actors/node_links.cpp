#include "actors/node_links.hpp"

#include <utility>

namespace broker {

node_links::node_links(caf::actor_system& system, node_wire& wire, node_links_settings settings)
  : system_(system), wire_(wire), settings_(std::move(settings)) {
  BROKER_ASSERT(settings_.incarnation != 0, "a node's run has a number");
}

node_links::~node_links() {
  end("the node stops", {});
}

std::shared_ptr<peer_port> node_links::find(const std::string& node) const {
  const std::lock_guard hold{mutex_};
  const auto at = peers_.find(node);
  return at == peers_.end() ? nullptr : at->second.port;
}

caf::actor node_links::find_or_make(const std::string& node) {
  if (const auto at = peers_.find(node); at != peers_.end())
    return at->second.actor;
  if (ended_ || node == settings_.node)
    return nullptr;
  if (peers_.size() >= peers_max)
    end_strangers();
  if (peers_.size() >= peers_max)
    return nullptr;
  cluster::link_settings how;
  how.node = settings_.node;
  how.peer = node;
  how.incarnation = settings_.incarnation;
  how.break_limit_ms = settings_.break_limit_ms;
  how.random = settings_.random;
  auto port = std::make_shared<peer_port>(std::move(how));
  auto actor = spawn_peer(system_, port, {&wire_, settings_.now_ms, settings_.note});
  for (size_t i = 0; i < cluster_services; ++i)
    if (services_[i])
      caf::anon_send(actor, peer_serve_msg{service_at(i), services_[i]});
  peers_.emplace(node, peer{std::move(port), actor});
  return actor;
}

bool node_links::is_stranger(const peer& which, const node_state& state) {
  return !which.wanted && state.session == 0 && !state.connected;
}

void node_links::end_strangers() {
  for (auto at = peers_.begin(); at != peers_.end();) {
    if (!is_stranger(at->second, at->second.port->state(settings_.now_ms()))) {
      ++at;
      continue;
    }
    caf::anon_send(at->second.actor, peer_end_msg{peer_end{"it is no longer known", {}}});
    at = peers_.erase(at);
  }
}

void node_links::serve(cluster_service service, caf::actor who) {
  const std::lock_guard hold{mutex_};
  if (ended_)
    return; // nobody would let go of the actor
  services_[index_of(service)] = who;
  for (const auto& [name, each] : peers_)
    caf::anon_send(each.actor, peer_serve_msg{service, who});
}

bool node_links::send(const std::string& node, cluster_service service, std::string&& bytes, uint64_t session) {
  const auto port = find(node);
  return port && port->send(service, std::move(bytes), session);
}

void node_links::send_datagram(const std::string& node, cluster_service service, std::string bytes) {
  if (const auto port = find(node))
    port->send_datagram(service, std::move(bytes));
}

std::vector<node_state> node_links::nodes() const {
  std::vector<node_state> result;
  const std::lock_guard hold{mutex_};
  for (const auto& [name, each] : peers_)
    if (auto state = each.port->state(settings_.now_ms()); !is_stranger(each, state))
      result.push_back(std::move(state));
  return result;
}

void node_links::connect(const std::string& node, const std::string& host, uint16_t port) {
  const std::lock_guard hold{mutex_};
  if (const auto actor = find_or_make(node)) {
    peers_.at(node).wanted = true;
    caf::anon_send(actor, peer_dial_msg{host, port});
  }
}

void node_links::forget(const std::string& node) {
  const std::lock_guard hold{mutex_};
  const auto at = peers_.find(node);
  if (at == peers_.end())
    return;
  caf::anon_send(at->second.actor, peer_end_msg{peer_end{"it is no longer wanted", {}}});
  peers_.erase(at);
}

caf::actor node_links::admit(const std::string& node) {
  const std::lock_guard hold{mutex_};
  return find_or_make(node);
}

void node_links::end(const std::string& reason, std::function<void()> done) {
  std::map<std::string, peer> leaving;
  {
    const std::lock_guard hold{mutex_};
    ended_ = true;
    leaving.swap(peers_);
    services_ = {};
  }
  // The last one to run takes the only reference with it.
  const std::shared_ptr<void> last{nullptr, [done = std::move(done)](void*) {
                                     if (done)
                                       done();
                                   }};
  for (const auto& [name, each] : leaving)
    caf::anon_send(each.actor, peer_end_msg{peer_end{reason, [last] {}}});
}

} // namespace broker

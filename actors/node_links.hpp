// All links of a node: one peer actor per other node, found by name (actors/cluster.hpp is what users see). The host
// makes it over a wire before the first actor, and ends it before the actor system.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex> // layers: the table of peers is read from every loop; taken once per send
#include <string>
#include <vector>

#include "actors/cluster.hpp"
#include "actors/peer.hpp"

namespace broker {

/// Other nodes at the same time. Who holds the cookie may name itself as it likes: this bounds what it can make us
/// keep.
inline constexpr size_t peers_max = 128;

struct node_links_settings {
  std::string node;
  uint64_t incarnation = 0; ///< random; never 0
  uint64_t break_limit_ms = link_limits::break_limit_ms;
  std::function<uint64_t()> random; ///< thread-safe
  std::function<uint64_t()> now_ms; ///< monotonic; thread-safe
  std::function<void(const std::string&)> note;
};

/// Thread-safe.
class node_links final : public cluster_links {
public:
  /// `wire` outlives the links.
  node_links(caf::actor_system& system, node_wire& wire, node_links_settings settings);
  ~node_links() override;

  uint64_t incarnation() const override { return settings_.incarnation; }
  void serve(cluster_service service, caf::actor who) override;
  bool send(const std::string& node, cluster_service service, std::string&& bytes, uint64_t session) override;
  void send_datagram(const std::string& node, cluster_service service, std::string bytes) override;
  std::vector<node_state> nodes() const override;
  void connect(const std::string& node, const std::string& host, uint16_t port) override;
  void forget(const std::string& node) override;

  /// For the wire: who hears of connections of `node`; made when it is not known. Null: too many, or our own name.
  caf::actor admit(const std::string& node);
  /// Good-bye to everybody; no new peers. `done` runs once every peer has said it, on some thread.
  void end(const std::string& reason, std::function<void()> done);

private:
  struct peer {
    std::shared_ptr<peer_port> port;
    caf::actor actor;
    bool wanted = false; ///< by connect(); others came by themselves
  };
  std::shared_ptr<peer_port> find(const std::string& node) const;
  /// With the lock held.
  caf::actor find_or_make(const std::string& node);
  /// It came by itself and has no session any more, or never had one.
  static bool is_stranger(const peer& which, const node_state& state);
  void end_strangers();

  caf::actor_system& system_;
  node_wire& wire_;
  const node_links_settings settings_;
  mutable std::mutex mutex_;
  std::map<std::string, peer> peers_;
  std::array<caf::actor, cluster_services> services_;
  bool ended_ = false;
};

} // namespace broker

// What the nodes of the cluster say of themselves, as this one knows it (cluster/node_conditions.hpp): told to the
// other nodes over the links, heard from them by an actor of its own, and put into effect here: alarms block publishers
// (features.md O46), drained nodes get no queues (O10). Counts while its node is a member that can be reached.
#pragma once

#include <functional>
#include <map>
#include <mutex> // layers: the control thread sets, a loop hears, tools ask; held for microseconds
#include <string>

#include "actors/caf.hpp"
#include "actors/runtime.hpp"
#include "cluster/node_conditions.hpp"

namespace broker {

/// Thread-safe. Outlives the actor that start() spawns; `node` outlives it.
class condition_exchange {
public:
  using by_node = cluster::node_conditions::by_node;

  explicit condition_exchange(runtime& node) : node_(node) {}
  condition_exchange(const condition_exchange&) = delete;
  condition_exchange& operator=(const condition_exchange&) = delete;

  /// Serves cluster_service::control. Needs runtime::cluster.
  void start(caf::actor_system& system);
  /// Ends the actor.
  void stop();

  /// When the members are known: `block` hears why publishers are blocked, "" when they no longer are, now and on each
  /// change. It runs on any thread, in order, and must only post.
  void watch(std::function<void(const std::string& reason)> block);
  // -- of this node; in effect when the call returns --
  void set_alarms(bool memory, bool disk);
  void set_drained(bool drained);
  /// Of the other members, as far as they count here.
  by_node others() const;
  /// Other nodes that can be reached and do not know yet what this one has said last.
  size_t unaware() const;

private:
  friend struct condition_service;

  void hear(const std::function<void(cluster::node_conditions&)>& change);
  /// Somebody who is no member, or not known as one yet, has something to say: look again later.
  bool has_stranger() const;
  by_node of_members() const;
  void tell();
  void apply();

  runtime& node_;
  mutable std::mutex mutex_;
  cluster::node_conditions state_;
  std::function<void(const std::string&)> block_;
  std::string blocked_; ///< the reason in effect
  caf::actor actor_;
};

} // namespace broker

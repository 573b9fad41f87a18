// N simulated nodes that are nothing but production links over the simulated network, with services that number, count
// and check the order.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "actors/node_links.hpp"
#include "sim_links.hpp"

namespace test {

using namespace broker;
using namespace broker::sim;

/// What a node's service `queues` knows of one other node.
struct known_node {
  uint64_t session = 0;
  bool up = false;
  uint64_t sent = 0; ///< in this session
  uint64_t received = 0;
  uint64_t losses = 0;
  uint64_t suspicions = 0;
};

class link_world {
public:
  link_world(size_t nodes, uint64_t seed);
  ~link_world();

  sim_network& network() { return network_; }
  random_source& random() { return random_; }
  static std::string name(size_t which) { return "rabbit@" + std::string(1, static_cast<char>('a' + which)); }
  size_t size() const { return nodes_.size(); }
  known_node& at(size_t which, size_t other) { return nodes_[which]->known[name(other)]; }
  bool is_up(size_t which) const { return nodes_[which]->system != nullptr; }

  void run_for(sim_ns length);
  /// Until every pair of running nodes is up and what was sent has arrived; false after `longest`.
  bool settle(sim_ns longest = 30 * second);
  bool send(size_t from, size_t to, size_t bytes);
  void crash(size_t which, bool silent);
  void start(size_t which);

  std::string broken; ///< the first promise that did not hold

private:
  struct config : caf::actor_system_config {
    config() { set("scheduler.policy", caf::atom("testing")); }
  };
  struct node {
    std::string name;
    std::unique_ptr<config> settings;
    std::unique_ptr<caf::actor_system> system;
    std::unique_ptr<node_links> links;
    caf::actor service;
    std::map<std::string, known_node> known;

    caf::scheduler::test_coordinator& scheduler() {
      return static_cast<caf::scheduler::test_coordinator&>(system->scheduler());
    }
  };
  caf::behavior service_of(node& whose);
  void take(node& at, node_frame& frame);
  bool run_one(sim_ns until);
  void set_clock(node& each);

  virtual_time time_;
  random_source random_;
  sim_network network_;
  std::vector<std::unique_ptr<node>> nodes_;
};

} // namespace test

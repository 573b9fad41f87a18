// Behaviours of somebody's own in a simulated run (docs/simulation.md, "A behaviour of your own"): they live under the
// same virtual time, scheduler and faults as the broker's actors, and every checker goes on.
//
// The functions are called on the one thread of the run, for each life of each node. What they spawn must take time
// from the actor clock or runtime::now_ms and randomness from runtime::next_seed, or runs are not deterministic.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <caf/actor.hpp>

#include "actors/queue_factory.hpp"

namespace broker::sim {

struct guests {
  /// Makes the actors of queues that have no copies; empty: spawn_queue.
  queue_factory make_queue;
  /// Spawns actors of its own when a node has opened its store, before anybody can connect; they are killed with the
  /// node. The node may be about to die: nothing may be taken for granted but what it has written. Empty: nothing.
  std::function<std::vector<caf::actor>(caf::actor_system&, runtime&)> node_started;
  /// After the drain: says what is broken that no checker of the broker knows of, by calling its argument. Empty:
  /// nothing.
  std::function<void(const std::function<void(std::string)>& violation)> finished;
};

} // namespace broker::sim

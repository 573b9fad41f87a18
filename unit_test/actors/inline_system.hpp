// Actors that run when the test says so, in its own thread.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>

namespace test {

struct inline_config : caf::actor_system_config {
  inline_config() {
    set("scheduler.policy", caf::atom("testing"));
    set("logger.inline-output", true);
  }
};

inline caf::scheduler::test_coordinator& scheduler_of(caf::actor_system& system) {
  return static_cast<caf::scheduler::test_coordinator&>(system.scheduler());
}

} // namespace test

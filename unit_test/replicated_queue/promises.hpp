// What the tests of a replicated queue's promises share.
#pragma once

#include <boost/test/unit_test.hpp>

#include "queue/fake_metadata.hpp"
#include "world.hpp"

namespace replicated_promises {

using namespace replicated;

using numbers = std::vector<uint64_t>;

inline numbers counting(uint64_t from, uint64_t to) {
  numbers all;
  for (; from <= to; ++from)
    all.push_back(from);
  return all;
}

inline world_settings with(queue_options options) {
  world_settings chosen;
  chosen.options = std::move(options);
  return chosen;
}

/// The master's node dies and another takes over. Returns it.
inline int fail_over(world& all) {
  const int before = all.master();
  all.crash(before);
  all.expire(before);
  all.run_for(1000);
  BOOST_REQUIRE(all.master() != 0);
  BOOST_REQUIRE(all.master() != before);
  return all.master();
}

/// Messages in every copy that is in sync; -1: not the same everywhere.
inline int64_t everywhere(const world& all) {
  int64_t found = -1;
  for (int who = 1; who <= all.settings.nodes; ++who) {
    if (!all.in_sync(who) || !all.at(who).up)
      continue;
    const auto here = static_cast<int64_t>(all.at(who).queue->messages_logged());
    if (found >= 0 && here != found)
      return -1;
    found = here;
  }
  return found;
}

inline void answer(world& all, int who, seq_range which) {
  replicated_step step;
  all.at(who).queue->answered({8, which, false}, all.now_ms, step);
  all.at(who).queue->pump(all.now_ms, step);
  BOOST_TEST(step.queue.requests.empty());
  all.take(who, step);
}

} // namespace replicated_promises

// Clusters whose nodes crash, whose network loses and cuts, whose disks fail in the middle of a flush, while every node
// declares and deletes queues. What must hold is in net.hpp; at the end everything heals and everybody must agree.
#include <cstdlib>

#include "net.hpp"

using namespace metadata_cluster;

namespace random_clusters {
namespace {

net_options options_of(uint64_t seed) {
  random_source random{seed};
  net_options how;
  how.seed = seed;
  how.delay_ms = 1 + static_cast<unsigned>(random.below(random.chance(1, 4) ? 200 : 10));
  how.lose_one_in = random.chance(1, 2) ? 0 : 5 + static_cast<unsigned>(random.below(50));
  how.refuse_one_in = random.chance(1, 2) ? 0 : 3 + static_cast<unsigned>(random.below(30));
  how.snapshot_after = random.chance(1, 2) ? 10'000 : 15 + random.below(100);
  how.proposal_ms = random.chance(1, 2) ? 5'000 : 500;
  how.applied_at_once = random.chance(1, 2) ? limits::metadata_applied_at_once : 1 + random.below(4);
  how.restore_ms = random.chance(1, 2) ? 0 : 3'000;
  return how;
}

class story {
public:
  explicit story(uint64_t seed) : world_(options_of(seed)), random_(seed + 1) {}

  void run() {
    const size_t size = std::vector<size_t>{1, 3, 3, 5}[random_.below(4)];
    world_.found("n0@x");
    for (size_t i = 1; i < size; ++i)
      world_.join("n" + std::to_string(i) + "@x");
    for (int step = 0; step < 300; ++step) {
      act();
      world_.run(1 + random_.below(40));
    }
    heal();
    acked = world_.acked();
  }

  uint64_t crashes = 0;
  uint64_t acked = 0;

private:
  node& any() {
    auto at = world_.nodes.begin();
    std::advance(at, random_.below(world_.nodes.size()));
    return *at->second;
  }

  void act() {
    node& who = any();
    switch (random_.below(20)) {
    case 0:
      if (who.up())
        world_.crash(who);
      ++crashes;
      break;
    case 1:
    case 2:
      if (!who.up())
        world_.start(who);
      break;
    case 3:
      if (random_.chance(1, 2))
        world_.cut(who.name, any().name);
      else
        world_.isolate(who.name);
      break;
    case 4:
    case 5:
      world_.heal();
      break;
    case 6:
      who.disk.fail = who.up(); // at its next write
      break;
    case 7:
      if (node* leader = world_.leader(); leader && who.up())
        leader->host->transfer(900'000'000 + ++transfers_, who.host->identity().self);
      break;
    default:
      work(who);
    }
  }

  void work(node& who) {
    if (!who.up() || !who.started())
      return;
    for (uint64_t i = random_.below(6); i > 0; --i) {
      const auto& there = world_.acked_queues();
      if (!there.empty() && random_.chance(1, 4))
        world_.remove(who, there[random_.below(there.size())]); // perhaps again
      else
        world_.declare(who, "q" + std::to_string(++declared_));
    }
    if (who.up() && random_.chance(1, 2))
      who.flush();
  }

  void heal() {
    world_.heal();
    world_.options.lose_one_in = world_.options.refuse_one_in = 0;
    world_.options.delay_ms = 5;
    for (auto& [name, one] : world_.nodes) {
      one->disk.fail = false;
      if (!one->up())
        world_.start(*one);
    }
    const bool converged = world_.run_until(
      [&] {
        for (auto& [name, one] : world_.nodes)
          if (!one->up() || !one->started() || !one->asked.empty() || !one->deleting.empty())
            return false;
        return world_.agree();
      },
      60'000);
    BOOST_REQUIRE_MESSAGE(converged, "no convergence");
    world_.check_answers();
  }

  net world_;
  random_source random_;
  uint64_t declared_ = 0;
  consensus::ticket transfers_ = 0;
};

} // namespace
} // namespace random_clusters

BOOST_AUTO_TEST_SUITE(random_clusters)

/// WARREN_SEEDS=A-B runs others.
BOOST_AUTO_TEST_CASE(whatever_happens_each_change_is_applied_once_and_everywhere) {
  uint64_t first = 1;
  uint64_t last = 40;
  if (const char* asked = std::getenv("WARREN_SEEDS")) {
    char* rest = nullptr;
    first = std::strtoull(asked, &rest, 10);
    last = *rest == '-' ? std::strtoull(rest + 1, nullptr, 10) : first;
  }
  uint64_t crashes = 0;
  uint64_t acked = 0;
  for (uint64_t seed = first; seed <= last; ++seed)
    BOOST_TEST_CONTEXT("seed " << seed) {
      story one{seed};
      one.run();
      crashes += one.crashes;
      acked += one.acked;
    }
  BOOST_TEST(acked > 50 * (last - first + 1));
  BOOST_TEST_MESSAGE(crashes << " crashes, " << acked << " changes answered");
}

BOOST_AUTO_TEST_SUITE_END()

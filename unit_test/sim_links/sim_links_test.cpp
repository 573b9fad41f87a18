// The production links over the simulated network: they keep their promises under seeded faults, and a seed repeats.
#include <boost/test/unit_test.hpp>

#include "link_world.hpp"

using namespace test;

namespace simulated_links {
namespace {

void something_happens(link_world& world, bool crashes) {
  auto& random = world.random();
  const size_t one = random.below(world.size()), other = (one + 1 + random.below(world.size() - 1)) % world.size();
  switch (random.below(16)) {
  case 0:
    return world.network().break_connections(world.name(one), world.name(other));
  case 1:
    world.network().cut(world.name(one), world.name(other));
    world.network().cut(world.name(other), world.name(one));
    return;
  case 2:
    return world.network().cut(world.name(one), world.name(other));
  case 3:
  case 4:
    return world.network().heal();
  case 5:
    if (crashes && world.is_up(one))
      return world.crash(one, random.chance(1, 2));
    [[fallthrough]];
  case 6:
    if (crashes && !world.is_up(one))
      world.start(one);
    return;
  default:
    for (uint64_t count = random.below(40); count > 0; --count)
      world.send(random.below(world.size()), random.below(world.size()), random.below(20'000));
  }
}

struct outcome {
  std::string broken;
  uint64_t trace = 0;
  uint64_t suspicions = 0;
  uint64_t losses = 0;
};

outcome live(uint64_t seed, bool crashes) {
  link_world world{3, seed};
  for (int i = 0; i < 60 && world.broken.empty(); ++i) {
    something_happens(world, crashes);
    world.run_for(world.random().below(2'000) * ms);
  }
  world.network().heal();
  for (size_t each = 0; each < world.size(); ++each)
    if (!world.is_up(each))
      world.start(each);
  outcome result;
  const bool settled = world.settle();
  result.broken = !world.broken.empty() ? world.broken : settled ? "" : "not settled";
  if (!result.broken.empty())
    result.broken = "seed " + std::to_string(seed) + ": " + result.broken;
  for (size_t a = 0; a < world.size(); ++a)
    for (size_t b = 0; b < world.size(); ++b) {
      result.suspicions += world.at(a, b).suspicions;
      result.losses += world.at(a, b).losses;
    }
  result.trace = world.network().trace();
  return result;
}

} // namespace
} // namespace simulated_links

BOOST_AUTO_TEST_SUITE(simulated_links)

BOOST_AUTO_TEST_CASE(three_nodes_find_each_other) {
  link_world world{3, 1};
  BOOST_TEST(world.settle(5 * second));
  BOOST_TEST(world.network().open_connections() == 3u);
}

BOOST_AUTO_TEST_CASE(nothing_is_lost_or_repeated_while_processes_live) {
  uint64_t suspicions = 0, losses = 0;
  for (uint64_t seed = 1; seed <= 120; ++seed) {
    const auto seen = live(seed, false);
    BOOST_TEST(seen.broken == "");
    suspicions += seen.suspicions;
    losses += seen.losses;
  }
  BOOST_TEST(suspicions > 300u);
  BOOST_TEST(losses < suspicions / 4); // only cuts that happened to last a minute
}

BOOST_AUTO_TEST_CASE(crashes_and_restarts_are_told) {
  uint64_t losses = 0;
  for (uint64_t seed = 1; seed <= 120; ++seed) {
    const auto seen = live(seed, true);
    BOOST_TEST(seen.broken == "");
    losses += seen.losses;
  }
  BOOST_TEST(losses > 60u);
}

BOOST_AUTO_TEST_CASE(a_one_way_cut_is_noticed_by_both) {
  link_world world{2, 7};
  BOOST_TEST_REQUIRE(world.settle());
  world.network().cut(world.name(0), world.name(1));
  world.run_for(4 * second);
  BOOST_TEST(!world.at(0, 1).up);
  BOOST_TEST(!world.at(1, 0).up);
  world.network().heal();
  BOOST_TEST(world.settle());
  BOOST_TEST(world.at(0, 1).losses + world.at(1, 0).losses == 0u);
}

BOOST_AUTO_TEST_CASE(a_cut_beyond_the_limit_is_told_on_both_sides) {
  link_world world{2, 8};
  BOOST_TEST_REQUIRE(world.settle());
  world.network().cut(world.name(0), world.name(1));
  world.network().cut(world.name(1), world.name(0));
  world.run_for(64 * second);
  BOOST_TEST(world.at(0, 1).losses == 1u);
  BOOST_TEST(world.at(1, 0).losses == 1u);
  world.network().heal();
  BOOST_TEST(world.settle());
}

BOOST_AUTO_TEST_CASE(a_process_that_has_ended_is_lost_within_a_quarter_of_a_second) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    link_world world{2, seed};
    world.network().set_refuses(true);
    BOOST_TEST_REQUIRE(world.settle());
    world.crash(seed % 2, false);
    world.run_for(250 * ms);
    BOOST_TEST(world.at(1 - seed % 2, seed % 2).losses == 1u);
  }
}

BOOST_AUTO_TEST_CASE(the_same_seed_gives_the_same_trace) {
  for (uint64_t seed = 100; seed < 104; ++seed)
    BOOST_TEST(live(seed, true).trace == live(seed, true).trace);
  BOOST_TEST(live(100, true).trace != live(101, true).trace);
}

BOOST_AUTO_TEST_SUITE_END()

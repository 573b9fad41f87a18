// When publishers are blocked for lack of memory or disk, and what is said of it (features.md O46, O50; guarantees.md
// G6).
#include <boost/test/unit_test.hpp>

#include "resource_alarms.hpp"

using broker::resource_alarms;

namespace alarms_of_a_node {
namespace {

constexpr broker::resource_limits limits{1000, 500, 100};

std::string reason_of(const resource_alarms& alarms) {
  return broker::cluster::blocked_reason(alarms.now());
}

struct node {
  resource_alarms alarms{"rabbit@test", limits};
  resource_alarms::step step;

  void memory(uint64_t used) { step = alarms.sampled({used, std::nullopt}); }
  void disk(uint64_t free) { step = alarms.sampled({0, free}); }
  bool said(std::string_view text) const {
    for (const auto& line : step.log)
      if (line.text.find(text) != std::string::npos)
        return true;
    return false;
  }
};

} // namespace
} // namespace alarms_of_a_node

BOOST_FIXTURE_TEST_SUITE(alarms_of_a_node, node)

BOOST_AUTO_TEST_CASE(memory_above_the_watermark_sets_the_alarm_once) {
  memory(1000);
  BOOST_TEST(!step.changed);
  memory(1001);
  BOOST_TEST(step.changed);
  BOOST_TEST(reason_of(alarms) == "low on memory");
  BOOST_TEST(said("vm_memory_high_watermark set. Memory used:1001 allowed:1000"));
  BOOST_TEST(said("memory resource limit alarm set on node rabbit@test"));
  BOOST_TEST(alarms.texts().front() == "Memory alarm on node rabbit@test");
  memory(2000);
  BOOST_TEST(!step.changed);
  BOOST_TEST(step.log.empty());
  memory(1000);
  BOOST_TEST(step.changed);
  BOOST_TEST(reason_of(alarms) == "");
  BOOST_TEST(said("memory resource limit alarm cleared on node rabbit@test"));
  BOOST_TEST(alarms.texts().empty());
}

BOOST_AUTO_TEST_CASE(a_watermark_of_zero_blocks_at_once) {
  resource_alarms none{"rabbit@test", {0, 0, 0}};
  BOOST_TEST(none.sampled({1, 1}).changed);
  BOOST_TEST(reason_of(none) == "low on memory");
}

BOOST_AUTO_TEST_CASE(changed_limits_count_from_the_next_sample_on) {
  memory(900);
  BOOST_TEST(reason_of(alarms) == "");
  alarms.set_memory_limit(0);
  memory(900);
  BOOST_TEST(reason_of(alarms) == "low on memory");
  alarms.set_memory_limit(1000);
  memory(900);
  BOOST_TEST(reason_of(alarms) == "");
  disk(700);
  alarms.set_disk_limit(800);
  disk(700);
  BOOST_TEST(reason_of(alarms) == "low on disk");
}

BOOST_AUTO_TEST_CASE(a_forced_alarm_is_on_until_it_is_let_go) {
  alarms.force_memory(true);
  memory(1);
  BOOST_TEST(reason_of(alarms) == "low on memory");
  memory(1);
  BOOST_TEST(!step.changed);
  alarms.force_memory(false);
  memory(1);
  BOOST_TEST(reason_of(alarms) == "");
}

BOOST_AUTO_TEST_CASE(disk_below_the_limit_sets_the_alarm) {
  disk(500);
  BOOST_TEST(!step.changed);
  disk(499);
  BOOST_TEST(reason_of(alarms) == "low on disk");
  BOOST_TEST(said("Free disk space is insufficient. Free bytes: 499. Limit: 500"));
  BOOST_TEST(said("disk resource limit alarm set on node rabbit@test"));
  BOOST_TEST(alarms.texts().front() == "Free disk space alarm on node rabbit@test");
  disk(500);
  BOOST_TEST(reason_of(alarms) == "");
  BOOST_TEST(said("Free disk space is sufficient. Free bytes: 500. Limit: 500"));
}

BOOST_AUTO_TEST_CASE(both_alarms_have_one_reason_and_clear_one_by_one) {
  step = alarms.sampled({1001, 499});
  BOOST_TEST(reason_of(alarms) == "low on memory & disk");
  disk(499);
  BOOST_TEST(step.changed);
  BOOST_TEST(reason_of(alarms) == "low on disk");
}

BOOST_AUTO_TEST_CASE(an_unknown_disk_keeps_its_alarm) {
  disk(499);
  memory(0);
  BOOST_TEST(!step.changed);
  BOOST_TEST(reason_of(alarms) == "low on disk");
}

BOOST_AUTO_TEST_CASE(the_ballast_is_made_when_it_fits_and_released_when_the_disk_runs_low) {
  disk(599);
  BOOST_TEST(!step.make_ballast);
  disk(600);
  BOOST_TEST(step.make_ballast);
  alarms.ballast_made();
  disk(500);
  BOOST_TEST(!step.make_ballast);
  disk(499);
  BOOST_TEST(step.release_ballast);
  disk(599); // the ballast's room, not the publishers'
  BOOST_TEST(!step.release_ballast);
  BOOST_TEST(reason_of(alarms) == "low on disk");
  disk(600);
  BOOST_TEST(reason_of(alarms) == "");
  BOOST_TEST(step.make_ballast);
}

BOOST_AUTO_TEST_CASE(a_disk_near_its_limit_is_looked_at_more_often) {
  resource_alarms big{"rabbit@test", {1000, 50'000'000, 0}};
  BOOST_TEST(big.sampled({0, 100'000'000'000}).look_again_ms == resource_alarms::interval_ms);
  BOOST_TEST(big.sampled({0, 850'000'000}).look_again_ms == 100u);
  BOOST_TEST(big.sampled({0, 50'000'000}).look_again_ms == 20u);
  BOOST_TEST(big.sampled({0, 49'999'999}).look_again_ms == resource_alarms::interval_ms);
}

BOOST_AUTO_TEST_SUITE_END()

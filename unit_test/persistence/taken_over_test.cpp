// A queue that becomes replicated has messages in the store already: what becomes of those after a crash (Q10;
// replication.md "Becoming replicated").
#include <boost/test/unit_test.hpp>

#include <algorithm>

#include "replication/log_recovery.hpp"
#include "store_fixture.hpp"

using namespace broker;
using sim::crash_style;
using test::store_fixture;

namespace taken_over {
namespace {

constexpr queue_id queue = 1;

/// As the queue's actor does: all it has, in the store by now, is a log from here on.
void take_over(store_fixture& world, const recovered_queue& content) {
  auto log = replication::adopt_queue(content, 1);
  BOOST_REQUIRE(log.ok());
  world.log(queue, true, std::move(log->adoption));
}

uint64_t messages_in(const std::vector<recovered_run>& runs) {
  uint64_t all = 0;
  for (const recovered_run& one : runs)
    all += one.count;
  return all;
}

/// The segment that holds the queue's messages has little else in the end: they move to the backlog.
void fill_segments(store_fixture& world) {
  constexpr queue_id short_lived = 2, long_lived = 3;
  world.append(short_lived, 20, 500, true);
  world.settle_down();
  world.settle(short_lived, {1, 21});
  for (int i = 0; i < 6; ++i) {
    world.append(long_lived, 20, 600, true);
    world.settle_down();
  }
}

} // namespace
} // namespace taken_over

using namespace taken_over;

BOOST_AUTO_TEST_SUITE(taken_over_queues)

/// Copies have them on disk: a master that forgot them at its start held other messages than they.
BOOST_AUTO_TEST_CASE(
  transient_messages_that_were_paged_out_before_a_queue_became_replicated_are_in_its_log_after_a_crash) {
  for (const bool retired : {false, true}) {
    store_fixture world(1);
    BOOST_REQUIRE(world.open());
    world.append(queue, 3, 100, true);
    world.append(queue, 4, 100, false);
    world.append(queue, 3, 100, true);
    world.settle(queue, {5, 6});
    if (retired)
      fill_segments(world);
    world.settle_down();
    BOOST_TEST((world.backlog.size() != 0) == retired);
    take_over(world, {queue, 11, {{1, 4, 400}, {6, 5, 500}}});
    for (int life = 0; life < 2; ++life) {
      world.settle_down();
      world.crash(crash_style::lose_all);
      BOOST_REQUIRE_MESSAGE(world.open(), world.refusal);
      const auto at = std::find_if(world.recovered.begin(), world.recovered.end(),
                                   [](const recovered_queue& one) { return one.id == queue; });
      BOOST_REQUIRE(at != world.recovered.end());
      const auto log = replication::recover_log(*at);
      BOOST_REQUIRE(log.ok());
      BOOST_TEST(log->log.length() == 10u);
      BOOST_TEST(messages_in(log->live) == 9u);
      BOOST_TEST(log->settled.empty());
      BOOST_TEST(world.read_all(queue).size() == 9u);
    }
  }
}

/// What a restart has forgotten stays forgotten, though its record is still there when the queue gets a log.
BOOST_AUTO_TEST_CASE(transient_messages_that_a_restart_has_forgotten_do_not_come_back_with_a_log) {
  for (const bool retired : {false, true}) {
    store_fixture world(1);
    BOOST_REQUIRE(world.open());
    world.append(queue, 3, 100, true);
    world.append(queue, 4, 100, false);
    if (retired)
      fill_segments(world);
    world.settle_down();
    world.crash(crash_style::keep_all);
    BOOST_REQUIRE_MESSAGE(world.open(), world.refusal);
    BOOST_TEST(messages_in(world.recovered.front().runs) == 3u);
    const recovered_queue content = world.recovered.front();
    BOOST_TEST(content.id == queue);
    take_over(world, content);
    world.settle_down();
    world.crash(crash_style::keep_all);
    BOOST_REQUIRE_MESSAGE(world.open(), world.refusal);
    const auto log = replication::recover_log(world.recovered.front());
    BOOST_REQUIRE(log.ok());
    BOOST_TEST(messages_in(log->live) == 3u);
  }
}

BOOST_AUTO_TEST_SUITE_END()

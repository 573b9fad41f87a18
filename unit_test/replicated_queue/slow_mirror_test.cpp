// R7: how long a mirror may hold confirms up. The slow ones are cut off from the master here; other tests have links
// that only take their time.
#include <boost/test/unit_test.hpp>

#include "replicated_queue/world.hpp"

using namespace replicated;

BOOST_AUTO_TEST_SUITE(slow_mirror)

BOOST_AUTO_TEST_CASE(a_mirror_that_alone_is_behind_holds_confirms_up_for_less_than_a_second) {
  world all{{}};
  all.cut(1, 3);
  all.publish(1, 2);
  all.run_for(500);
  BOOST_TEST(all.confirmed.empty());
  all.run_for(500);
  BOOST_TEST(all.confirmed.size() == 2u);
  BOOST_TEST(!all.in_sync(3));
  all.heal();
  all.run_for(10'000);
  BOOST_TEST(all.in_sync(3));
  BOOST_TEST(all.drained() == "");
}

/// It answers now and then, so it makes progress: that is not what publishers wait for.
BOOST_AUTO_TEST_CASE(progress_is_not_enough_to_stay_in_sync) {
  world all{{}};
  all.publish(1, 1);
  all.run_for(1000);
  for (int times = 0; times < 20 && all.in_sync(3); ++times) {
    all.cut(1, 3);
    all.publish(1, 5);
    all.run_for(500);
    all.publish(1, 1);
    all.heal();
    all.deliver(1, 3);
    all.sync(3);
    all.deliver(3, 1);
  }
  BOOST_TEST(!all.in_sync(3));
  BOOST_TEST(all.drained() == "");
}

BOOST_AUTO_TEST_CASE(the_last_mirror_is_given_three_seconds) {
  world_settings chosen;
  chosen.nodes = chosen.members = 2;
  world all{chosen};
  all.cut(1, 2);
  all.publish(1, 2);
  all.run_for(2500);
  BOOST_TEST(all.in_sync(2));
  BOOST_TEST(all.confirmed.empty());
  all.run_for(2000);
  BOOST_TEST(!all.in_sync(2));
  BOOST_TEST(all.confirmed.size() == 2u);
}

BOOST_AUTO_TEST_CASE(mirrors_that_are_all_behind_are_not_taken_for_slow) {
  world all{{}};
  all.cut(1, 2);
  all.cut(1, 3);
  all.publish(1, 2);
  all.run_for(2500);
  all.heal();
  all.run_for(2000);
  BOOST_TEST(all.in_sync(2));
  BOOST_TEST(all.in_sync(3));
  BOOST_TEST(all.confirmed.size() == 2u);
}

/// Then each message waits for all before it, and no mirror is to blame.
BOOST_AUTO_TEST_CASE(a_mirror_stays_when_publishers_are_faster_than_it) {
  world all{{}};
  all.cut(1, 3);
  for (size_t bytes = 0; bytes < limits::replication_window_bytes;) {
    all.publish(1, 100, {}, std::string(8192, 'k'));
    all.calm();
    const repl::replica_log& log = all.at(1).queue->replica().log();
    bytes = log.bytes_between(0, log.length());
  }
  all.run_for(2500);
  BOOST_TEST(all.in_sync(3));
  all.heal();
  all.run_for(2000);
  BOOST_TEST(all.in_sync(3));
  BOOST_TEST(all.confirmed.size() == all.published.at(1));
}

BOOST_AUTO_TEST_SUITE_END()

// The cases of guarantees.md section 3, each as it is told there.
#include <boost/test/unit_test.hpp>

#include "cluster.hpp"

using test::cluster;
namespace repl = broker::replication;

namespace cases {
namespace {

cluster three() {
  cluster world{{}};
  world.publish(1, 10);
  world.calm();
  BOOST_TEST_REQUIRE(world.confirmed() == 10u);
  return world;
}

void isolate(cluster& world, int who) {
  for (int other = 1; other <= world.settings.nodes; ++other)
    if (other != who)
      world.cut(who, other);
}

/// What n1 has just taken reaches n2 alone; n1 dies and `heir` becomes master.
void only_n2_has_the_tail(cluster& world, int heir) {
  world.deliver(1, 2);
  world.sync(2);
  world.crash(1);
  world.heal();
  world.expire(1);
  world.proposals.clear();
  world.propose(repl::promote{1, static_cast<repl::node_id>(heir)});
  world.calm();
  world.run_for(2000);
}

} // namespace
} // namespace cases

BOOST_AUTO_TEST_SUITE(cases)

// ① It cannot change the in-sync set and nobody acknowledges, so it confirms nothing; a mirror takes over.
BOOST_AUTO_TEST_CASE(case_1_an_isolated_master_confirms_nothing_and_rejoins_truncated) {
  cluster world = three();
  isolate(world, 1);
  world.publish(1, 5);
  world.channel_sends(1);
  world.sync(1);
  BOOST_TEST(world.at(1).machine->log().length() == 15u);
  BOOST_TEST(world.confirmed() == 10u);
  world.expire(1);
  world.supervise(false);
  while (world.commit_proposal(0)) {
  }
  for (int who : {2, 3})
    while (world.apply_metadata(who)) {
    }
  BOOST_TEST(world.master() == 2);
  BOOST_TEST(world.head().queue.mastership == 2u);
  world.heal();
  world.run_for(4000);
  BOOST_TEST(world.confirmed() == 15u); // the channel sent them again
  BOOST_TEST(world.truncations > 0u);
  BOOST_TEST(world.in_sync(1));
  BOOST_TEST(world.check() == "");
}

// ① Its channel is gone, so nothing comes that could conflict with what it wrote alone. It might hand that out when it
// is master again, whenever that is: of a queue whose clients have long settled everything (simulator, seed 1611 of six
// nodes). Nor may it matter whether the first word of the new master arrives.
BOOST_AUTO_TEST_CASE(case_1_an_isolated_master_rejoins_truncated_though_nothing_is_published_any_more) {
  for (const bool first_word_lost : {false, true}) {
    cluster world = three();
    isolate(world, 1);
    world.publish(2, 5);
    world.channel_sends(2);
    world.sync(1);
    world.channels.erase(2);
    BOOST_TEST(world.at(1).machine->log().length() == 15u);
    world.expire(1);
    world.supervise(false);
    while (world.commit_proposal(0)) {
    }
    for (int who : {2, 3})
      while (world.apply_metadata(who)) {
      }
    BOOST_TEST_REQUIRE(world.master() == 2);
    world.heal();
    while (world.apply_metadata(1) || world.apply_metadata(2)) {
    }
    BOOST_TEST((world.links.at({2, 1}).size()) == 1u);
    if (first_word_lost)
      world.links.at({2, 1}).clear();
    world.run_for(4000);
    BOOST_TEST(world.in_sync(1));
    BOOST_TEST(world.at(1).machine->log().length() == 10u);
    BOOST_TEST(world.content(1).size() == 10u);
    BOOST_TEST(world.at(1).machine->log().dedupe().find({99, 1, 2}) == nullptr);
    BOOST_TEST(world.check() == "");
    world.crash(1);
    world.expire(1);
    world.restart(1);
    world.run_for(2000);
    BOOST_TEST(world.content(1).size() == 10u);
  }
}

// ② The master waits a second at most, since two other copies are in sync; then its removal commits and publishing goes
// on.
BOOST_AUTO_TEST_CASE(case_2_an_isolated_mirror_delays_confirms_for_a_second) {
  cluster world = three();
  isolate(world, 3);
  world.publish(1, 5);
  world.calm();
  BOOST_TEST(world.confirmed() == 10u);
  world.run_for(500);
  BOOST_TEST(world.confirmed() == 10u);
  world.run_for(500);
  BOOST_TEST(world.confirmed() == 15u);
  BOOST_TEST(!world.in_sync(3));
  world.heal();
  world.run_for(4000);
  BOOST_TEST(world.in_sync(3));
  BOOST_TEST(world.check() == "");
}

// ③ The side with the metadata's majority goes on with the in-sync replica it has.
BOOST_AUTO_TEST_CASE(case_3_the_majority_side_promotes_its_in_sync_replica) {
  cluster world{{.nodes = 5, .members = 3}};
  world.publish(1, 10);
  world.calm();
  for (int left : {1, 2})
    for (int right : {3, 4, 5})
      world.cut(left, right);
  world.expire(1);
  world.expire(2);
  world.supervise(false);
  while (world.commit_proposal(0)) {
  }
  for (int step = 0; step < 20; ++step) {
    for (int who : {3, 4, 5}) {
      while (world.apply_metadata(who)) {
      }
      world.sync(who);
      for (int other : {3, 4, 5})
        while (other != who && world.deliver(who, other)) {
        }
    }
    while (world.commit_proposal(0)) {
    }
  }
  BOOST_TEST(world.master() == 3);
  BOOST_TEST(world.in_sync(4));
  BOOST_TEST(world.in_sync(5));
  BOOST_TEST(world.check() == "");
  world.heal();
  world.publish(1, 5);
  world.run_for(4000);
  BOOST_TEST(world.confirmed() == 15u);
  BOOST_TEST(world.check() == "");
}

// ④ The old master still reaches a mirror, which knows the new epoch and says so: it deposes itself.
BOOST_AUTO_TEST_CASE(case_4_a_mirror_tells_a_deposed_master_before_the_metadata_does) {
  cluster world = three();
  world.expire(1);
  world.supervise(false);
  world.commit_proposal(0);
  while (world.apply_metadata(3)) {
  }
  BOOST_TEST_REQUIRE(world.at(1).machine->is_master()); // it has not heard of anything
  world.publish(1, 1);
  world.channel_sends(1);
  while (world.deliver(1, 3)) {
  }
  while (world.deliver(3, 1)) {
  }
  BOOST_TEST(!world.at(1).machine->is_master());
  BOOST_TEST(world.at(1).machine->mastership() == 2u);
  world.run_for(3000);
  BOOST_TEST(world.confirmed() == 11u);
  BOOST_TEST(world.check() == "");
}

// ⑤ Only the mirror is removed; it backs off; the mastership does not flap, since mirrors never propose.
BOOST_AUTO_TEST_CASE(case_5_a_mirror_the_master_cannot_reach_is_removed_and_backs_off) {
  cluster world = three();
  std::vector<uint64_t> out_for_ms;
  for (int time = 0; time < 3; ++time) {
    world.cut(1, 2);
    world.publish(1, 1);
    for (int tick = 0; tick < 50 && world.in_sync(2); ++tick)
      world.run_for(200);
    BOOST_TEST_REQUIRE(!world.in_sync(2));
    world.heal();
    const uint64_t removed = world.now_ms;
    for (int tick = 0; tick < 50 && !world.in_sync(2); ++tick)
      world.run_for(200);
    BOOST_TEST_REQUIRE(world.in_sync(2));
    out_for_ms.push_back(world.now_ms - removed);
  }
  BOOST_TEST(out_for_ms[2] > out_for_ms[0]);
  BOOST_TEST(world.head().queue.mastership == 1u);
  BOOST_TEST(world.confirmed() == 13u);
  BOOST_TEST(world.check() == "");
}

// ⑥ Without a metadata majority nothing changes hands: nothing is applied, so nothing is confirmed and nobody promoted.
BOOST_AUTO_TEST_CASE(case_6_without_a_metadata_majority_nothing_changes_hands) {
  cluster world = three();
  isolate(world, 1);
  world.publish(1, 5);
  for (int second = 0; second < 10; ++second) {
    world.now_ms += 1000;
    for (int who : {1, 2, 3}) {
      world.tick(who);
      world.sync(who);
    }
    world.channel_sends(1);
  }
  BOOST_TEST(world.head().queue.version == 1u); // proposals were made; none was committed
  BOOST_TEST(!world.proposals.empty());
  BOOST_TEST(world.confirmed() == 10u);
  BOOST_TEST(world.at(1).machine->is_master());
  world.heal();
  world.run_for(3000);
  BOOST_TEST(world.confirmed() == 15u);
  BOOST_TEST(world.check() == "");
}

// ⑦ An unconfirmed tail on one mirror only: it stays and is recognised, or is cut off and comes again. Never twice.
BOOST_AUTO_TEST_CASE(case_7_an_unconfirmed_tail_is_kept_once_or_sent_again) {
  for (int heir : {2, 3}) {
    cluster world = three();
    world.cut(1, 3);
    world.publish(1, 5);
    world.channel_sends(1);
    only_n2_has_the_tail(world, heir);
    BOOST_TEST(world.confirmed() == 15u);
    BOOST_TEST(world.content(heir).size() == 15u);
    BOOST_TEST((heir == 2 ? world.duplicates : world.truncations) > 0u);
    world.restart(1);
    world.run_for(2000);
    BOOST_TEST(world.in_sync(1));
    BOOST_TEST(world.check() == "");
  }
}

// ⑦ The channel died with the master: nobody sends it again.
BOOST_AUTO_TEST_CASE(case_7_an_unconfirmed_tail_that_nobody_sends_again_is_everywhere_or_nowhere) {
  for (int heir : {2, 3}) {
    cluster world = three();
    world.cut(1, 3);
    world.publish(2, 5);
    world.channel_sends(2);
    world.channels.erase(2);
    only_n2_has_the_tail(world, heir);
    for (int who : {2, 3})
      BOOST_TEST(world.content(who).size() == (heir == 2 ? 15u : 10u));
    BOOST_TEST(world.check() == "");
  }
}

// ⑧ Every in-sync member had it on disk, or it would not have been confirmed.
BOOST_AUTO_TEST_CASE(case_8_what_was_confirmed_just_before_a_crash_is_there) {
  cluster world = three();
  world.publish(1, 3);
  world.calm();
  BOOST_TEST_REQUIRE(world.confirmed() == 13u);
  world.crash(1);
  world.expire(1);
  world.run_for(1000);
  BOOST_TEST(world.master() == 2);
  BOOST_TEST(world.content(2).size() == 13u);
  BOOST_TEST(world.check() == "");
}

// ⑨ The only in-sync replica is gone: the queue is unavailable, not lost. The operator may take the loss.
BOOST_AUTO_TEST_CASE(case_9_a_queue_whose_only_in_sync_replica_is_gone_waits_for_it) {
  cluster world = three();
  world.crash(2);
  world.crash(3);
  world.expire(2);
  world.expire(3);
  world.publish(1, 5);
  world.run_for(1000);
  BOOST_TEST(world.confirmed() == 15u); // on n1 alone
  world.crash(1);
  world.expire(1);
  world.restart(2);
  world.restart(3);
  for (int second = 0; second < 40; ++second) {
    world.run_for(1000);
    world.supervise(true);
  }
  BOOST_TEST(world.master() == 0);
  world.restart(1);
  world.run_for(3000);
  BOOST_TEST(world.master() == 1);
  BOOST_TEST(world.content(1).size() == 15u);
  BOOST_TEST(world.in_sync(2));
  BOOST_TEST(world.check() == "");
}

// ⑩ All lose power, in whatever order they return.
BOOST_AUTO_TEST_CASE(case_10_after_a_loss_of_power_everywhere_the_best_log_becomes_master) {
  cluster world = three();
  world.publish(1, 5);
  world.channel_sends(1);
  world.sync(1);
  world.deliver(1, 3);
  world.sync(3); // n1 and n3 have fifteen entries on disk, n2 has ten
  for (int who : {1, 2, 3})
    world.crash(who);
  for (int who : {1, 2, 3})
    world.expire(who);
  world.restart(2);
  world.run_for(2000);
  BOOST_TEST(world.master() == 0); // not all have reported
  world.restart(3);
  world.restart(1);
  world.run_for(3000);
  BOOST_TEST(world.master() != 0);
  BOOST_TEST(world.master() != 2);
  BOOST_TEST(world.confirmed() == 15u);
  BOOST_TEST(world.content(world.master()).size() == 15u);
  for (int who : {1, 2, 3})
    BOOST_TEST(world.in_sync(who));
  BOOST_TEST(world.check() == "");
}

BOOST_AUTO_TEST_SUITE_END()

// What a replicated queue's next master owes to those whom an earlier one has answered, refused or left waiting.
#include "promises.hpp"

namespace replicated_promises {

BOOST_AUTO_TEST_SUITE(promises)

/// G5: it may be that another node is master already.
BOOST_AUTO_TEST_CASE(a_master_without_a_session_hands_out_nothing) {
  world all{{}};
  all.consume(1);
  all.at(1).queue->lease(false);
  all.publish(1, 2);
  all.run_for(1000);
  BOOST_TEST(all.confirmed.size() == 2u);
  BOOST_TEST(all.taken().empty());
  all.at(1).queue->lease(true);
  all.run_for(1000);
  BOOST_TEST(all.taken() == (numbers{1, 2}));
}

/// G2: a confirm for what the queue has not got would be a lost message.
BOOST_AUTO_TEST_CASE(a_refusal_that_got_lost_with_the_master_is_no_confirm_of_the_next_one) {
  queue_options options;
  options.max_length = 2;
  options.overflow = overflow_policy::reject_publish;
  world all{with(options)};
  all.refusals_get_lost = true;
  all.publish(1, 5);
  all.run_for(1000);
  BOOST_TEST(all.confirmed.size() == 2u);
  all.refusals_get_lost = false;
  const int now = fail_over(all);
  all.run_for(1000);
  BOOST_TEST(all.confirmed.size() == 2u);
  BOOST_TEST(all.refused.size() == 3u);
  BOOST_TEST(everywhere(all) == 2);
  all.consume(now);
  all.ack(now, 2);
  all.publish(1, 1);
  all.run_for(1000);
  BOOST_TEST(all.taken() == (numbers{1, 2, 6}));
  BOOST_TEST(all.drained() == "");
}

/// G2: the log tells a publish that is sent again by its number, so no number behind one that its channel does not know
/// to be refused may be in it.
BOOST_AUTO_TEST_CASE(a_refusal_that_got_lost_is_no_confirm_though_later_publishes_found_room) {
  queue_options options;
  options.max_length = 1;
  options.overflow = overflow_policy::reject_publish;
  world all{with(options)};
  all.publish(1, 1);
  all.run_for(1000);
  all.refusals_get_lost = true;
  all.publish(1, 1); // there is no room
  all.run_for(1000);
  all.consume(1);
  all.calm();
  all.ack(1, 1);
  all.run_for(1000);
  all.publish(1, 1); // now there is
  all.run_for(1000);
  all.refusals_get_lost = false;
  const int now = fail_over(all);
  all.consume(now);
  all.run_for(1000);
  all.ack(now, 1);
  all.run_for(1000);
  for (const label& one : all.confirmed)
    BOOST_TEST(all.delivered.contains(one), "publish " << one.number << " is confirmed and in no queue");
  all.publish(1, 1); // it has heard of everything
  all.run_for(1000);
  BOOST_TEST(all.confirmed.contains({1, 4}));
  all.ack(now, 1);
  BOOST_TEST(all.drained() == "");
}

BOOST_AUTO_TEST_CASE(what_follows_refused_publishes_is_no_gap_for_any_master) {
  queue_options options;
  options.max_length = 1;
  options.overflow = overflow_policy::reject_publish;
  world all{with(options)};
  all.publish(1, 3); // 2 and 3 are refused
  all.run_for(1000);
  const int next = fail_over(all);
  all.consume(next);
  all.run_for(1000);
  all.ack(next, 1);
  all.publish(1, 1);
  all.run_for(1000);
  BOOST_TEST(all.taken() == (numbers{1, 4}));
  BOOST_TEST(all.drained() == "");
}

/// R7: what its mirrors said while it stood still has not been read yet.
BOOST_AUTO_TEST_CASE(a_master_that_stood_still_takes_nobody_for_slow) {
  world all{{}};
  all.publish(1, 1);
  all.run_for(1000);
  all.publish(1, 1);
  while (all.channel_sends(1)) {
  }
  all.now_ms += limits::replication_announce_ms + 100;
  all.tick(1);
  all.now_ms += limits::replication_slow_ms + 1000;
  all.tick(1);
  BOOST_TEST(all.proposals.empty());
  all.run_for(1000);
  BOOST_TEST(all.head().queue.isr.size() == 3u);
  BOOST_TEST(all.confirmed.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_deadline_is_the_same_on_every_master) {
  world all{{}};
  all.publish(1, 2, "3000");
  all.publish(1, 1);
  all.run_for(1000);
  const int now = fail_over(all); // takes another second
  BOOST_TEST(all.at(now).queue->queue()->messages_ready() == 3u);
  all.run_for(1500);
  BOOST_TEST(all.at(now).queue->queue()->messages_ready() == 1u);
  all.run_for(1000);
  BOOST_TEST(everywhere(all) == 1);
  all.consume(now);
  all.calm();
  BOOST_TEST(all.taken() == numbers{3});
}

BOOST_AUTO_TEST_CASE(a_priority_is_the_same_on_every_master) {
  queue_options options;
  options.max_priority = 10;
  world all{with(options)};
  all.publish(1, 1, {}, {}, 1);
  all.publish(1, 1, {}, {}, 5);
  all.publish(1, 1);
  all.run_for(1000);
  all.consume(fail_over(all));
  all.calm();
  BOOST_TEST(all.taken() == (numbers{2, 1, 3}));
}

BOOST_AUTO_TEST_CASE(a_dead_letter_that_is_under_way_dies_again_on_the_next_master) {
  queue_options options;
  options.dead_letter_exchange = "dlx";
  world all{with(options)};
  auto metadata = std::make_shared<test::fake_metadata>();
  metadata->bind("dlx", "#", 8, "dead");
  all.metadata = metadata;
  all.publish(1, 1);
  all.consume(1);
  all.run_for(1000);
  all.reject(1, 1);
  all.run_for(1000);
  BOOST_REQUIRE(all.requests.size() == 1u);
  BOOST_TEST(everywhere(all) == 1); // until the other queue has it
  const int now = fail_over(all);
  all.consume(now);
  all.calm();
  all.reject(now, 1);
  BOOST_REQUIRE(all.requests.size() == 2u);
  const auto& letter = std::get<publish_request>(all.requests.back().second);
  answer(all, now, {letter.batch->first_confirm, letter.batch->first_confirm + 1});
  all.run_for(1000);
  BOOST_TEST(everywhere(all) == 0);
}

BOOST_AUTO_TEST_CASE(a_duplicate_is_dropped_in_every_copy_and_by_every_master) {
  queue_options options;
  options.deduplicate = true;
  world all{with(options)};
  all.publish(1, 1, {}, "a");
  all.publish(1, 1, {}, "a");
  all.publish(1, 1, {}, "b");
  all.run_for(1000);
  BOOST_TEST(all.confirmed.size() == 3u);
  BOOST_TEST(everywhere(all) == 2);
  const int now = fail_over(all);
  all.publish(1, 1, {}, "b");
  all.publish(1, 1, {}, "c");
  all.run_for(1000);
  BOOST_TEST(all.confirmed.size() == 5u);
  BOOST_TEST(everywhere(all) == 3);
  all.consume(now);
  all.calm();
  BOOST_TEST(all.taken() == (numbers{1, 3, 5}));
}

BOOST_AUTO_TEST_CASE(a_lost_publish_is_not_overtaken) {
  world all{{}};
  all.publish(1, 2);
  all.channels.at(1).retarget(1);
  all.channels.at(1).next(); // lost on its way
  all.publish(1, 2);
  all.run_for(1000);
  BOOST_TEST(all.gaps >= 1u);
  all.consume(1);
  all.calm();
  BOOST_TEST(all.taken() == counting(1, 4));
  BOOST_TEST(all.drained() == "");
}

BOOST_AUTO_TEST_CASE(a_channel_whose_end_was_not_told_is_forgotten_and_one_that_lives_goes_on) {
  world all{{}};
  all.publish(1, 2);
  all.publish(2, 1);
  all.calm();
  const auto known = [&] { return all.at(1).queue->replica().log().dedupe().entries().size(); };
  const auto look = [&] {
    replicated_step step;
    BOOST_TEST(!all.at(1).queue->forget_idle_channels(all.now_ms, step));
    all.at(1).queue->pump(all.now_ms, step);
    all.take(1, step);
    all.calm();
  };
  look();
  BOOST_TEST(known() == 2u);
  all.publish(2, 1);
  all.calm();
  look();
  BOOST_TEST(known() == 1u); // channel 1 has published nothing between the looks
  BOOST_TEST(all.at(2).queue->replica().log().dedupe().entries().size() == 1u);
  all.publish(1, 2);
  all.run_for(1000);
  BOOST_TEST(all.gaps == 1u);
  BOOST_TEST(known() == 2u);
  all.consume(1);
  all.calm();
  BOOST_TEST(all.taken(1) == counting(1, 4));
  BOOST_TEST(all.drained() == "");
}

BOOST_AUTO_TEST_CASE(publishes_that_wait_count_as_confirmed_when_the_queue_is_deleted) {
  world all{{}};
  all.cut(1, 3);
  all.publish(1, 2);
  all.channel_sends(1);
  replicated_step step;
  all.at(1).queue->deleted(step);
  BOOST_REQUIRE(step.queue.events.size() == 1u);
  BOOST_REQUIRE(step.queue.events.front().second.size() == 1u);
  const auto* sure = std::get_if<confirmed>(&step.queue.events.front().second.front());
  BOOST_REQUIRE(sure);
  BOOST_TEST(!sure->rejected);
  BOOST_TEST((sure->numbers == seq_range{1, 3}));
}

/// A dead letter, say, whose queue got another master and settled the message there (simulator, seed 1611 of six
/// nodes): with the next hand-over it would be in this queue as well.
BOOST_AUTO_TEST_CASE(what_a_master_took_after_its_end_is_in_no_copy_and_comes_from_no_later_master) {
  world all{{}};
  all.publish(1, 2);
  all.run_for(1000);
  for (int other : {2, 3})
    all.cut(1, other);
  all.publish(2, 1);
  BOOST_REQUIRE(all.channel_sends(2));
  all.channels.erase(2); // it is gone, and asks no other master
  BOOST_TEST(all.at(1).queue->messages_logged() == 3u);
  all.expire(1);
  all.run_for(1000);
  all.heal();
  all.run_for(5000);
  const int now = all.master();
  BOOST_REQUIRE(now > 1);
  BOOST_REQUIRE(all.in_sync(1));
  BOOST_TEST(everywhere(all) == 2);
  BOOST_REQUIRE(all.hand_over(now, 1));
  all.run_for(1000);
  BOOST_REQUIRE(all.master() == 1);
  all.consume(1);
  all.run_for(1000);
  BOOST_TEST(all.taken(1) == (numbers{1, 2}));
  BOOST_TEST(all.history.size() == 2u);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace replicated_promises

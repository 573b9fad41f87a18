#include "promises.hpp"

namespace replicated_promises {

BOOST_AUTO_TEST_SUITE(promises)

BOOST_AUTO_TEST_CASE(a_message_is_confirmed_only_when_every_in_sync_copy_has_it_on_disk) {
  world all{{}};
  all.publish(1, 3);
  BOOST_REQUIRE(all.channel_sends(1));
  BOOST_REQUIRE(all.deliver(1, 2));
  BOOST_REQUIRE(all.deliver(1, 3));
  BOOST_REQUIRE(all.sync(1));
  BOOST_REQUIRE(all.sync(2));
  BOOST_REQUIRE(all.deliver(2, 1));
  BOOST_TEST(all.confirmed.empty());
  BOOST_TEST(all.at(1).queue->messages_uncommitted() == 3u);
  BOOST_REQUIRE(all.sync(3));
  BOOST_TEST(all.confirmed.empty());
  BOOST_REQUIRE(all.deliver(3, 1));
  BOOST_TEST(all.confirmed.size() == 3u);
  BOOST_TEST(all.broken == "");
}

/// Each append costs its mirror a sync and an answer: a steady publisher of small messages kept two cores busy with
/// them.
BOOST_AUTO_TEST_CASE(what_comes_while_a_mirror_owes_an_acknowledgement_goes_to_it_in_one_piece) {
  world all{{}};
  for (int i = 0; i < 4; ++i) {
    all.publish(1, 1);
    BOOST_REQUIRE(all.channel_sends(1));
  }
  BOOST_TEST((all.links.at({1, 2}).size()) == 1u); // the first found nothing under way
  BOOST_REQUIRE(all.deliver(1, 2));
  BOOST_REQUIRE(all.sync(2));
  BOOST_REQUIRE(all.deliver(2, 1));
  BOOST_TEST((all.links.at({1, 2}).size()) == 1u);
  BOOST_REQUIRE(all.deliver(1, 2));
  BOOST_TEST(all.at(2).queue->replica().log().length() == 4u);
  all.calm();
  BOOST_TEST(all.confirmed.size() == 4u);
}

BOOST_AUTO_TEST_CASE(a_lot_goes_to_a_mirror_at_once_whatever_it_owes) {
  world all{{}};
  for (int i = 0; i < 10; ++i) {
    all.publish(1, 40);
    while (all.channel_sends(1)) {
    }
    const auto& master = all.at(1).queue->replica();
    BOOST_TEST(master.log().length() + 1 - master.office()->find(2)->next < 64u);
  }
  BOOST_TEST((all.links.at({1, 2}).size()) > 1u);
}

/// As when the connection breaks: nobody answers, so nothing calls for what has gathered.
BOOST_AUTO_TEST_CASE(what_has_gathered_goes_in_time_if_the_acknowledgement_is_lost) {
  world all{{}};
  all.publish(1, 1);
  BOOST_REQUIRE(all.channel_sends(1));
  all.links.at({1, 2}).clear();
  all.publish(1, 1);
  BOOST_REQUIRE(all.channel_sends(1));
  BOOST_TEST(all.links.at({1, 2}).empty());
  all.run_for(1000);
  BOOST_TEST(all.confirmed.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_message_is_delivered_only_when_it_is_committed) {
  world all{{}};
  all.consume(1);
  all.publish(1, 3);
  all.channel_sends(1);
  all.deliver(1, 2);
  all.sync(1);
  all.sync(2);
  all.deliver(2, 1);
  BOOST_TEST(all.taken().empty());
  BOOST_TEST(all.at(1).queue->queue()->messages_ready() == 0u);
  all.calm();
  BOOST_TEST(all.taken() == counting(1, 3));
}

BOOST_AUTO_TEST_CASE(a_publishers_credit_is_kept_until_the_commit) {
  struct sink final : credit_sink {
    void credit(size_t bytes) noexcept override { returned += bytes; }
    size_t returned = 0;
  };
  world all{{}};
  auto credit = make_ref<sink>();
  all.publish(1, 3);
  repl::publish_order order = all.channels.at(1).next();
  order.batch->credit_to = credit;
  order.batch->hold();
  replicated_step step;
  all.at(1).queue->handle(publish_request{order.batch, order.slices, all.addresses.at(1), true, {order.channel, 0}},
                          all.now_ms, step);
  all.at(1).queue->pump(all.now_ms, step);
  all.take(1, step);
  BOOST_TEST(credit->returned == 0u);
  all.run_for(2000);
  BOOST_TEST(credit->returned == order.batch->bytes);
}

BOOST_AUTO_TEST_CASE(a_promoted_mirror_delivers_what_was_confirmed_in_order) {
  world_settings chosen;
  chosen.prefetch = 4;
  world all{chosen};
  all.publish(1, 10);
  all.calm();
  all.consume(1);
  all.calm();
  BOOST_TEST(all.taken() == counting(1, 4));
  all.ack(1, 2);
  all.run_for(400);
  BOOST_TEST(all.taken() == counting(5, 6));
  const int now = fail_over(all);
  all.history.clear();
  all.settings.prefetch = 0;
  all.consume(now);
  all.calm();
  BOOST_TEST(all.taken() == counting(3, 10));
  BOOST_TEST(all.broken == "");
  for (const seen& one : all.history)
    BOOST_TEST(one.redelivered == (one.what.number <= 6));
  BOOST_TEST(all.drained() == "");
}

BOOST_AUTO_TEST_CASE(a_delivery_without_other_traffic_is_known_to_the_mirrors_soon) {
  world all{{}};
  all.publish(1, 3);
  all.run_for(1000);
  all.consume(1);
  all.run_for(500);
  all.history.clear();
  all.consume(fail_over(all));
  all.calm();
  BOOST_REQUIRE(all.history.size() == 3u);
  for (const seen& one : all.history)
    BOOST_TEST(one.redelivered);
}

BOOST_AUTO_TEST_CASE(the_mark_survives_the_end_of_all_nodes) {
  world all{{}};
  all.publish(1, 3);
  all.consume(1);
  all.run_for(1000);
  for (int who = 1; who <= 3; ++who)
    all.crash(who);
  for (int who = 1; who <= 3; ++who)
    all.restart(who);
  all.run_for(15'000);
  BOOST_REQUIRE(all.master() != 0);
  all.history.clear();
  all.consume(all.master());
  all.calm();
  BOOST_REQUIRE(all.history.size() == 3u);
  for (const seen& one : all.history)
    BOOST_TEST(one.redelivered);
  BOOST_TEST(all.drained() == "");
}

BOOST_AUTO_TEST_CASE(what_an_earlier_master_did_not_commit_is_withheld_until_it_is) {
  world all{{}};
  all.publish(1, 3);
  all.channel_sends(1);
  all.deliver(1, 2);
  all.deliver(1, 3);
  all.crash(1);
  all.expire(1);
  all.propose(repl::promote{1, 2});
  while (all.commit_proposal()) {
  }
  while (all.apply_metadata(2)) {
  }
  BOOST_REQUIRE(all.master() == 2);
  all.consume(2);
  BOOST_TEST(all.at(2).queue->messages_uncommitted() == 3u);
  BOOST_TEST(all.taken().empty());
  all.run_for(10'000);
  BOOST_TEST(all.taken() == counting(1, 3)); // once, although the channel has sent them again
  BOOST_TEST(all.confirmed.size() == 3u);
  BOOST_TEST(all.drained() == "");
}

BOOST_AUTO_TEST_CASE(nothing_comes_back_whose_ack_was_committed) {
  world all{{}};
  all.publish(1, 3);
  all.run_for(1000);
  all.consume(1);
  all.ack(1, 3);
  for (int mirror : {2, 3}) {
    while (all.deliver(1, mirror)) {
    }
    all.sync(mirror);
    while (all.deliver(mirror, 1)) {
    }
  }
  all.sync(1);
  BOOST_REQUIRE(all.acked_for_good.size() == 3u); // and no mirror knows that it is
  BOOST_TEST(all.at(2).queue->messages_logged() == 3u);
  all.taken();
  all.consume(fail_over(all));
  all.run_for(1000);
  BOOST_TEST(all.taken().empty());
  BOOST_TEST(all.drained() == "");
}

BOOST_AUTO_TEST_CASE(a_deposed_master_cancels_its_consumers_and_settles_no_confirm) {
  world all{{}};
  all.consume(1);
  all.cut(1, 2);
  all.cut(1, 3);
  all.publish(1, 2);
  all.channel_sends(1);
  all.sync(1);
  all.expire(1); // cut off, but alive
  all.propose(repl::promote{1, 2});
  all.commit_proposal();
  while (all.apply_metadata(1)) {
  }
  BOOST_TEST(all.deposed == 1u);
  BOOST_TEST(all.cancelled[1] == 1);
  BOOST_TEST(all.confirmed.empty());
  BOOST_TEST(all.refused.empty());
  all.heal();
  all.run_for(5000);
  BOOST_TEST(all.confirmed.size() == 2u); // by the next one
  BOOST_TEST(all.refused.empty());
  BOOST_TEST(all.drained() == "");
}

BOOST_AUTO_TEST_CASE(a_request_that_finds_no_master_is_given_back) {
  world all{{}};
  replicated_step step;
  all.at(2).queue->handle(get_request{make_ref<channel_address>(5), false}, all.now_ms, step);
  BOOST_REQUIRE(step.misdirected.size() == 1u);
  BOOST_TEST(std::holds_alternative<get_request>(step.misdirected.front()));
}

BOOST_AUTO_TEST_CASE(below_min_in_sync_publishes_wait) {
  world_settings chosen;
  chosen.min_in_sync = 2;
  world all{chosen};
  all.consume(1);
  for (int who : {2, 3}) {
    all.crash(who);
    all.expire(who);
  }
  all.run_for(5000);
  all.publish(1, 2);
  all.run_for(5000);
  BOOST_TEST(all.confirmed.empty());
  BOOST_TEST(all.refused.empty());
  BOOST_TEST(all.taken().empty());
  all.restart(2);
  all.run_for(5000);
  BOOST_TEST(all.confirmed.size() == 2u);
  BOOST_TEST(all.taken() == counting(1, 2));
  BOOST_TEST(all.drained() == "");
}

BOOST_AUTO_TEST_CASE(a_mirror_that_joins_an_old_queue_can_take_over) {
  world_settings chosen;
  chosen.members = 1;
  chosen.copy_above_bytes = 0;
  chosen.tail_bytes = 0;
  chosen.nodes = 2;
  world all{chosen};
  all.crash(2);
  all.expire(2);
  all.publish(1, 30);
  all.run_for(1000);
  all.consume(1);
  all.ack(1, 10);
  all.run_for(1000);
  all.restart(2);
  all.run_for(5000);
  BOOST_TEST(all.copies >= 1u);
  BOOST_REQUIRE(all.in_sync(2));
  BOOST_TEST(everywhere(all) == 20);
  all.taken();
  all.consume(fail_over(all));
  all.calm();
  BOOST_TEST(all.taken() == counting(11, 30));
  BOOST_TEST(all.drained() == "");
}

BOOST_AUTO_TEST_CASE(a_hand_over_loses_and_repeats_nothing) {
  world all{{}};
  all.publish(1, 5);
  all.run_for(1000);
  BOOST_REQUIRE(all.hand_over(1, 3));
  all.publish(1, 5);
  all.run_for(3000);
  BOOST_TEST(all.master() == 3);
  all.consume(3);
  all.run_for(1000);
  BOOST_TEST(all.taken() == counting(1, 10));
  BOOST_TEST(all.drained() == "");
}

BOOST_AUTO_TEST_CASE(messages_beyond_the_memory_are_read_back_from_the_log) {
  world_settings chosen;
  chosen.memory_bytes = 4096;
  chosen.tail_bytes = 0;
  chosen.prefetch = 3;
  world all{chosen};
  for (int times = 0; times < 50; ++times) {
    all.publish(1, 4);
    all.calm();
  }
  BOOST_TEST(all.at(1).queue->queue()->bytes_in_memory() <= 8192u);
  all.consume(1);
  for (size_t left = 1; left != 0; all.ack(1, left)) {
    all.calm();
    left = all.at(1).held.size();
  }
  BOOST_TEST(all.taken() == counting(1, 200));
  BOOST_TEST(all.drained() == "");
}

BOOST_AUTO_TEST_CASE(a_purge_ends_what_is_ready_in_every_copy) {
  world_settings chosen;
  chosen.prefetch = 2;
  world all{chosen};
  all.publish(1, 6);
  all.consume(1);
  all.run_for(1000);
  all.purge(1);
  all.run_for(1000);
  BOOST_TEST(everywhere(all) == 2);
  all.taken();
  all.consume(fail_over(all));
  all.calm();
  BOOST_TEST(all.taken() == counting(1, 2));
}

BOOST_AUTO_TEST_CASE(a_length_limit_holds_in_every_copy) {
  queue_options options;
  options.max_length = 2;
  world all{with(options)};
  all.publish(1, 5);
  all.run_for(1000);
  BOOST_TEST(all.confirmed.size() == 5u);
  BOOST_TEST(everywhere(all) == 2);
  all.consume(fail_over(all));
  all.calm();
  BOOST_TEST(all.taken() == counting(4, 5));
}

BOOST_AUTO_TEST_CASE(what_a_full_queue_refuses_is_in_no_copy) {
  queue_options options;
  options.max_length = 2;
  options.overflow = overflow_policy::reject_publish;
  world all{with(options)};
  all.publish(1, 5);
  all.run_for(1000);
  BOOST_TEST(all.confirmed.size() == 2u);
  BOOST_TEST(all.refused.size() == 3u);
  BOOST_TEST(everywhere(all) == 2);
  const int now = fail_over(all);
  all.consume(now);
  all.ack(now, 2);
  all.publish(1, 1); // a refused publish leaves no gap behind
  all.run_for(1000);
  BOOST_TEST(all.taken() == (numbers{1, 2, 6}));
  BOOST_TEST(all.gaps == 0u);
  BOOST_TEST(all.drained() == "");
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace replicated_promises

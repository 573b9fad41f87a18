// Replicated queues whose masters come and go, as a channel and its publishing client see it (features.md Q11;
// guarantees.md G2, G5): the client does not notice.
#include "channel/moved_queues.hpp"

BOOST_FIXTURE_TEST_SUITE(moved_queues, fixture)

// -- publishes

BOOST_AUTO_TEST_CASE(publishes_name_their_channel_and_what_came_before) {
  confirm_select();
  publish(2);
  BOOST_TEST((publishes() == sents{{{1, 2}, 0}}));
  publish(1, "nowhere");
  publish(1);
  BOOST_TEST((publishes() == sents{{{4}, 2}}));
  BOOST_TEST(channel.mastership_of(q) == 5u);
}

BOOST_AUTO_TEST_CASE(publishes_without_confirms_are_never_sent_again) {
  publish();
  const auto all = take<publish_request>();
  BOOST_REQUIRE(all.size() == 1u);
  BOOST_TEST(all[0].second.from.channel.none());
  BOOST_TEST(channel.mastership_of(q) == 5u);
  move(6);
  BOOST_TEST(take<publish_request>().empty());
  BOOST_TEST(channel.mastership_of(q) == 6u);
}

BOOST_AUTO_TEST_CASE(what_is_not_confirmed_is_sent_to_the_next_master_in_order) {
  confirm_select();
  publish(2);
  publish(3);
  publishes();
  confirm(1, 2);
  confirm(4, 5); // a piece in the middle
  BOOST_TEST((told() == tolds{1}));
  move(6);
  BOOST_TEST((publishes() == sents{{{2}, 1}, {{3}, 2}, {{5}, 4}}));
  BOOST_TEST(channel.mastership_of(q) == 6u);
  publish();
  BOOST_TEST((publishes() == sents{{{6}, 5}}));
}

BOOST_AUTO_TEST_CASE(the_client_hears_once_of_a_publish_that_two_masters_confirm) {
  confirm_select();
  publish(3);
  publishes();
  move(6);
  publishes();
  confirm(1, 3, false, 5); // committed before the old one left
  BOOST_TEST((told() == tolds{2}));
  confirm(1, 4, false, 6);
  BOOST_TEST((told() == tolds{3}));
  move(7);
  BOOST_TEST(publishes().empty());
}

BOOST_AUTO_TEST_CASE(a_refused_publish_is_not_sent_again) {
  confirm_select();
  publish(2);
  publishes();
  confirm(1, 3, true);
  BOOST_TEST((told() == tolds{-2}));
  move(6);
  BOOST_TEST(publishes().empty());
}

BOOST_AUTO_TEST_CASE(the_client_gets_its_credit_with_the_last_confirm) {
  confirm_select();
  const size_t before = sink->times;
  publish(3);
  publishes(); // the queue has let go
  confirm(1, 3);
  BOOST_TEST(sink->times == before);
  move(6);
  publishes();
  BOOST_TEST(sink->times == before);
  confirm(3, 4);
  BOOST_TEST(sink->times == before + 1);
}

BOOST_AUTO_TEST_CASE(a_channel_that_ends_gives_the_credit_back_and_tells_the_master_to_forget_it) {
  confirm_select();
  const size_t before = sink->times;
  publish(3);
  publishes();
  lose(5);
  publish(1); // kept here alone
  BOOST_TEST(publishes().empty());
  send(amqp::channel_class::close{});
  const auto gone = take<channel_gone>();
  BOOST_REQUIRE(gone.size() == 1u);
  BOOST_TEST(gone[0].first == q);
  BOOST_TEST((gone[0].second.publisher == own));
  BOOST_TEST(sink->times == before + 3); // the input with the close, too
}

BOOST_AUTO_TEST_CASE(a_queue_that_was_not_published_to_need_not_forget_the_channel) {
  consume(q, "q", "c");
  send(amqp::channel_class::close{});
  const auto gone = take<channel_gone>();
  BOOST_REQUIRE(gone.size() == 1u);
  BOOST_TEST(gone[0].second.publisher.none());
}

BOOST_AUTO_TEST_CASE(publishes_wait_while_the_masters_node_is_out_of_reach) {
  confirm_select();
  publish(1);
  publishes();
  lose(5);
  BOOST_TEST(told().empty()); // neither acked nor nacked
  publish(2);
  BOOST_TEST(publishes().empty());
  channel.queue_moved(q, 5, step); // it is back
  BOOST_TEST((publishes() == sents{{{1}, 0}, {{2, 3}, 1}}));
  confirm(1, 4);
  BOOST_TEST((told() == tolds{3}));
}

BOOST_AUTO_TEST_CASE(a_mastership_that_is_known_changes_nothing) {
  confirm_select();
  publish(1);
  publishes();
  const auto who = consume(q, "q", "c");
  channel.queue_moved(q, 5, step);
  channel.queue_moved(q, 4, step);
  BOOST_TEST(step.requests.empty());
  deliver(who, 1, 1);
  BOOST_TEST(delivered_to_client() == 1u);
}

BOOST_AUTO_TEST_CASE(that_an_earlier_master_is_out_of_reach_changes_nothing) {
  confirm_select();
  publish(1);
  publishes();
  move(6);
  publishes();
  lose(5);
  publish(1);
  BOOST_TEST((publishes() == sents{{{2}, 1}}));
}

BOOST_AUTO_TEST_CASE(a_gap_is_filled_once) {
  confirm_select();
  publish(1);
  publish(1);
  publish(1);
  publishes();
  answer(publish_gap{q, 0}, 5);
  BOOST_TEST((publishes() == sents{{{1}, 0}, {{2}, 1}, {{3}, 2}}));
  answer(publish_gap{q, 0}, 5); // of the next that was under way
  BOOST_TEST(publishes().empty());
  confirm(1, 2);
  answer(publish_gap{q, 1}, 5);
  BOOST_TEST((publishes() == sents{{{2}, 1}, {{3}, 2}}));
  move(6);
  publishes();
  answer(publish_gap{q, 1}, 5); // of the earlier master
  BOOST_TEST(publishes().empty());
  answer(publish_gap{q, 1}, 6);
  BOOST_TEST((publishes() == sents{{{2}, 1}, {{3}, 2}}));
}

BOOST_AUTO_TEST_CASE(a_master_that_has_forgotten_the_channel_takes_its_next_publishes) {
  confirm_select();
  publish(4);
  publishes();
  confirm(1, 5);
  publish(2);
  BOOST_TEST((publishes() == sents{{{5, 6}, 4}}));
  answer(publish_gap{q, 0}, 5);
  BOOST_TEST((publishes() == sents{{{5, 6}, 0}}));
}

BOOST_AUTO_TEST_CASE(publishes_that_nobody_confirms_are_nacked_in_the_end) {
  confirm_select();
  const size_t before = sink->times;
  publish(2);
  BOOST_TEST(step.tick_in_ms == confirm_check_ms);
  publishes();
  uint64_t now_ms = 1'000'000;
  BOOST_TEST(tick(now_ms) == confirm_check_ms);
  BOOST_TEST(tick(now_ms += confirm_timeout_ms - 1) == confirm_check_ms);
  BOOST_TEST(told().empty());
  BOOST_TEST(sink->times == before);
  BOOST_TEST(tick(now_ms + 1) == 0u);
  BOOST_TEST((told() == tolds{-2}));
  BOOST_TEST(sink->times == before + 1);
  confirm(1, 3); // too late
  BOOST_TEST(told().empty());
  move(6);
  BOOST_TEST(publishes().empty());
  publish(1);
  BOOST_TEST((publishes() == sents{{{3}, 2}}));
  answer(publish_gap{q, 0}, 6); // this master never had the first two
  BOOST_TEST((publishes() == sents{{{3}, 0}}));
}

BOOST_AUTO_TEST_CASE(confirms_that_go_on_keep_the_others_waiting) {
  confirm_select();
  publish(3);
  publishes();
  tick(1'000'000);
  confirm(1, 2);
  tick(1'000'000 + confirm_timeout_ms);
  BOOST_TEST((told() == tolds{1}));
}

BOOST_AUTO_TEST_CASE(a_channel_without_a_name_for_its_publishes_nacks_them_when_the_master_goes) {
  channel_harness other;
  const queue_id queue = other.metadata->add_queue("q");
  other.metadata->set_master("q", 5);
  other.send(amqp::confirm_class::select{});
  other.replies();
  input_builder input;
  input.publish("", "q");
  other.send(input);
  other.take<publish_request>();
  other.channel.queue_moved(queue, 6, other.step);
  BOOST_TEST(other.reply<basic::nack>().has_value());
}

BOOST_AUTO_TEST_CASE(a_commit_waits_for_the_next_master) {
  send(amqp::tx_class::select{});
  replies();
  publish(2);
  send(amqp::tx_class::commit{});
  BOOST_TEST((publishes() == sents{{{1, 2}, 0}}));
  move(6);
  BOOST_TEST((publishes() == sents{{{1, 2}, 0}}));
  BOOST_TEST(replies().empty());
  confirm(1, 3);
  BOOST_TEST(reply<amqp::tx_class::commit_ok>().has_value());
}

// -- how a queue comes to be replicated

BOOST_AUTO_TEST_CASE(a_queue_that_becomes_replicated_while_it_is_used_moves_too) {
  const queue_id plain = metadata->add_queue("plain");
  confirm_select();
  publish(1, "plain");
  take<publish_request>();
  const auto who = consume(plain, "plain", "p");
  deliver(who, 1, 1);
  step = {};
  BOOST_TEST(channel.mastership_of(plain) == 0u);
  metadata->set_master("plain", 2);
  channel.queue_moved(plain, 2, step);
  BOOST_TEST(channel.mastership_of(plain) == 2u);
  BOOST_TEST(begun().size() == 1u);
  BOOST_TEST((told() == tolds{-1})); // nobody has kept it
  publish(1, "plain");
  BOOST_TEST((publishes(plain) == sents{{{2}, 0}}));
}

// Seed 10261 of the simulator: a publish that was on its way to the queue's node when it was replicated came there when
// its master was elsewhere by then. That it is lost was taken for the loss of the next master, which nobody said was
// back.
BOOST_AUTO_TEST_CASE(what_is_lost_of_the_time_before_a_queue_was_replicated_says_nothing_of_its_master) {
  q = metadata->add_queue("plain");
  confirm_select();
  publish(1, "plain");
  const auto who = consume(q, "plain", "p");
  metadata->set_master("plain", 2);
  channel.queue_moved(q, 2, step);
  BOOST_TEST((told() == tolds{-1}));
  const auto fresh = begun();
  BOOST_REQUIRE(fresh.size() == 1u);
  publish(1, "plain");
  take<publish_request>();
  channel.queue_unreachable(q, {404, "NOT_FOUND - down"}, step, 0);
  BOOST_TEST(step.requests.empty());
  BOOST_TEST(told().empty());
  deliver(fresh[0], 1, 1);
  BOOST_TEST(delivered_to_client() == 1u);
  publish(1, "plain");
  BOOST_TEST((publishes() == sents{{{3}, 2}}));
  confirm(2, 4);
  BOOST_TEST((told() == tolds{3}));
}

// A publish may come between the metadata's change and the word of it.
BOOST_AUTO_TEST_CASE(a_channel_that_reads_in_the_metadata_that_its_queue_is_replicated_begins_anew) {
  q = metadata->add_queue("plain");
  confirm_select();
  publish(2, "plain");
  const auto who = consume(q, "plain", "p");
  step = {};
  metadata->set_master("plain", 2);
  publish(1, "plain");
  BOOST_REQUIRE(step.requests.size() == 3u);
  BOOST_TEST((std::get<cancel_request>(step.requests[0].second).who == who));
  const consumer_ref fresh = std::get<consume_request>(step.requests[1].second).who;
  BOOST_TEST((fresh != who));
  BOOST_TEST((publishes() == sents{{{3}, 0}}));
  BOOST_TEST((told() == tolds{-2})); // nobody has kept them
  channel.queue_moved(q, 2, step);
  answer(consumer_cancelled{who, true}); // by what the queue was before
  BOOST_TEST(step.requests.empty());
  deliver(fresh, 1, 1);
  BOOST_TEST(delivered_to_client() == 1u);
  confirm(3, 4);
  BOOST_TEST((told() == tolds{3}));
}

BOOST_AUTO_TEST_CASE(the_move_of_a_queue_that_is_not_used_changes_nothing) {
  move(6);
  BOOST_TEST(step.requests.empty());
  BOOST_TEST(channel.mastership_of(q) == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

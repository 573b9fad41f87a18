#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

using namespace test;

BOOST_AUTO_TEST_SUITE(delivery_promises)

BOOST_AUTO_TEST_CASE(messages_are_delivered_in_publish_order_as_one_event_per_batch) {
  fixture f;
  auto who = f.consumer_on(f.channel());
  f.send(consume_request{who});
  BOOST_TEST(f.last<consume_done>()->ok);
  f.publish(f.batch(500));
  f.publish(f.batch(500));
  BOOST_TEST(f.event_count == 3u);
  BOOST_TEST(f.numbers() == counting(1, 1000), boost::test_tools::per_element());
  BOOST_TEST(f.queue->messages_unacked() == 1000u);
  f.ack(who, 1, 1001);
  BOOST_TEST(f.queue->idle());
  BOOST_TEST(f.queue->bytes_in_memory() == 0u);
}

BOOST_AUTO_TEST_CASE(messages_wait_for_a_consumer) {
  fixture f;
  f.publish(f.batch(3));
  BOOST_TEST(f.queue->messages_ready() == 3u);
  BOOST_TEST(f.queue->bytes_ready() == 24u);
  f.send(consume_request{f.consumer_on(f.channel(), 0, true)});
  BOOST_TEST(f.numbers() == counting(1, 3), boost::test_tools::per_element());
  BOOST_TEST(f.queue->idle());
}

BOOST_AUTO_TEST_CASE(consumers_take_turns_message_by_message) {
  fixture f;
  auto a = f.consumer_on(f.channel());
  auto b = f.consumer_on(f.channel());
  f.send(consume_request{a});
  f.send(consume_request{b});
  f.publish(f.batch(5));
  f.publish(f.batch(1));
  for (const delivery& one : f.deliveries)
    BOOST_TEST((one.who == a.get()) == (one.number % 2 == 1));
  BOOST_TEST(f.deliveries.size() == 6u);
}

BOOST_AUTO_TEST_CASE(an_unacked_message_counts_against_prefetch_and_an_ack_makes_room) {
  fixture f;
  auto who = f.consumer_on(f.channel(), 2);
  f.send(consume_request{who});
  f.publish(f.batch(5));
  BOOST_TEST(f.numbers() == counting(1, 2), boost::test_tools::per_element());
  f.ack(who, 1, 2);
  BOOST_TEST(f.numbers() == counting(3, 3), boost::test_tools::per_element());
  f.ack(who, 2, 4);
  BOOST_TEST(f.numbers() == counting(4, 5), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_fair_dispatch_gives_work_to_whoever_has_finished) {
  fixture f;
  auto a = f.consumer_on(f.channel(), 1);
  auto b = f.consumer_on(f.channel(), 1);
  f.send(consume_request{a});
  f.send(consume_request{b});
  f.publish(f.batch(4));
  BOOST_TEST(f.numbers() == counting(1, 2), boost::test_tools::per_element());
  f.ack(b, 2, 3);
  BOOST_TEST(f.deliveries.back().who == b.get());
  f.ack(b, 3, 4);
  BOOST_TEST(f.deliveries.back().who == b.get());
  BOOST_TEST(f.deliveries.back().number == 4u);
}

BOOST_AUTO_TEST_CASE(room_in_the_channels_window_gives_no_turn_to_who_is_at_its_own_prefetch) {
  fixture f;
  auto a = f.consumer_on(f.channel(), 1);
  auto b = f.consumer_on(f.channel());
  f.send(consume_request{a});
  f.send(consume_request{b});
  f.publish(f.batch(3));
  f.send(consumer_ready{a});
  f.publish(f.batch(1));
  f.ack(a, 1, 2); // from now on it waits behind b
  f.publish(f.batch(1));
  BOOST_TEST(f.deliveries.back().who == b.get());
  f.publish(f.batch(1));
  BOOST_TEST(f.deliveries.back().who == a.get());
}

BOOST_AUTO_TEST_CASE(no_ack_consumers_are_not_limited_by_prefetch) {
  fixture f;
  f.send(consume_request{f.consumer_on(f.channel(), 1, true)});
  f.publish(f.batch(5));
  BOOST_TEST(f.numbers().size() == 5u);
}

BOOST_AUTO_TEST_CASE(a_shared_window_is_filled_to_its_limit_and_never_beyond) {
  fixture f;
  auto where = f.channel();
  auto window = make_ref<prefetch_window>();
  window->limit = 3;
  auto a = f.consumer_on(where);
  auto b = f.consumer_on(where);
  a->window = b->window = window;
  f.send(consume_request{a});
  f.send(consume_request{b});
  f.publish(f.batch(10));
  BOOST_TEST(f.numbers().size() == 3u);
  BOOST_TEST(window->unacked.load() == 3);
  window->unacked -= 2;
  f.send(consumer_ready{a});
  BOOST_TEST(f.numbers() == counting(4, 5), boost::test_tools::per_element());
  BOOST_TEST(window->unacked.load() == 3);
}

BOOST_AUTO_TEST_CASE(higher_priority_comes_first_and_falls_through_when_blocked) {
  fixture f;
  auto low = f.consumer_on(f.channel(), 0, false, -1);
  auto high = f.consumer_on(f.channel(), 2, false, 5);
  f.send(consume_request{low});
  f.send(consume_request{high});
  f.publish(f.batch(4));
  BOOST_TEST(f.deliveries[0].who == high.get());
  BOOST_TEST(f.deliveries[1].who == high.get());
  BOOST_TEST(f.deliveries[2].who == low.get());
  BOOST_TEST(f.deliveries[3].who == low.get());
}

BOOST_AUTO_TEST_CASE(a_consumer_with_too_much_unwritten_is_starved_until_its_session_calls) {
  fixture f;
  auto who = f.consumer_on(f.channel(), 0, true);
  f.send(consume_request{who});
  f.publish(f.batch(64, false, 32 * 1024));
  const auto given = static_cast<int64_t>(f.numbers().size());
  BOOST_TEST(given == 32);
  BOOST_TEST(who->unwritten_bytes.load() == given * 32 * 1024);
  BOOST_TEST(who->starved.load());
  who->unwritten_bytes = 0;
  who->starved = false;
  f.send(consumer_ready{who});
  BOOST_TEST(f.numbers() == counting(33, 64), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_requeued_message_returns_to_its_place_and_is_marked_redelivered) {
  fixture f;
  auto who = f.consumer_on(f.channel(), 4);
  f.send(consume_request{who});
  f.publish(f.batch(8));
  f.numbers();
  f.settle(settle_request::kind::requeue, who, {{2, 4}});
  BOOST_TEST(f.deliveries == (std::vector<delivery>{{2, 2, true, who.get()}, {3, 3, true, who.get()}}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_rejected_message_is_gone) {
  fixture f;
  auto who = f.consumer_on(f.channel());
  f.send(consume_request{who});
  f.publish(f.batch(1));
  f.settle(settle_request::kind::reject, who, {{1, 2}});
  BOOST_TEST(f.queue->idle());
}

BOOST_AUTO_TEST_CASE(a_lost_channel_gives_everything_back_in_order) {
  fixture f;
  auto where = f.channel();
  auto a = f.consumer_on(where);
  auto b = f.consumer_on(where);
  f.send(consume_request{a});
  f.send(consume_request{b});
  f.publish(f.batch(9));
  f.numbers();
  f.send(get_request{where, false});
  f.send(channel_gone{where});
  BOOST_TEST(f.queue->consumers() == 0u);
  BOOST_TEST(f.queue->messages_ready() == 9u);
  f.send(consume_request{f.consumer_on(f.channel())});
  for (const delivery& one : f.deliveries)
    BOOST_TEST(one.redelivered);
  BOOST_TEST(f.numbers() == counting(1, 9), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(unacked_messages_outlive_the_cancelling_of_their_consumer) {
  fixture f;
  auto who = f.consumer_on(f.channel());
  f.send(consume_request{who});
  f.publish(f.batch(2));
  f.send(cancel_request{who});
  BOOST_TEST(f.last<cancel_done>() != nullptr);
  f.publish(f.batch(1));
  BOOST_TEST(f.numbers().size() == 2u);
  BOOST_TEST(f.queue->messages_unacked() == 2u);
  f.ack(who, 1, 3);
  BOOST_TEST(f.queue->messages_unacked() == 0u);
}

BOOST_AUTO_TEST_CASE(get_takes_one_message_or_says_that_there_is_none) {
  fixture f;
  auto where = f.channel();
  f.send(get_request{where, false});
  BOOST_TEST(!f.last<got>()->run.batch);
  f.publish(f.batch(2));
  f.send(get_request{where, false});
  BOOST_TEST(f.last<got>()->run.first == 1u);
  BOOST_TEST(f.last<got>()->messages_left == 1u);
  BOOST_TEST(f.queue->messages_unacked() == 1u);
  f.send(settle_request{settle_request::kind::requeue, where, {}, {{1, 2}}});
  f.send(get_request{where, true});
  BOOST_TEST(f.last<got>()->redelivered);
  BOOST_TEST(f.queue->messages_unacked() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()

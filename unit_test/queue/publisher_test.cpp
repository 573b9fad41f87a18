#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

using namespace test;

namespace publisher_promises {
namespace {
queue_settings pace_at(size_t bytes) {
  queue_settings chosen;
  chosen.pace_bytes = bytes;
  return chosen;
}
} // namespace
} // namespace publisher_promises

BOOST_AUTO_TEST_SUITE(publisher_promises)

BOOST_AUTO_TEST_CASE(a_persistent_message_is_confirmed_and_credited_only_when_durable) {
  fixture f;
  auto from = f.channel();
  f.publish(f.batch(10, true), from, 1);
  f.publish(f.batch(10, true), from, 11);
  BOOST_TEST(f.confirms.empty());
  BOOST_TEST(f.sink->times == 0);
  queue_step step;
  f.queue->durable(11, f.now_ms, step);
  f.take(step);
  BOOST_TEST(f.confirms == counting(1, 10), boost::test_tools::per_element());
  BOOST_TEST(f.sink->times == 1);
  f.durable();
  BOOST_TEST(f.confirms == counting(1, 20), boost::test_tools::per_element());
  BOOST_TEST(f.sink->times == 2);
}

BOOST_AUTO_TEST_CASE(confirms_of_one_sync_are_one_event) {
  fixture f;
  auto from = f.channel();
  for (uint64_t first = 1; first <= 91; first += 10)
    f.publish(f.batch(10, true), from, first);
  f.event_count = 0;
  f.durable();
  BOOST_TEST(f.event_count == 1u);
  BOOST_TEST(f.confirms.size() == 100u);
}

BOOST_AUTO_TEST_CASE(a_transient_message_or_queue_confirms_and_credits_at_once) {
  fixture durable_queue;
  durable_queue.publish(durable_queue.batch(3), durable_queue.channel(), 1);
  BOOST_TEST(durable_queue.confirms.size() == 3u);
  BOOST_TEST(durable_queue.sink->times == 1);
  fixture transient_queue{{}, nullptr, false};
  transient_queue.publish(transient_queue.batch(3, true), transient_queue.channel(), 1);
  BOOST_TEST(transient_queue.confirms.size() == 3u);
  BOOST_TEST(transient_queue.sink->times == 1);
  BOOST_TEST(transient_queue.store.appends == 0u);
}

BOOST_AUTO_TEST_CASE(a_slice_of_mixed_persistence_is_stored_by_its_flags) {
  fixture f;
  auto mixed = f.batch(6);
  for (const size_t at : {1, 2, 5})
    mixed->messages[at].flags = message::persistent;
  f.publish(mixed, f.channel(), 1);
  BOOST_TEST(f.store.live.size() == 3u);
  BOOST_TEST(f.confirms == (numbers{1, 4, 5}), boost::test_tools::per_element());
  BOOST_TEST(f.sink->times == 0);
  f.durable();
  BOOST_TEST(f.confirms == (numbers{1, 4, 5, 2, 3, 6}), boost::test_tools::per_element());
  BOOST_TEST(f.sink->times == 1);
}

BOOST_AUTO_TEST_CASE(a_delivery_does_not_wait_for_the_sync_but_the_confirm_does) {
  fixture f;
  auto who = f.consumer_on(f.channel());
  f.send(consume_request{who});
  f.publish(f.batch(2, true), f.channel(), 1);
  BOOST_TEST(f.numbers().size() == 2u);
  BOOST_TEST(f.confirms.empty());
  f.ack(who, 1, 3);
  BOOST_TEST(f.store.live.empty());
  BOOST_TEST(f.confirms.empty());
  f.durable();
  BOOST_TEST(f.confirms.size() == 2u);
  BOOST_TEST(f.queue->idle());
}

BOOST_AUTO_TEST_CASE(the_store_learns_what_was_delivered_and_what_has_ended_in_ranges) {
  fixture f;
  auto who = f.consumer_on(f.channel());
  f.send(consume_request{who});
  f.publish(f.batch(100, true));
  BOOST_TEST(f.store.delivered_upto == 101u);
  f.ack(who, 1, 101);
  BOOST_TEST(f.store.settles == 1u);
  BOOST_TEST(f.store.live.empty());
}

BOOST_AUTO_TEST_CASE(publishers_are_paced_while_their_consumers_are_behind_and_let_go_when_they_catch_up) {
  fixture f{pace_at(1024 * 1024)};
  auto who = f.consumer_on(f.channel(), 0, true);
  f.send(consume_request{who});
  f.publish(f.batch(32, false, 32 * 1024)); // fills what may be unwritten
  BOOST_TEST(f.sink->times == 1);
  f.publish(f.batch(40, false, 32 * 1024));
  BOOST_TEST(f.sink->times == 1);
  BOOST_TEST(f.tick_in_ms == limits::queue_pace_ms);
  who->unwritten_bytes = 0;
  f.send(consumer_ready{who});
  BOOST_TEST(f.sink->times == 2);
}

BOOST_AUTO_TEST_CASE(a_consumer_that_makes_no_progress_does_not_stop_publishers) {
  fixture f{pace_at(1024 * 1024)};
  f.send(consume_request{f.consumer_on(f.channel(), 0, true)});
  f.publish(f.batch(96, false, 32 * 1024));
  BOOST_TEST(f.sink->times == 0);
  f.tick(1050);
  BOOST_TEST(f.sink->times == 1);
}

BOOST_AUTO_TEST_CASE(pacing_ends_even_when_consumers_make_progress_for_ever) {
  fixture f{pace_at(1024 * 1024)};
  auto who = f.consumer_on(f.channel(), 0, true);
  f.send(consume_request{who});
  f.publish(f.batch(640, false, 32 * 1024));
  int ticks = 0;
  for (uint64_t now_ms = 1050; f.sink->times == 0 && ticks < 100; now_ms += 50, ++ticks) {
    who->unwritten_bytes = 900 * 1024; // writes a little
    f.send(consumer_ready{who});
    f.tick(now_ms);
  }
  BOOST_TEST(f.sink->times == 1);
  BOOST_TEST(ticks > 2);
  BOOST_TEST(ticks < 20);
}

BOOST_AUTO_TEST_CASE(a_consumer_at_its_prefetch_does_not_slow_publishers) {
  fixture f{pace_at(1024)};
  f.send(consume_request{f.consumer_on(f.channel(), 1)});
  f.publish(f.batch(1000));
  BOOST_TEST(f.sink->times == 1);
}

BOOST_AUTO_TEST_CASE(a_queue_without_consumers_does_not_slow_publishers) {
  fixture f{pace_at(1024)};
  f.publish(f.batch(1000));
  BOOST_TEST(f.sink->times == 1);
}

BOOST_AUTO_TEST_CASE(a_congested_store_keeps_credit_until_its_next_answer) {
  fixture f;
  f.publish(f.batch(1, true));
  f.store.is_congested = true;
  f.durable();
  BOOST_TEST(f.sink->times == 0);
  f.store.is_congested = false;
  f.durable();
  BOOST_TEST(f.sink->times == 1);
  f.store.is_congested = true;
  f.publish(f.batch(1, true));
  f.durable();
  BOOST_TEST(f.sink->times == 1);
  f.tick(1050);
  BOOST_TEST(f.sink->times == 2);
}

BOOST_AUTO_TEST_SUITE_END()

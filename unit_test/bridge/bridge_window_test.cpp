// basic.qos global=true across nodes (W61): the channel's window is never exceeded, and no place of it lies idle for
// long while a queue could use it.
#include <boost/test/unit_test.hpp>

#include "bridge/two_nodes.hpp"

using namespace bridge_test;

namespace bridge_window {
namespace {

/// A channel on a with a window; queue 1 on b, queue 2 beside the channel.
struct fixture : two_nodes {
  fixture() {
    b.add_queue(1);
    a.add_queue(2);
    limit(3);
  }
  void limit(uint32_t places) { window_->limit.store(places); }
  /// The channel's part: acks free places, and a window that has room again is told to every consumer's queue.
  void ack(const consumer_ref& who, seqno first, seqno end) {
    const auto count = static_cast<int64_t>(end - first);
    const int64_t before = window_->unacked.fetch_sub(count);
    a.settle(settle_request::kind::ack, who, first, end);
    if (before >= window_->limit.load() && before - count < window_->limit.load())
      has_room();
  }
  void has_room() {
    for (const auto& each : consumers)
      a.send(each->queue, consumer_ready{each});
  }
  consumer_ref consume(queue_id queue) {
    consumers.push_back(a.consume(channel, queue, false, 0, window_));
    return consumers.back();
  }
  /// Deliveries since the last call, all queues; the channel's window is looked at on the way.
  uint64_t arrived() {
    run();
    uint64_t count = 0;
    for (const delivered& each : a.take<delivered>(channel))
      count += each.run.where.size();
    if (!a.take<window_returned>(channel).empty()) {
      has_room();
      return count + arrived();
    }
    return count;
  }
  uint64_t arrived_after(uint64_t ms) {
    uint64_t count = 0;
    for (; ms > 0; --ms) {
      pass(1);
      count += arrived();
    }
    return count;
  }

  channel_ref channel = a.channel();
  ref<prefetch_window> window_ = make_ref<prefetch_window>();
  std::vector<consumer_ref> consumers;
};

} // namespace
} // namespace bridge_window

BOOST_FIXTURE_TEST_SUITE(bridge_window, fixture)

BOOST_AUTO_TEST_CASE(the_window_bounds_deliveries_of_another_node) {
  const consumer_ref who = consume(1);
  a.publish(channel, 1, numbered(1, 10));
  BOOST_CHECK_EQUAL(arrived(), 3u);
  BOOST_CHECK_EQUAL(window_->unacked.load(), 3);
  ack(who, 1, 2);
  BOOST_CHECK_EQUAL(arrived(), 1u);
  ack(who, 2, 5);
  BOOST_CHECK_EQUAL(arrived(), 3u);
  BOOST_CHECK_EQUAL(window_->unacked.load(), 3);
}

BOOST_AUTO_TEST_CASE(places_lent_to_a_node_that_does_not_use_them_come_back) {
  consume(1);
  consume(2);
  a.publish(channel, 1, numbered(1, 1)); // the other node asks, and gets more places than it needs
  BOOST_CHECK_EQUAL(arrived(), 1u);
  a.publish(channel, 2, numbered(11, 5));
  const uint64_t at_once = arrived();
  BOOST_CHECK_EQUAL(at_once + arrived_after(100), 2u); // in the end all three places are used
  BOOST_CHECK_EQUAL(a.bridge->places_lent(), 0);
  BOOST_CHECK_EQUAL(window_->unacked.load(), 3);
}

BOOST_AUTO_TEST_CASE(a_queue_that_found_no_place_gets_one_when_another_queues_message_is_acked) {
  const consumer_ref here = consume(2);
  a.publish(channel, 2, numbered(1, 3));
  consume(1);
  a.publish(channel, 1, numbered(11, 3));
  BOOST_CHECK_EQUAL(arrived(), 3u); // all of queue 2
  BOOST_CHECK_EQUAL(b.queue(1).messages_ready(), 3u);
  ack(here, 1, 3);
  BOOST_CHECK_EQUAL(arrived(), 2u);
  BOOST_CHECK_EQUAL(window_->unacked.load(), 3);
}

BOOST_AUTO_TEST_CASE(a_smaller_window_takes_unused_places_back) {
  limit(100);
  consume(1);
  a.publish(channel, 1, numbered(1, 1));
  BOOST_CHECK_EQUAL(arrived(), 1u);
  BOOST_CHECK_GT(a.bridge->places_lent(), 0);
  limit(2);
  has_room(); // basic.qos tells every consumer's queue
  run();
  BOOST_CHECK_EQUAL(a.bridge->places_lent(), 0);
  a.publish(channel, 1, numbered(2, 10));
  BOOST_CHECK_EQUAL(arrived(), 1u);
  BOOST_CHECK_EQUAL(window_->unacked.load(), 2);
}

BOOST_AUTO_TEST_CASE(a_large_window_is_lent_ahead_and_costs_no_round_trips) {
  limit(50'000'000);
  const consumer_ref who = consume(1);
  run();
  a.publish(channel, 1, numbered(1, 20'000));
  pump(a);
  deliver(a);
  uint64_t count = 0;
  b.bring_in();
  pump(b);
  while (deliver(b)) // one way: nothing of a reaches b
    pump(b);
  for (const delivered& each : a.take<delivered>(channel))
    count += each.run.where.size();
  BOOST_CHECK_GE(count, 16'000u);
  count += arrived();
  BOOST_CHECK_EQUAL(count, 20'000u);
  ack(who, 1, 20'001);
  a.publish(channel, 1, numbered(1, 60'000));
  BOOST_CHECK_EQUAL(arrived(), 60'000u);
}

BOOST_AUTO_TEST_CASE(places_come_back_with_the_last_consumer_and_with_the_session) {
  limit(50'000'000);
  const consumer_ref who = consume(1);
  run();
  BOOST_CHECK_GT(a.bridge->places_lent(), 0);
  a.send(1, cancel_request{who});
  run();
  BOOST_CHECK_EQUAL(a.bridge->places_lent(), 0);
  BOOST_CHECK_EQUAL(window_->unacked.load(), 0);
  consumers.clear();
  consume(1);
  a.publish(channel, 1, numbered(1, 5));
  BOOST_CHECK_EQUAL(arrived(), 5u);
  lose();
  BOOST_CHECK_EQUAL(a.bridge->places_lent(), 0);
  BOOST_CHECK_EQUAL(window_->unacked.load(), 5); // the channel's own: unsettled deliveries
}

BOOST_AUTO_TEST_CASE(the_window_is_told_when_a_session_ends_while_it_was_full_of_loans) {
  limit(10);
  consume(1);
  a.publish(channel, 1, numbered(1, 1));
  BOOST_CHECK_EQUAL(arrived(), 1u);
  window_->unacked.fetch_add(10 - window_->unacked.load()); // others take the rest
  lose();
  BOOST_CHECK_EQUAL(a.take<window_returned>(channel).size(), 1u);
}

BOOST_AUTO_TEST_SUITE_END()

// basic.qos global=true when consumers go and come while places of their channel's window are lent or asked for: no
// place is lost, or a channel with few of them gets nothing any more (W61, Q11).
#include <boost/test/unit_test.hpp>

#include "bridge/two_nodes.hpp"

using namespace bridge_test;

namespace bridge_window_moves {
namespace {

/// A channel on a with a window of one place; queue 1 on b has messages.
struct fixture : two_nodes {
  fixture() {
    window_->limit.store(1);
    b.add_queue(1);
    a.publish(channel, 1, numbered(1, 10));
    run();
  }
  consumer_ref consume() { return a.consume(channel, 1, false, 0, window_); }
  uint64_t arrived() {
    run();
    uint64_t count = 0;
    for (const delivered& each : a.take<delivered>(channel))
      count += each.run.where.size();
    return count;
  }
  /// What the queue on b knows of the last consumer.
  consumer_ref begun_there() const {
    consumer_ref who;
    for (const auto& each : b.seen)
      if (const auto* asked = std::get_if<consume_request>(&each.request))
        who = asked->who;
    BOOST_REQUIRE(who);
    return who;
  }
  /// The queue's master has left its office, and its consumers with it.
  void leave_office() {
    const consumer_ref who = begun_there();
    b.queue(1).abandoned(unused_);
    b.add_queue(1);
    std::vector<queue_event> all;
    all.push_back(consumer_cancelled{who, true});
    b.bridge->events(who->channel->id, std::move(all), 0);
    run();
    a.publish(channel, 1, numbered(21, 10));
    run();
  }

  channel_ref channel = a.channel();
  ref<prefetch_window> window_ = make_ref<prefetch_window>();
  queue_step unused_;
};

} // namespace
} // namespace bridge_window_moves

BOOST_FIXTURE_TEST_SUITE(bridge_window_moves, fixture)

/// The place was asked for when there was none. When there is one, only consumers that are here then are told.
BOOST_AUTO_TEST_CASE(a_consumer_that_comes_back_gets_the_place_that_the_one_before_has_asked_for) {
  window_->unacked.store(1); // another queue's message
  consume();
  BOOST_CHECK_EQUAL(arrived(), 0u);
  leave_office();
  BOOST_CHECK_EQUAL(arrived(), 0u);
  window_->unacked.store(0); // acked: no consumer is here that would be told
  consume();
  BOOST_CHECK_EQUAL(arrived(), 1u);
  BOOST_CHECK_EQUAL(window_->unacked.load(), 1);
}

/// Here it has gone, there not yet.
BOOST_AUTO_TEST_CASE(the_place_of_a_message_that_is_under_way_to_a_consumer_that_has_gone_comes_back) {
  const consumer_ref who = consume();
  pump(a);
  while (deliver(a))
    pump(a);
  b.bring_in(); // it asks for a place
  pump(b);
  while (deliver(b))
    pump(b);
  pump(a);
  while (deliver(a)) // gets it, and the message is on its way
    pump(a);
  pump(b);
  BOOST_REQUIRE(!b.wire.empty());
  a.send(1, channel_gone{channel, {}}); // it uses the queue no more, and goes on with others
  BOOST_CHECK_EQUAL(arrived(), 0u);
  pass(100); // it had asked for one more, which comes back unused
  BOOST_CHECK_EQUAL(a.bridge->places_lent(), 0);
  BOOST_CHECK_EQUAL(window_->unacked.load(), 0);
  consume();
  BOOST_CHECK_EQUAL(arrived(), 1u);
  BOOST_CHECK(a.broken.empty() && b.broken.empty());
}

/// There it has gone as well, but not yet for the queue.
BOOST_AUTO_TEST_CASE(the_place_of_a_message_to_a_consumer_that_the_queue_alone_still_knows_comes_back) {
  window_->limit.store(3);
  b.add_queue(3);
  a.publish(channel, 3, numbered(11, 1));
  a.consume(channel, 3, false, 0, window_);
  BOOST_CHECK_EQUAL(arrived(), 1u);
  BOOST_REQUIRE_EQUAL(a.bridge->places_lent(), 1);
  const consumer_ref there = begun_there();
  there->window->unacked.fetch_add(1); // the queue hands something out
  a.send(3, channel_gone{channel, {}});
  run();
  BOOST_CHECK_EQUAL(a.bridge->places_lent(), 1);
  std::vector<queue_event> all;
  all.push_back(delivered{there, {numbered(12, 1), {0, 1}, 2}, false, 10}); // and the bridge hears of it
  b.bridge->events(there->channel->id, std::move(all), 0);
  run();
  BOOST_CHECK_EQUAL(a.bridge->places_lent(), 0);
  BOOST_CHECK_EQUAL(window_->unacked.load(), 1);
  BOOST_CHECK(a.broken.empty() && b.broken.empty());
}

BOOST_AUTO_TEST_SUITE_END()

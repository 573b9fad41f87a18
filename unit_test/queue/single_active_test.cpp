#include <boost/test/unit_test.hpp>

#include "with_options.hpp"

using namespace test;

namespace single_active_consumer_promises {
namespace {

queue_options single_active(queue_type type = queue_type::classic) {
  queue_options chosen;
  chosen.single_active_consumer = true;
  chosen.type = type;
  return chosen;
}

consumer* active_of(const fixture& f) {
  consumer* found = nullptr;
  for (const consumer_view& one : f.queue->consumer_list())
    if (one.activity == consumer_activity::single_active) {
      BOOST_TEST(!found);
      found = one.who.get();
    } else {
      BOOST_TEST((one.activity == consumer_activity::waiting));
    }
  return found;
}

} // namespace
} // namespace single_active_consumer_promises

BOOST_AUTO_TEST_SUITE(single_active_consumer_promises)

BOOST_AUTO_TEST_CASE(only_the_first_consumer_gets_messages_whatever_its_credit) {
  fixture_with f{single_active()};
  auto a = f.consumer_on(f.channel(), 2);
  auto b = f.consumer_on(f.channel(), 0, false, 10);
  f.send(consume_request{a});
  f.send(consume_request{b});
  f.publish(f.batch(5));
  BOOST_TEST(f.deliveries.size() == 2u);
  for (const delivery& one : f.deliveries)
    BOOST_TEST(one.who == a.get());
  BOOST_TEST(active_of(f) == a.get());
  BOOST_TEST(f.queue->consumers() == 2u);
}

BOOST_AUTO_TEST_CASE(the_next_in_order_of_subscription_takes_over_when_the_active_one_cancels) {
  fixture_with f{single_active()};
  auto a = f.consumer_on(f.channel());
  auto b = f.consumer_on(f.channel());
  auto c = f.consumer_on(f.channel());
  for (const auto& one : {a, b, c})
    f.send(consume_request{one});
  f.send(cancel_request{b});
  f.publish(f.batch(1));
  f.send(cancel_request{a});
  f.publish(f.batch(1));
  BOOST_TEST(active_of(f) == c.get());
  BOOST_TEST(f.deliveries[0].who == a.get());
  BOOST_TEST(f.deliveries[1].who == c.get());
  f.send(cancel_request{c});
  f.publish(f.batch(1));
  BOOST_TEST(f.deliveries.size() == 2u);
  BOOST_TEST(f.queue->messages_ready() == 1u);
}

BOOST_AUTO_TEST_CASE(a_lost_channel_hands_over_to_another_one_with_everything_it_had) {
  fixture_with f{single_active()};
  auto lost = f.channel();
  auto a = f.consumer_on(lost);
  auto b = f.consumer_on(lost);
  auto c = f.consumer_on(f.channel());
  for (const auto& one : {a, b, c})
    f.send(consume_request{one});
  f.publish(f.batch(3));
  f.deliveries.clear();
  f.send(channel_gone{lost});
  BOOST_TEST(f.deliveries.size() == 3u);
  for (const delivery& one : f.deliveries)
    BOOST_TEST((one.who == c.get() && one.redelivered));
}

BOOST_AUTO_TEST_CASE(classic_queues_promote_by_consumer_priority_and_quorum_queues_by_order_alone) {
  for (const auto type : {queue_type::classic, queue_type::quorum}) {
    fixture_with f{single_active(type)};
    auto a = f.consumer_on(f.channel());
    auto low = f.consumer_on(f.channel(), 0, false, -1);
    auto high = f.consumer_on(f.channel(), 0, false, 5);
    for (const auto& one : {a, low, high})
      f.send(consume_request{one});
    f.send(cancel_request{a});
    BOOST_TEST(active_of(f) == (type == queue_type::classic ? high.get() : low.get()));
  }
}

BOOST_AUTO_TEST_CASE(an_exclusive_consumer_is_refused) {
  fixture_with f{single_active()};
  auto who = f.consumer_on(f.channel());
  who->exclusive = true;
  f.send(consume_request{who});
  BOOST_TEST(!f.last<consume_done>()->ok);
  BOOST_TEST(f.last<consume_done>()->why.code == 403);
  BOOST_TEST(f.queue->consumers() == 0u);
}

BOOST_AUTO_TEST_CASE(consumers_of_other_queues_are_all_up) {
  fixture f;
  f.send(consume_request{f.consumer_on(f.channel())});
  f.send(consume_request{f.consumer_on(f.channel())});
  for (const consumer_view& one : f.queue->consumer_list())
    BOOST_TEST((one.activity == consumer_activity::up));
  BOOST_TEST(f.queue->consumer_list().size() == 2u);
}

BOOST_AUTO_TEST_SUITE_END()

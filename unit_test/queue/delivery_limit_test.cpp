#include <boost/test/unit_test.hpp>

#include "with_options.hpp"

using namespace test;

namespace delivery_limit_promises {
namespace {

queue_options quorum(std::optional<uint64_t> limit = {}) {
  queue_options chosen;
  chosen.type = queue_type::quorum;
  chosen.delivery_limit = limit;
  return chosen;
}

/// x-delivery-count of what was delivered or fetched last; -1 if the message says nothing.
int64_t last_count(const fixture& f) {
  const stored_run* run = nullptr;
  for (const auto& seen : f.events_seen) {
    if (const auto* pushed = std::get_if<broker::delivered>(&seen.second))
      run = &pushed->run;
    else if (const auto* fetched = std::get_if<got>(&seen.second))
      run = &fetched->run;
  }
  BOOST_REQUIRE(run && run->batch);
  const auto properties = amqp::decode_properties(run->batch->messages[run->where.hi - 1].property_bytes());
  BOOST_REQUIRE(properties.ok());
  if (!properties->headers)
    return -1;
  int64_t count = -1;
  if (const auto* header = properties->headers->find("x-delivery-count"))
    BOOST_REQUIRE(std::holds_alternative<int64_t>(header->value) && header->as_integer(count));
  return count;
}

} // namespace
} // namespace delivery_limit_promises

BOOST_AUTO_TEST_SUITE(delivery_limit_promises)

BOOST_AUTO_TEST_CASE(a_quorum_queue_tells_how_often_a_message_has_come_back) {
  fixture_with f{quorum()};
  amqp::properties given;
  given.content_type = "text/plain";
  given.headers.emplace();
  given.headers->set("mine", amqp::field_value{amqp::longstr{"kept"}});
  auto who = f.consumer_on(f.channel());
  f.send(consume_request{who});
  f.publish(f.batch_of({given}));
  BOOST_TEST(last_count(f) == -1);
  for (int64_t back = 1; back <= 3; ++back) {
    f.settle(settle_request::kind::requeue, who, {{1, 2}});
    BOOST_TEST(last_count(f) == back);
    BOOST_TEST(f.deliveries.back().redelivered);
    BOOST_TEST(f.deliveries.back().number == 1u);
  }
  const auto& run = std::get<broker::delivered>(f.events_seen.back().second).run;
  const auto& message = run.batch->messages[run.where.lo];
  const auto properties = amqp::decode_properties(message.property_bytes());
  BOOST_TEST(properties->content_type.value() == "text/plain");
  BOOST_TEST(*properties->headers->find("mine")->as_string() == "kept");
  BOOST_TEST(message.routing_key() == "q");
  f.ack(who, 1, 2);
  f.settle_store();
  BOOST_TEST(f.queue->idle());
}

BOOST_AUTO_TEST_CASE(a_message_without_headers_gets_them_when_it_comes_back_and_get_tells_too) {
  fixture_with f{quorum()};
  auto where = f.channel();
  f.publish(f.batch_of({{}}));
  f.send(get_request{where, false});
  BOOST_TEST(last_count(f) == -1);
  f.send(settle_request{settle_request::kind::requeue, where, {}, {{1, 2}}});
  f.send(get_request{where, true});
  BOOST_TEST(last_count(f) == 1);
  f.settle_store();
  BOOST_TEST(f.queue->idle());
}

BOOST_AUTO_TEST_CASE(beyond_the_limit_a_message_does_not_come_back) {
  fixture_with f{quorum(2)};
  auto where = f.channel();
  auto who = f.consumer_on(where);
  f.send(consume_request{who});
  f.publish(f.batch_of({{}, {}}));
  f.settle(settle_request::kind::requeue, who, {{1, 2}});
  f.settle(settle_request::kind::requeue, who, {{1, 2}});
  BOOST_TEST(f.deliveries.size() == 4u);
  f.send(channel_gone{where}); // counts as well
  BOOST_TEST(f.queue->messages_ready() == 1u);
  f.settle_store();
  BOOST_TEST(f.store.live.size() == 1u);
  BOOST_TEST(f.store.live.count(2) == 1u);
}

BOOST_AUTO_TEST_CASE(classic_queues_count_nothing) {
  queue_options classic = quorum(1);
  classic.type = queue_type::classic;
  fixture_with f{classic};
  auto who = f.consumer_on(f.channel());
  f.send(consume_request{who});
  f.publish(f.batch_of({{}}));
  for (int at = 0; at < 5; ++at)
    f.settle(settle_request::kind::requeue, who, {{1, 2}});
  BOOST_TEST(f.deliveries.size() == 6u);
  BOOST_TEST(last_count(f) == -1);
}

BOOST_AUTO_TEST_CASE(everything_in_a_quorum_queue_is_persistent) {
  fixture_with f{quorum()};
  f.publish(f.batch_of({{}, {}}), f.channel(), 1);
  BOOST_TEST(f.confirms.empty());
  BOOST_TEST(f.queue->messages_persistent() == 2u);
  f.durable();
  BOOST_TEST(f.confirms == counting(1, 2), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

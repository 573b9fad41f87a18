// Deliveries that are not settled in time (features.md W58).
#include <boost/test/unit_test.hpp>

#include "channel/harness.hpp"

namespace consumer_timeout_promises {
namespace {

using namespace broker;
using namespace broker::test;

constexpr uint64_t start_ms = 5'000'000;

struct fixture : channel_harness {
  queue_id q = metadata->add_queue("q");
  queue_id quick = add_with_timeout("quick", 2000);

  queue_id add_with_timeout(const std::string& name, uint64_t timeout_ms) {
    queue_options chosen;
    chosen.consumer_timeout_ms = timeout_ms;
    queue_record record;
    record.name = name;
    record.options = std::make_shared<const queue_options>(chosen);
    return metadata->add_queue(std::move(record));
  }
  void ack(delivery_tag tag) {
    input_builder input;
    input.ack(tag);
    send(input);
  }
  /// @returns when the next tick is wanted, 0 if none is.
  uint64_t tick(uint64_t at_ms) {
    step.tick_in_ms = 0;
    channel.tick(at_ms, step);
    return step.tick_in_ms;
  }
};

std::string closed_after(uint64_t timeout_ms) {
  return "406 PRECONDITION_FAILED - delivery acknowledgement on channel 3 timed out. Timeout value used: "
       + std::to_string(timeout_ms)
       + " ms. This timeout value can be configured, see consumers doc guide to learn more (0,0)";
}

} // namespace
} // namespace consumer_timeout_promises

BOOST_FIXTURE_TEST_SUITE(consumer_timeout_promises, fixture)

BOOST_AUTO_TEST_CASE(there_is_a_timer_only_while_something_is_unsettled) {
  const auto who = consume(q, "q", "c");
  BOOST_TEST(step.tick_in_ms == 0u);
  deliver(who, 1, 1);
  BOOST_TEST(step.tick_in_ms == limits::consumer_timeout_check_ms);
  step.tick_in_ms = 0;
  deliver(who, 1, 2);
  BOOST_TEST(step.tick_in_ms == 0u); // one timer is enough
  BOOST_TEST(tick(start_ms) == limits::consumer_timeout_check_ms);
  ack(1);
  ack(2);
  BOOST_TEST(tick(start_ms + 60'000) == 0u);
}

BOOST_AUTO_TEST_CASE(an_unsettled_delivery_closes_the_channel_after_the_nodes_timeout_and_not_before) {
  const auto who = consume(q, "q", "c");
  deliver(who, 1, 1);
  for (uint64_t at = 0; at <= limits::consumer_timeout_ms; at += limits::consumer_timeout_check_ms) {
    tick(start_ms + at);
    BOOST_TEST(closed_with().empty());
  }
  tick(start_ms + limits::consumer_timeout_ms + 1);
  BOOST_TEST(closed_with() == closed_after(limits::consumer_timeout_ms));
  BOOST_TEST(take<channel_gone>().size() == 1u);
  BOOST_TEST(tick(start_ms * 2) == 0u);
}

BOOST_AUTO_TEST_CASE(a_consumer_that_keeps_settling_is_never_late) {
  const auto who = consume(quick, "quick", "c");
  uint64_t now = start_ms;
  for (delivery_tag tag = 1; tag <= 50; ++tag, now += 500) {
    deliver(who, 1, tag);
    tick(now);
    if (tag > 3)
      ack(tag - 3);
    BOOST_TEST(closed_with().empty());
  }
}

BOOST_AUTO_TEST_CASE(a_queue_can_have_a_timeout_of_its_own_whatever_is_older_on_the_channel) {
  deliver(consume(q, "q", "slow"), 1, 1);
  deliver(consume(quick, "quick", "c"), 1, 1);
  BOOST_TEST(tick(start_ms) == 500u);
  tick(start_ms + 2000);
  BOOST_TEST(closed_with().empty());
  tick(start_ms + 2500);
  BOOST_TEST(closed_with() == closed_after(2000));
}

BOOST_AUTO_TEST_CASE(a_message_fetched_with_get_has_to_be_settled_too) {
  amqp::basic_class::get what;
  what.queue = "quick";
  send(what);
  answer(got{quick, {some_messages(1), {0, 1}, 1}, false, false, 0});
  tick(start_ms);
  replies();
  tick(start_ms + 2001);
  BOOST_TEST(closed_with() == closed_after(2000));
}

BOOST_AUTO_TEST_CASE(the_log_names_consumer_queue_and_delivery_that_were_late) {
  const auto who = consume(quick, "quick", "c");
  deliver(who, 2, 1);
  tick(start_ms);
  ack(1);
  tick(start_ms + 2001);
  BOOST_REQUIRE(step.warnings.size() == 1u);
  BOOST_TEST(step.warnings[0]
             == "Consumer 'c' on channel 3 and queue 'quick' in vhost '/' has timed out waiting for a consumer "
                "acknowledgement of a delivery with delivery tag = 2. Timeout used: 2000 ms. This timeout value can be "
                "configured, see consumers doc guide to learn more");
}

BOOST_AUTO_TEST_CASE(what_was_fetched_while_the_timer_looked_is_late_by_its_queues_timeout) {
  amqp::basic_class::get what;
  what.queue = "quick";
  send(what);
  tick(start_ms);
  answer(got{quick, {some_messages(1), {0, 1}, 1}, false, false, 0});
  tick(start_ms + 10);
  tick(start_ms + 2011);
  BOOST_TEST(closed_with() == closed_after(2000));
  BOOST_REQUIRE(step.warnings.size() == 1u);
  BOOST_TEST(step.warnings[0].starts_with("Consumer 'none' on channel 3 and queue 'quick' in vhost '/' has timed out"));
}

BOOST_AUTO_TEST_CASE(deliveries_without_acks_have_no_timeout) {
  deliver(consume(quick, "quick", "c", true), 5, 1);
  BOOST_TEST(step.tick_in_ms == 0u);
}

BOOST_AUTO_TEST_CASE(a_channel_that_waits_for_a_queue_can_still_be_closed) {
  deliver(consume(quick, "quick", "c"), 1, 1);
  tick(start_ms);
  replies();
  amqp::queue_class::purge what;
  what.queue = "q";
  send(what);
  tick(start_ms + 2001);
  BOOST_TEST(closed_with() == closed_after(2000));
  answer(purged{q, 1}); // too late
  BOOST_TEST(replies().empty());
  send(amqp::channel_class::close_ok{});
  BOOST_TEST(step.finished);
}

BOOST_AUTO_TEST_CASE(without_a_timeout_nothing_is_ever_late) {
  auto settings = default_settings();
  settings.consumer_timeout_ms = 0;
  channel_harness never{settings};
  const queue_id mine = never.metadata->add_queue("q");
  never.deliver(never.consume(mine, "q", "c"), 1, 1);
  for (const uint64_t at : {start_ms, start_ms * 1000}) {
    never.channel.tick(at, never.step);
    BOOST_TEST(never.closed_with().empty());
  }
}

BOOST_AUTO_TEST_SUITE_END()

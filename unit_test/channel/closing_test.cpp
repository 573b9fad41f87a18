// The end of a channel, from either side (features.md W13), and its small methods.
#include <boost/test/unit_test.hpp>

#include "channel/harness.hpp"

namespace closing {
namespace {

using namespace broker;
using namespace broker::test;
namespace channels = amqp::channel_class;

struct fixture : channel_harness {
  queue_id q = metadata->add_queue("q");

  void fail() {
    input_builder input;
    input.publish("none", "");
    send(input);
    BOOST_REQUIRE(!closed_with().empty());
  }
};

} // namespace
} // namespace closing

BOOST_FIXTURE_TEST_SUITE(closing, fixture)

BOOST_AUTO_TEST_CASE(the_client_closes_after_everything_it_sent) {
  consume(q, "q", "c");
  input_builder input;
  input.publish("", "q").method(channels::close{200, "bye", 0, 0});
  send(input);
  BOOST_REQUIRE(step.requests.size() == 2u);
  BOOST_TEST(std::holds_alternative<publish_request>(step.requests[0].second));
  BOOST_TEST(std::holds_alternative<channel_gone>(step.requests[1].second));
  BOOST_TEST(step.finished);
  BOOST_REQUIRE(step.out.size() == 1u);
  BOOST_TEST((step.out[0].what == outgoing::kind::channel_closed));
  BOOST_TEST(reply<channels::close_ok>().has_value());
}

BOOST_AUTO_TEST_CASE(after_an_error_only_close_ok_counts) {
  const auto who = consume(q, "q", "c");
  fail();
  BOOST_TEST(take<channel_gone>().size() == 1u);
  input_builder input;
  input.publish("", "q").ack(1).method(amqp::basic_class::qos{0, 1, false});
  const size_t credits_before = sink->times;
  send(input);
  deliver(who, 1, 1);
  BOOST_TEST(step.requests.empty());
  BOOST_TEST(step.out.empty());
  BOOST_TEST(sink->times == credits_before + 1);
  send(channels::close_ok{});
  BOOST_TEST(step.finished);
  BOOST_REQUIRE(step.out.size() == 1u);
  BOOST_TEST((step.out[0].what == outgoing::kind::channel_closed));
}

BOOST_AUTO_TEST_CASE(crossing_closes_are_both_answered) {
  fail();
  input_builder input;
  input.method(channels::close{}).method(channels::close_ok{});
  send(input);
  BOOST_TEST(reply<channels::close_ok>().has_value());
  BOOST_TEST(step.finished);
}

BOOST_AUTO_TEST_CASE(queues_with_unacked_messages_of_cancelled_consumers_hear_of_the_end) {
  const auto who = consume(q, "q", "c");
  deliver(who, 1, 1);
  send(amqp::basic_class::cancel{"c", false});
  answer(cancel_done{who});
  step = {};
  channel.stop(step);
  const auto left = take<channel_gone>();
  BOOST_REQUIRE(left.size() == 1u);
  BOOST_TEST(left[0].first == q);
  BOOST_TEST(step.finished);
  BOOST_TEST(step.out.empty());
}

BOOST_AUTO_TEST_CASE(stopping_gives_back_the_credit_of_what_waits) {
  amqp::queue_class::declare declare;
  declare.queue = "new";
  send(declare);
  input_builder input;
  input.publish("", "q");
  send(input);
  BOOST_TEST(sink->times == 0u);
  channel.stop(step);
  BOOST_TEST(sink->times == 2u);
  channel.metadata_done({}, step);
  BOOST_TEST(step.out.empty());
}

BOOST_AUTO_TEST_CASE(no_confirm_follows_an_error) {
  send(amqp::confirm_class::select{});
  input_builder input;
  input.publish("", "q");
  send(input);
  const auto first = take<publish_request>().front().second.batch->first_confirm;
  step = {};
  fail();
  answer(confirmed{q, {first, first + 1}, false});
  BOOST_TEST(replies().empty());
}

BOOST_AUTO_TEST_CASE(flow_can_only_be_switched_on) {
  send(channels::flow{true});
  BOOST_TEST(reply<channels::flow_ok>()->active);
  send(channels::flow{false});
  BOOST_TEST(connection_closed_with() == "540 NOT_IMPLEMENTED - active=false (20,20)");
}

BOOST_AUTO_TEST_CASE(access_is_always_granted) {
  send(amqp::access_class::request{});
  BOOST_TEST(reply<amqp::access_class::request_ok>()->ticket == 1);
}

BOOST_AUTO_TEST_CASE(methods_only_a_server_sends_are_refused) {
  send(amqp::basic_class::get_empty{});
  BOOST_TEST(connection_closed_with() == "503 COMMAND_INVALID - unimplemented method (60,72)");
}

BOOST_AUTO_TEST_CASE(a_channel_is_opened_once) {
  send(channels::open{});
  BOOST_TEST(connection_closed_with() == "504 CHANNEL_ERROR - second 'channel.open' seen (20,10)");
}

BOOST_AUTO_TEST_SUITE_END()

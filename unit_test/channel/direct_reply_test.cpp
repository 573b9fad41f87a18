// Direct reply-to (features.md W69): request and reply between two channels of a node, without a queue.
#include <boost/test/unit_test.hpp>

#include "channel/harness.hpp"
#include "cluster/node_tag.hpp"

namespace direct_replies {
namespace {

using namespace broker;
using namespace broker::test;
namespace basic = amqp::basic_class;

basic::consume replies_consumer() {
  basic::consume wanted;
  wanted.queue = "amq.rabbitmq.reply-to";
  wanted.consumer_tag = "rpc";
  wanted.no_ack = true;
  return wanted;
}

struct fixture : channel_harness {
  queue_id q = metadata->add_queue("q");

  /// Sends a request; the reply address the server sees.
  std::string request() {
    input_builder input;
    input.publish("", "q", with(&amqp::properties::reply_to, std::string{"amq.rabbitmq.reply-to"}));
    send(input);
    const auto published = take<publish_request>();
    BOOST_REQUIRE(published.size() == 1u);
    const auto properties = amqp::decode_properties(published[0].second.batch->messages[0].property_bytes());
    return properties->reply_to.value();
  }
};

} // namespace
} // namespace direct_replies

BOOST_FIXTURE_TEST_SUITE(direct_replies, fixture)

BOOST_AUTO_TEST_CASE(a_reply_reaches_the_channel_that_asked) {
  send(replies_consumer());
  BOOST_TEST(reply<basic::consume_ok>()->consumer_tag == "rpc");
  const auto address = request();
  BOOST_TEST(address.starts_with("amq.rabbitmq.reply-to." + std::to_string(node_tag("rabbit@here")) + ".7."));

  channel_harness server;
  input_builder answer;
  answer.publish("", address);
  server.send(answer);
  BOOST_REQUIRE(server.step.replies.size() == 1u);
  BOOST_TEST(server.step.replies[0].to == self->id);
  channel.reply(server.step.replies[0], step);
  BOOST_REQUIRE(step.out.size() == 1u);
  BOOST_TEST((step.out[0].what == outgoing::kind::deliver));
  BOOST_TEST(step.out[0].who->tag == "rpc");
  BOOST_TEST(step.out[0].first_tag == 1u);
  BOOST_TEST(channel.unacked() == 0u);
}

BOOST_AUTO_TEST_CASE(a_guessed_address_reaches_nobody) {
  send(replies_consumer());
  step = {};
  channel.reply({0, self->id, "amq.rabbitmq.reply-to.0.7.guess", some_messages(1), {0, 1}}, step);
  BOOST_TEST(step.out.empty());
}

BOOST_AUTO_TEST_CASE(replies_end_with_the_consumer) {
  send(replies_consumer());
  const auto address = request();
  send(basic::cancel{"rpc", false});
  step = {};
  channel.reply({0, self->id, address, some_messages(1), {0, 1}}, step);
  BOOST_TEST(step.out.empty());
}

BOOST_AUTO_TEST_CASE(a_client_that_does_not_read_loses_replies_rather_than_memory) {
  send(replies_consumer());
  const auto address = request();
  step = {};
  size_t passed = 0;
  for (int i = 0; i < 1000; ++i) {
    channel.reply({0, self->id, address, some_messages(1000), {0, 1000}}, step);
    passed += std::exchange(step.out, {}).size();
  }
  BOOST_TEST(passed > 0u);
  BOOST_TEST(passed < 1000u);
}

BOOST_AUTO_TEST_CASE(the_reply_consumer_has_its_rules) {
  input_builder early;
  early.publish("", "q", with(&amqp::properties::reply_to, std::string{"amq.rabbitmq.reply-to"}));
  send(early);
  BOOST_TEST(closed_with() == "406 PRECONDITION_FAILED - fast reply consumer does not exist (60,40)");

  channel_harness acking;
  auto with_ack = replies_consumer();
  with_ack.no_ack = false;
  acking.send(with_ack);
  BOOST_TEST(acking.closed_with() == "406 PRECONDITION_FAILED - reply consumer cannot acknowledge (60,20)");

  channel_harness twice;
  twice.send(replies_consumer());
  auto second = replies_consumer();
  second.consumer_tag = "other";
  twice.send(second);
  BOOST_TEST(twice.closed_with() == "406 PRECONDITION_FAILED - reply consumer already set (60,20)");
}

BOOST_AUTO_TEST_CASE(declaring_an_address_tells_whether_its_channel_lives) {
  auto settings = default_settings();
  settings.channel_lives = [](uint32_t node, uint64_t id) { return node == 3 && id == 9; };
  channel_harness server{settings};
  amqp::queue_class::declare probe;
  probe.passive = true;
  probe.queue = "amq.rabbitmq.reply-to.3.9.secret";
  server.send(probe);
  BOOST_TEST(server.reply<amqp::queue_class::declare_ok>()->consumer_count == 1u);
  probe.queue = "amq.rabbitmq.reply-to.3.8.secret";
  server.send(probe);
  BOOST_TEST(server.closed_with()
             == "404 NOT_FOUND - no queue 'amq.rabbitmq.reply-to.3.8.secret' in vhost '/' (50,10)");
}

BOOST_AUTO_TEST_CASE(other_reply_addresses_are_left_alone) {
  input_builder input;
  input.publish("", "q", with(&amqp::properties::reply_to, std::string{"my-queue"}));
  send(input);
  const auto published = take<publish_request>();
  BOOST_REQUIRE(published.size() == 1u);
  BOOST_TEST(amqp::decode_properties(published[0].second.batch->messages[0].property_bytes())->reply_to.value()
             == "my-queue");
}

BOOST_AUTO_TEST_SUITE_END()

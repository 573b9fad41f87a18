// Queues of other nodes as a channel sees them: a node that is down (features.md W26, W65, W67), and where new queues
// go (W59).
#include <boost/test/unit_test.hpp>

#include <map>
#include <set>

#include "channel/harness.hpp"
#include "channel/queue_placement.hpp"

namespace other_nodes {
namespace {

using namespace broker;
using namespace broker::test;

class fake_nodes final : public node_reachability {
public:
  bool is_down(std::string_view node) const override { return down_.contains(node); }
  std::vector<std::string> reachable() const override { return up; }
  void set_down(const std::string& node, bool down) {
    if (down)
      down_.insert(node);
    else
      down_.erase(node);
    changed(!down_.empty());
  }
  std::vector<std::string> up;

private:
  std::set<std::string, std::less<>> down_;
};

channel_settings settings_with(const fake_nodes& nodes) {
  auto settings = channel_harness::default_settings();
  settings.nodes = &nodes;
  return settings;
}

struct fixture {
  fixture() {
    queue_record queue;
    queue.name = "far";
    queue.node = "rabbit@b";
    far = channel.metadata->add_queue(std::move(queue));
    near = channel.metadata->add_queue("near");
  }
  /// A method that fails because the node is down closes the channel with this.
  std::string refusal(amqp::method what) {
    channel_harness other{settings_with(nodes)};
    queue_record queue;
    queue.name = "far";
    queue.node = "rabbit@b";
    other.metadata->add_queue(std::move(queue));
    other.metadata->add_exchange("x", exchange_type::direct);
    other.send(std::move(what));
    const std::string closed = other.closed_with();
    return closed.substr(0, closed.rfind(" ("));
  }
  void confirm_select() {
    channel.send(amqp::confirm_class::select{});
    BOOST_REQUIRE(channel.reply<amqp::confirm_class::select_ok>());
  }
  void lose() { channel.channel.queue_unreachable(far, {404, "NOT_FOUND - down"}, channel.step); }

  fake_nodes nodes;
  channel_harness channel{settings_with(nodes)};
  queue_id far = 0;
  queue_id near = 0;
};

constexpr const char* down = "404 NOT_FOUND - home node 'rabbit@b' of durable queue 'far' in vhost '/' is down or "
                             "inaccessible";

} // namespace
} // namespace other_nodes

BOOST_FIXTURE_TEST_SUITE(other_nodes, fixture)

BOOST_AUTO_TEST_CASE(methods_on_a_queue_whose_node_is_down_fail_with_404) {
  nodes.set_down("rabbit@b", true);
  amqp::queue_class::declare declare;
  declare.queue = "far";
  BOOST_TEST(refusal(declare) == down);
  declare.passive = true;
  BOOST_TEST(refusal(declare) == down);
  amqp::basic_class::consume consume;
  consume.queue = "far";
  BOOST_TEST(refusal(consume) == down);
  amqp::basic_class::get get;
  get.queue = "far";
  BOOST_TEST(refusal(get) == down);
  amqp::queue_class::purge purge;
  purge.queue = "far";
  BOOST_TEST(refusal(purge) == down);
  amqp::queue_class::delete_ erase;
  erase.queue = "far";
  BOOST_TEST(refusal(erase) == down);
  amqp::queue_class::bind bind;
  bind.queue = "far";
  bind.exchange = "x";
  BOOST_TEST(refusal(bind) == down);
}

BOOST_AUTO_TEST_CASE(a_publish_to_a_queue_whose_node_is_down_goes_nowhere_until_it_is_back) {
  confirm_select();
  input_builder first;
  first.publish("", "far");
  channel.send(first);
  BOOST_TEST(channel.take<publish_request>().size() == 1u); // the route is known now
  nodes.set_down("rabbit@b", true);
  lose();
  channel.replies();
  input_builder second;
  second.publish("", "far", {.flags = message::mandatory});
  channel.send(second);
  BOOST_TEST(channel.take<publish_request>().empty());
  const auto replies = channel.replies();
  BOOST_REQUIRE(replies.size() == 2u);
  BOOST_TEST(std::holds_alternative<amqp::basic_class::return_>(replies[0]));
  BOOST_TEST(std::holds_alternative<amqp::basic_class::ack>(replies[1]));
  nodes.set_down("rabbit@b", false);
  input_builder third;
  third.publish("", "far");
  channel.send(third);
  BOOST_TEST(channel.take<publish_request>().size() == 1u);
}

BOOST_AUTO_TEST_CASE(what_was_under_way_to_a_lost_queue_is_nacked_and_nothing_else) {
  confirm_select();
  input_builder input;
  input.publish("", "far").publish("", "near").publish("", "far");
  channel.send(input);
  channel.take<publish_request>();
  lose();
  std::multiset<uint64_t> nacked;
  for (const auto& each : channel.replies())
    if (const auto* nack = std::get_if<amqp::basic_class::nack>(&each))
      nacked.insert(nack->delivery_tag);
  BOOST_TEST((nacked == std::multiset<uint64_t>{1})); // the third waits behind the second
  channel.answer(confirmed{near, {2, 3}, false});
  const auto rest = channel.replies();
  BOOST_REQUIRE(rest.size() == 2u);
  BOOST_TEST(std::get<amqp::basic_class::ack>(rest[0]).delivery_tag == 2u);
  BOOST_TEST(std::get<amqp::basic_class::nack>(rest[1]).delivery_tag == 3u);
  channel.answer(confirmed{far, {1, 2}, false}); // too late: each is answered once
  BOOST_TEST(channel.replies().empty());
}

BOOST_AUTO_TEST_CASE(consumers_of_a_lost_queue_are_cancelled_and_their_deliveries_can_be_settled) {
  auto settings = settings_with(nodes);
  settings.consumer_cancel_notify = true;
  channel_harness client{settings};
  const queue_id queue = client.metadata->add_queue("far");
  const auto who = client.consume(queue, "far", "c");
  client.deliver(who, 2, 1);
  client.channel.queue_unreachable(queue, {404, "NOT_FOUND - down"}, client.step);
  const auto cancel = client.reply<amqp::basic_class::cancel>();
  BOOST_REQUIRE(cancel);
  BOOST_TEST(cancel->consumer_tag == "c");
  input_builder ack;
  ack.ack(2, true);
  client.send(ack);
  BOOST_TEST(client.closed_with().empty());
  BOOST_TEST(client.channel.unacked() == 0u);
}

BOOST_AUTO_TEST_CASE(the_method_that_waits_for_a_lost_queue_fails_and_no_consumer_of_it_is_cancelled) {
  auto settings = settings_with(nodes);
  settings.consumer_cancel_notify = true;
  channel_harness client{settings};
  const queue_id queue = client.metadata->add_queue("far");
  amqp::basic_class::consume consume;
  consume.queue = "far";
  consume.consumer_tag = "c";
  client.send(consume);
  client.channel.queue_unreachable(queue, {404, "NOT_FOUND - down"}, client.step);
  const auto replies = client.replies();
  BOOST_REQUIRE(replies.size() == 1u);
  BOOST_TEST(std::get<amqp::channel_class::close>(replies[0]).reply_text == "NOT_FOUND - down");
}

BOOST_AUTO_TEST_CASE(a_cancel_that_waits_for_a_lost_queue_succeeds) {
  const auto who = channel.consume(far, "far", "c");
  channel.send(amqp::basic_class::cancel{"c", false});
  lose();
  BOOST_TEST(channel.reply<amqp::basic_class::cancel_ok>().has_value());
}

BOOST_AUTO_TEST_CASE(places_that_another_node_gives_back_wake_every_consumer) {
  const auto who = channel.consume(near, "near", "c");
  channel.take<consumer_ready>();
  channel.answer(window_returned{});
  BOOST_TEST(channel.take<consumer_ready>().size() == 1u);
}

BOOST_AUTO_TEST_CASE(new_queues_go_where_their_locator_says) {
  nodes.up = {"rabbit@b", "rabbit@c"};
  fake_metadata metadata;
  for (const char* node : {"rabbit@a", "rabbit@a", "rabbit@b"}) {
    queue_record queue;
    queue.name = "q" + std::to_string(metadata.version());
    queue.node = node;
    metadata.add_queue(std::move(queue));
  }
  random_source random{1};
  queue_record wanted;
  wanted.node = "rabbit@a";
  const auto place = [&](bool server_named = false, const std::string& by_default = "") {
    return place_queue(metadata, wanted, server_named, &nodes, by_default, random);
  };
  BOOST_TEST(place() == "rabbit@a"); // client-local
  BOOST_TEST(place(false, "balanced") == "rabbit@c");
  BOOST_TEST(place(true, "balanced") == "rabbit@a");
  wanted.arguments.set("x-queue-leader-locator", {amqp::longstr{"balanced"}});
  BOOST_TEST(place() == "rabbit@c");
  wanted.exclusive = true;
  BOOST_TEST(place() == "rabbit@a");
  wanted.exclusive = false;
  wanted.arguments.set("x-queue-leader-locator", {amqp::longstr{"random"}});
  std::set<std::string> seen;
  for (int i = 0; i < 50; ++i)
    seen.insert(place());
  BOOST_TEST(seen.size() == 3u);
  BOOST_TEST(place_queue(metadata, wanted, false, nullptr, "balanced", random) == "rabbit@a");
}

BOOST_AUTO_TEST_SUITE_END()

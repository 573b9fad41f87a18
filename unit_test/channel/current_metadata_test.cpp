// In a cluster a method is not answered from metadata that may be behind (guarantees.md G8).
#include <algorithm>

#include <boost/test/unit_test.hpp>

#include "channel/harness.hpp"

namespace current_metadata {
namespace {

using namespace broker;
using namespace broker::test;

class all_up final : public node_reachability {
public:
  bool is_down(std::string_view) const override { return false; }
  std::vector<std::string> reachable() const override { return {"rabbit@b"}; }
};

struct fixture {
  explicit fixture(size_t members = 2) {
    for (size_t i = 0; i < members; ++i)
      channel.metadata->nodes.push_back(std::make_shared<node_record>());
  }
  channel_settings settings() const {
    auto made = channel_harness::default_settings();
    made.nodes = &nodes;
    made.in_minority = [this] { return in_minority; };
    return made;
  }
  /// The metadata are up to date now.
  void up_to_date(command_result how = {}) {
    BOOST_TEST(std::exchange(channel.step.bring_up_to_date, false));
    channel.channel.metadata_done(std::move(how), channel.step);
  }
  void publish(const std::string& exchange, const std::string& key, const publish_options& how = {}) {
    input_builder input;
    input.publish(exchange, key, how);
    channel.send(input);
  }
  /// Queues that were published to since the last call.
  std::vector<queue_id> published() {
    std::vector<queue_id> queues;
    for (const auto& [queue, what] : channel.take<publish_request>())
      queues.push_back(queue);
    return queues;
  }
  size_t returns() {
    const auto sent = channel.replies();
    return static_cast<size_t>(std::count_if(sent.begin(), sent.end(), [](const amqp::method& one) {
      return std::holds_alternative<amqp::basic_class::return_>(one);
    }));
  }
  const publish_options mandatory{.flags = message::mandatory};
  all_up nodes;
  bool in_minority = false;
  channel_harness channel{settings()};
};

amqp::queue_class::declare declare(const std::string& name, bool passive = false) {
  amqp::queue_class::declare what;
  what.queue = name;
  what.passive = passive;
  return what;
}

} // namespace
} // namespace current_metadata

BOOST_FIXTURE_TEST_SUITE(current_metadata, fixture)

BOOST_AUTO_TEST_CASE(a_declare_is_not_refused_for_a_queue_that_another_node_has_deleted) {
  channel.metadata->add_queue("q"); // not durable
  auto other = declare("q");
  other.durable = true;
  channel.send(other);
  BOOST_TEST(channel.closed_with() == "");
  channel.metadata->remove_queue("q"); // what this node had not heard of yet
  up_to_date();
  BOOST_TEST(channel.closed_with() == "");
  BOOST_TEST(channel.step.proposals.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_queue_that_another_node_has_declared_is_found) {
  channel.send(declare("q", true));
  const auto queue = channel.metadata->add_queue("q");
  up_to_date();
  BOOST_TEST(channel.closed_with() == "");
  BOOST_TEST(channel.take<status_request>().size() == 1u);
  channel.answer(queue_status{queue, 3, 0});
  BOOST_TEST(channel.reply<amqp::queue_class::declare_ok>()->message_count == 3u);
  amqp::basic_class::get get;
  get.queue = "r";
  channel.send(get);
  channel.metadata->add_queue("r");
  up_to_date();
  BOOST_TEST(channel.take<get_request>().size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_delete_is_of_the_queue_that_has_the_name_now) {
  channel.metadata->add_queue("q");
  amqp::queue_class::delete_ erase;
  erase.queue = "q";
  channel.send(erase);
  channel.metadata->remove_queue("q");
  const auto newer = channel.metadata->add_queue("q");
  up_to_date();
  const auto asked = channel.take<delete_request>();
  BOOST_TEST_REQUIRE(asked.size() == 1u);
  BOOST_TEST(asked.front().first == newer);
}

BOOST_AUTO_TEST_CASE(what_follows_waits_and_keeps_its_order) {
  channel.metadata->add_queue("q");
  channel.send(declare("q", true));
  channel.send(amqp::confirm_class::select{});
  BOOST_TEST(channel.replies().empty());
  channel.metadata->remove_queue("q");
  up_to_date();
  BOOST_TEST(channel.closed_with() == "404 NOT_FOUND - no queue 'q' in vhost '/' (50,10)");
}

// A node that stood still for 0.3 s confirmed what it dropped, because it had not heard of the queue yet.
BOOST_AUTO_TEST_CASE(a_publish_is_not_dropped_for_want_of_a_queue_that_another_node_has_declared) {
  channel.send(amqp::confirm_class::select{});
  channel.replies();
  publish("", "q", mandatory);
  BOOST_TEST(published().empty());
  const auto queue = channel.metadata->add_queue("q");
  up_to_date();
  BOOST_TEST(published() == std::vector{queue});
  BOOST_TEST(returns() == 0u);
  publish("", "q");
  BOOST_TEST(published() == std::vector{queue});
}

BOOST_AUTO_TEST_CASE(a_publish_that_goes_nowhere_is_returned_when_that_is_sure) {
  publish("", "nowhere", mandatory);
  BOOST_TEST(returns() == 0u);
  up_to_date();
  BOOST_TEST(returns() == 1u);
}

BOOST_AUTO_TEST_CASE(an_exchange_that_another_node_has_declared_is_found) {
  publish("late", "k");
  BOOST_TEST(channel.closed_with() == "");
  channel.metadata->add_exchange("late", exchange_type::fanout);
  up_to_date();
  BOOST_TEST(channel.closed_with() == "");
  publish("never", "k");
  up_to_date();
  BOOST_TEST(channel.closed_with() == "404 NOT_FOUND - no exchange 'never' in vhost '/' (60,40)");
}

BOOST_AUTO_TEST_CASE(publishes_keep_their_order_around_one_that_waits_and_wait_once_for_all) {
  const auto known = channel.metadata->add_queue("known");
  input_builder input;
  input.publish("", "known").publish("", "q").publish("", "known").publish("", "nowhere").publish("", "q");
  channel.send(input);
  publish("", "elsewhere"); // has come before the answer, but not before the question
  BOOST_TEST(published() == std::vector{known});
  const auto queue = channel.metadata->add_queue("q");
  up_to_date();
  BOOST_TEST((published() == std::vector{queue, known}));
  up_to_date(); // for the second input
  BOOST_TEST(published().empty());
  BOOST_TEST(!channel.step.bring_up_to_date);
}

BOOST_AUTO_TEST_CASE(messages_that_are_looked_at_one_by_one_wait_and_are_published_once) {
  const auto known = channel.metadata->add_queue("known");
  amqp::field_table headers;
  amqp::field_array keys;
  keys.values.push_back({amqp::longstr{"known"}});
  headers.set("CC", {keys});
  input_builder input;
  input.publish("", "known", with(&amqp::properties::expiration, std::string{"1000"}))
    .publish("", "q", with(&amqp::properties::expiration, std::string{"1000"}))
    .publish("", "nowhere", with(&amqp::properties::headers, headers));
  channel.send(input);
  BOOST_TEST(published() == std::vector{known});
  const auto queue = channel.metadata->add_queue("q");
  up_to_date();
  BOOST_TEST((published() == std::vector{queue, known}));
}

BOOST_AUTO_TEST_CASE(in_a_minority_publishes_wait_for_nobody) {
  in_minority = true;
  publish("", "nowhere", mandatory);
  BOOST_TEST(!channel.step.bring_up_to_date);
  BOOST_TEST(returns() == 1u);
  in_minority = false;
  publish("", "nowhere", mandatory);
  command_result refused;
  refused.failure = error{541, "INTERNAL_ERROR"};
  up_to_date(refused); // the leader was lost meanwhile
  BOOST_TEST(returns() == 1u);
  BOOST_TEST(channel.closed_with() == "");
}

BOOST_AUTO_TEST_CASE(without_a_majority_the_method_fails) {
  channel.metadata->add_queue("q");
  channel.send(declare("q"));
  command_result refused;
  refused.failure =
    error{541, "INTERNAL_ERROR - Could not read the metadata because the metadata store operation timed "
               "out"};
  up_to_date(refused);
  BOOST_TEST(channel.connection_closed_with().starts_with("541 INTERNAL_ERROR"));
}

BOOST_AUTO_TEST_CASE(a_new_queue_costs_nothing_more) {
  channel.send(declare("new"));
  BOOST_TEST(!channel.step.bring_up_to_date);
  BOOST_TEST(channel.step.proposals.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_node_without_others_asks_nobody) {
  channel.metadata->nodes.resize(1);
  channel.metadata->add_queue("q");
  channel.send(declare("q", true));
  BOOST_TEST(!channel.step.bring_up_to_date);
  BOOST_TEST(channel.take<status_request>().size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

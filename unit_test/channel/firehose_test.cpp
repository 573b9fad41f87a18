// The firehose (features.md P05) and routes that more than the key decides.
#include <atomic>

#include <boost/test/unit_test.hpp>

#include "channel/harness.hpp"

namespace firehose {
namespace {

using namespace broker;
using namespace broker::test;

std::atomic<bool> tracing{false};

channel_settings traced_settings() {
  channel_settings settings = channel_harness::default_settings();
  settings.node = "rabbit@test";
  settings.connection_name = "1.2.3.4:5 -> 6.7.8.9:10";
  settings.tracing = &tracing;
  return settings;
}

struct fixture : channel_harness {
  fixture() : channel_harness(traced_settings()) {
    exchange_record trace;
    trace.name = "amq.rabbitmq.trace";
    trace.kind = exchange_type::topic;
    trace.internal = true;
    metadata->add_exchange(std::move(trace));
    metadata->bind("amq.rabbitmq.trace", "publish.x", "log");
    metadata->bind("amq.rabbitmq.trace", "deliver.a", "log");
    metadata->add_exchange("x", exchange_type::direct);
    metadata->bind("x", "k", "a");
    trace_on();
  }
  ~fixture() { tracing = false; }

  void trace_on() {
    metadata->set_tracing(true);
    tracing = true;
  }
  /// The headers of the only copy sent to "log" since the last call; none if nothing was.
  std::optional<amqp::field_table> traced() {
    std::optional<amqp::field_table> found;
    for (auto& [queue, request] : take<publish_request>()) {
      if (queue != log)
        continue;
      BOOST_REQUIRE(!found);
      BOOST_TEST(!request.confirm);
      BOOST_TEST((request.slices == std::vector<slice>{{0, 1}}));
      const message& copy = request.batch->messages.front();
      BOOST_TEST(copy.exchange() == "amq.rabbitmq.trace");
      key = copy.routing_key();
      body_size = copy.body_size;
      found = amqp::decode_properties(copy.property_bytes())->headers;
    }
    return found;
  }
  static std::string text(const amqp::field_table& in, std::string_view name) {
    const auto* value = in.find(name);
    return value && value->as_string() ? *value->as_string() : "(none)";
  }
  static int64_t number(const amqp::field_table& in, std::string_view name) {
    int64_t value = -1;
    if (const auto* found = in.find(name))
      found->as_integer(value);
    return value;
  }
  static std::vector<std::string> texts(const amqp::field_table& in, std::string_view name) {
    std::vector<std::string> out;
    for (const auto& one : std::get<amqp::field_array>(in.find(name)->value).values)
      out.push_back(*one.as_string());
    return out;
  }

  queue_id a = metadata->add_queue("a");
  queue_id log = metadata->add_queue("log");
  std::string key;
  uint32_t body_size = 0;
};

} // namespace
} // namespace firehose

BOOST_FIXTURE_TEST_SUITE(firehose, fixture)

BOOST_AUTO_TEST_CASE(a_publish_is_copied_with_rabbitmqs_headers) {
  publish_options options;
  options.properties.content_type = "text/plain";
  options.properties.delivery_mode = 2;
  options.properties.headers.emplace();
  options.properties.headers->set("CC", {amqp::field_array{{{amqp::longstr{"more"}}}}});
  input_builder input;
  input.publish("x", "k", options);
  send(input);
  const auto headers = traced();
  BOOST_REQUIRE(headers);
  BOOST_TEST(key == "publish.x");
  BOOST_TEST(body_size == 5u);
  BOOST_TEST(text(*headers, "exchange_name") == "x");
  BOOST_TEST((texts(*headers, "routing_keys") == std::vector<std::string>{"k", "more"}));
  BOOST_TEST(text(*headers, "node") == "rabbit@test");
  BOOST_TEST(text(*headers, "vhost") == "/");
  BOOST_TEST(text(*headers, "connection") == "1.2.3.4:5 -> 6.7.8.9:10");
  BOOST_TEST(number(*headers, "channel") == 3);
  BOOST_TEST(text(*headers, "user") == "guest");
  BOOST_TEST((texts(*headers, "routed_queues") == std::vector<std::string>{"a"}));
  const auto& properties = std::get<amqp::field_table>(headers->find("properties")->value);
  BOOST_TEST(text(properties, "content_type") == "text/plain");
  BOOST_TEST(number(properties, "delivery_mode") == 2);
  BOOST_TEST(std::holds_alternative<amqp::field_table>(properties.find("headers")->value));
}

BOOST_AUTO_TEST_CASE(what_goes_nowhere_is_copied_too) {
  input_builder input;
  input.publish("x", "nowhere");
  send(input);
  const auto headers = traced();
  BOOST_REQUIRE(headers);
  BOOST_TEST(texts(*headers, "routed_queues").empty());
}

BOOST_AUTO_TEST_CASE(every_message_of_a_run_is_copied) {
  input_builder input;
  input.publish("x", "k", {.count = 5});
  send(input);
  size_t copies = 0;
  size_t messages = 0;
  for (const auto& [queue, request] : take<publish_request>())
    for (const slice& one : request.slices)
      (queue == log ? copies : messages) += one.size();
  BOOST_TEST(copies == 5u);
  BOOST_TEST(messages == 5u);
}

BOOST_AUTO_TEST_CASE(a_delivery_is_copied) {
  const auto who = consume(a, "a", "tag", true);
  step = {};
  answer(delivered{who, {some_messages(1, "x", "k"), {0, 1}, 1}, true, 0});
  const auto headers = traced();
  BOOST_REQUIRE(headers);
  BOOST_TEST(key == "deliver.a");
  BOOST_TEST(number(*headers, "redelivered") == 1);
  BOOST_TEST(text(*headers, "exchange_name") == "x");
  BOOST_TEST(!headers->find("routed_queues"));
}

BOOST_AUTO_TEST_CASE(copies_are_not_copied) {
  const auto who = consume(a, "a", "tag", true);
  step = {};
  answer(delivered{who, {some_messages(1, "amq.rabbitmq.trace", "publish.x"), {0, 1}, 1}, false, 0});
  BOOST_TEST(!traced());
}

BOOST_AUTO_TEST_CASE(nothing_is_copied_when_it_is_off_or_nobody_listens) {
  input_builder elsewhere;
  elsewhere.publish("", "a");
  send(elsewhere); // publish. is bound nowhere
  BOOST_TEST(!traced());
  metadata->set_tracing(false);
  input_builder off;
  off.publish("x", "k", {.count = 3});
  send(off);
  const auto requests = take<publish_request>();
  BOOST_REQUIRE_EQUAL(requests.size(), 1u);
  BOOST_TEST((requests[0].second.slices == std::vector<slice>{{0, 3}})); // still a run
}

BOOST_AUTO_TEST_SUITE_END()

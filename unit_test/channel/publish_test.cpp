// Publishing: routing, returns, confirms and refusals (features.md W22, W25-W28, W46, W47, W66-W68).
#include <map>

#include <boost/test/unit_test.hpp>

#include "channel/harness.hpp"

namespace publishing {
namespace {

using namespace broker;
using namespace broker::test;
namespace basic = amqp::basic_class;

amqp::field_table array_header(const std::string& name, const std::string& key) {
  amqp::field_table headers;
  amqp::field_array keys;
  keys.values.push_back({amqp::longstr{key}});
  headers.set(name, {keys});
  return headers;
}

struct fixture : channel_harness {
  queue_id a = metadata->add_queue("a");
  queue_id b = metadata->add_queue("b");

  void confirm_select() {
    send(amqp::confirm_class::select{});
    BOOST_REQUIRE(reply<amqp::confirm_class::select_ok>());
  }
};

} // namespace
} // namespace publishing

BOOST_FIXTURE_TEST_SUITE(publishing, fixture)

BOOST_AUTO_TEST_CASE(runs_for_one_queue_become_one_request_with_merged_slices) {
  input_builder input;
  input.publish("", "a", {.count = 3}).publish("", "a", {.body = "x", .count = 2}).publish("", "b");
  send(input);
  const auto requests = take<publish_request>();
  BOOST_REQUIRE(requests.size() == 2u);
  BOOST_TEST(requests[0].first == a);
  BOOST_TEST((requests[0].second.slices == std::vector<slice>{{0, 5}}));
  BOOST_TEST(!requests[0].second.confirm);
  BOOST_TEST(requests[1].first == b);
  BOOST_TEST((requests[1].second.slices == std::vector<slice>{{5, 6}}));
}

BOOST_AUTO_TEST_CASE(credit_returns_when_every_queue_has_released_the_batch) {
  input_builder input;
  input.publish("", "a").publish("", "b");
  send(input);
  const auto requests = take<publish_request>();
  BOOST_REQUIRE(requests.size() == 2u);
  BOOST_TEST(sink->times == 0u);
  requests[0].second.batch->release();
  BOOST_TEST(sink->times == 0u);
  requests[1].second.batch->release();
  BOOST_TEST(sink->times == 1u);
  BOOST_TEST(sink->credited == requests[0].second.batch->bytes);
}

BOOST_AUTO_TEST_CASE(credit_of_what_no_queue_gets_returns_at_once) {
  input_builder input;
  input.publish("", "nowhere");
  send(input);
  BOOST_TEST(step.requests.empty());
  BOOST_TEST(sink->times == 1u);
}

BOOST_AUTO_TEST_CASE(a_route_is_looked_up_once_while_the_metadata_stands_still) {
  for (int i = 0; i < 10; ++i) {
    input_builder input;
    input.publish("", "a").publish("", "b").publish("", "a");
    send(input);
  }
  BOOST_TEST(metadata->lookups == 2u);
  metadata->add_queue("c");
  input_builder input;
  input.publish("", "a");
  send(input);
  BOOST_TEST(metadata->lookups == 3u);
}

BOOST_AUTO_TEST_CASE(a_new_binding_counts_for_the_next_publish) {
  input_builder before;
  before.publish("amq.direct", "k");
  send(before);
  BOOST_TEST(take<publish_request>().empty());
  metadata->bind("amq.direct", "k", "a");
  input_builder after;
  after.publish("amq.direct", "k");
  send(after);
  BOOST_TEST(take<publish_request>().size() == 1u);
}

BOOST_AUTO_TEST_CASE(fan_out_holds_the_batch_once_per_queue) {
  metadata->bind("amq.fanout", "", "a");
  metadata->bind("amq.fanout", "", "b");
  input_builder input;
  input.publish("amq.fanout", "any", {.count = 2}).publish("amq.fanout", "other");
  send(input);
  const auto requests = take<publish_request>();
  BOOST_REQUIRE(requests.size() == 2u);
  for (const auto& [queue, request] : requests)
    BOOST_TEST((request.slices == std::vector<slice>{{0, 3}}));
}

BOOST_AUTO_TEST_CASE(confirms_are_coalesced_and_counted_from_one) {
  input_builder before;
  before.publish("", "a");
  send(before);
  take<publish_request>();
  confirm_select();
  input_builder input;
  input.publish("", "a", {.count = 5});
  send(input);
  const auto requests = take<publish_request>();
  BOOST_REQUIRE(requests.size() == 1u);
  BOOST_TEST(requests[0].second.confirm);
  BOOST_TEST(channel.unconfirmed() == 5u);
  const auto first = requests[0].second.batch->first_confirm;
  BOOST_TEST(first > 0u);
  answer(confirmed{a, {first, first + 5}, false});
  const auto ack = reply<basic::ack>();
  BOOST_REQUIRE(ack.has_value());
  BOOST_TEST(ack->delivery_tag == 5u);
  BOOST_TEST(ack->multiple);
  BOOST_TEST(channel.unconfirmed() == 0u);
}

BOOST_AUTO_TEST_CASE(publishes_before_confirm_select_in_the_same_read_are_not_confirmed) {
  input_builder input;
  input.publish("", "a", {.count = 2}).method(amqp::confirm_class::select{}).publish("", "a", {.count = 3});
  send(input);
  BOOST_TEST(reply<amqp::confirm_class::select_ok>().has_value());
  const auto requests = take<publish_request>();
  BOOST_REQUIRE(requests.size() == 2u);
  BOOST_TEST(!requests[0].second.confirm);
  BOOST_TEST(requests[1].second.confirm);
  BOOST_TEST((requests[1].second.slices == std::vector<slice>{{2, 5}}));
  const auto first = requests[1].second.batch->first_confirm + 2;
  answer(confirmed{a, {first, first + 3}, false});
  const auto ack = reply<basic::ack>();
  BOOST_REQUIRE(ack.has_value());
  BOOST_TEST(ack->delivery_tag == 3u);
}

BOOST_AUTO_TEST_CASE(a_rejected_publish_is_nacked) {
  confirm_select();
  input_builder input;
  input.publish("", "a");
  send(input);
  const auto first = take<publish_request>().front().second.batch->first_confirm;
  answer(confirmed{a, {first, first + 1}, true});
  const auto nack = reply<basic::nack>();
  BOOST_REQUIRE(nack.has_value());
  BOOST_TEST(nack->delivery_tag == 1u);
  BOOST_TEST(!nack->multiple);
}

BOOST_AUTO_TEST_CASE(publishes_to_a_queue_that_is_gone_count_as_confirmed) {
  confirm_select();
  input_builder input;
  input.publish("", "a", {.count = 2});
  send(input);
  gone(a);
  const auto ack = reply<basic::ack>();
  BOOST_REQUIRE(ack.has_value());
  BOOST_TEST(ack->delivery_tag == 2u);
}

BOOST_AUTO_TEST_CASE(an_unroutable_mandatory_message_is_returned_before_its_confirm) {
  confirm_select();
  input_builder input;
  input.publish("", "nowhere", {.flags = message::mandatory, .body = "come back"});
  send(input);
  BOOST_REQUIRE(step.out.size() == 2u);
  BOOST_TEST((step.out[0].what == outgoing::kind::content));
  const auto& run = step.out[0].run;
  BOOST_TEST(run.batch->messages[run.where.lo].body_size == 9u);
  const auto all = replies();
  BOOST_REQUIRE(all.size() == 2u);
  const auto& returned = std::get<basic::return_>(all[0]);
  BOOST_TEST(returned.reply_code == 312);
  BOOST_TEST(returned.reply_text == "NO_ROUTE");
  BOOST_TEST(returned.routing_key == "nowhere");
  BOOST_TEST(std::get<basic::ack>(all[1]).delivery_tag == 1u);
}

BOOST_AUTO_TEST_CASE(a_missing_exchange_closes_the_channel) {
  input_builder input;
  input.publish("", "a").publish("x", "k").publish("", "a");
  send(input);
  BOOST_TEST(closed_with() == "404 NOT_FOUND - no exchange 'x' in vhost '/' (60,40)");
  const auto requests = take<publish_request>();
  BOOST_REQUIRE(requests.size() == 1u);
  BOOST_TEST((requests[0].second.slices == std::vector<slice>{{0, 1}}));
  requests[0].second.batch->release();
  BOOST_TEST(sink->times == 1u);
}

BOOST_AUTO_TEST_CASE(an_internal_exchange_takes_no_publishes) {
  exchange_record internal;
  internal.name = "in";
  internal.internal = true;
  metadata->add_exchange(internal);
  input_builder input;
  input.publish("in", "k");
  send(input);
  BOOST_TEST(closed_with() == "403 ACCESS_REFUSED - cannot publish to internal exchange 'in' in vhost '/' (60,40)");
}

BOOST_AUTO_TEST_CASE(publishing_needs_write_permission) {
  metadata->refuse(resource_kind::exchange, "amq.default", access::write);
  input_builder input;
  input.publish("", "a");
  send(input);
  BOOST_TEST(
    closed_with()
    == "403 ACCESS_REFUSED - write access to exchange 'amq.default' in vhost '/' refused for user 'guest' (60,40)");
}

BOOST_AUTO_TEST_CASE(immediate_is_not_implemented) {
  input_builder input;
  input.publish("", "a", {.flags = message::immediate});
  send(input);
  BOOST_TEST(connection_closed_with() == "540 NOT_IMPLEMENTED - immediate=true (60,40)");
}

BOOST_AUTO_TEST_CASE(a_foreign_user_id_is_refused) {
  input_builder own;
  own.publish("", "a", with(&amqp::properties::user_id, "guest"));
  send(own);
  BOOST_TEST(take<publish_request>().size() == 1u);
  input_builder foreign;
  foreign.publish("", "a", with(&amqp::properties::user_id, "boss"));
  send(foreign);
  BOOST_TEST(closed_with()
             == "406 PRECONDITION_FAILED - user_id property set to 'boss' but authenticated user was 'guest' (60,40)");
}

BOOST_AUTO_TEST_CASE(an_impersonator_may_use_any_user_id) {
  auto settings = default_settings();
  settings.user.tags = {"impersonator"};
  channel_harness other{settings};
  other.metadata->add_queue("a");
  input_builder foreign;
  foreign.publish("", "a", with(&amqp::properties::user_id, "boss"));
  other.send(foreign);
  BOOST_TEST(other.take<publish_request>().size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_bad_expiration_is_refused) {
  const std::vector<std::pair<std::string, std::string>> cases{
    {"soon", "no_integer"}, {"12h", "{leftover_string,\"h\"}"}, {"-1", "{value_negative,-1}"}};
  for (const auto& [text, fault] : cases) {
    channel_harness other;
    other.metadata->add_queue("a");
    input_builder input;
    input.publish("", "a", with(&amqp::properties::expiration, text));
    other.send(input);
    BOOST_TEST(other.closed_with()
               == "406 PRECONDITION_FAILED - invalid expiration '" + text + "': " + fault + " (60,40)");
  }
}

BOOST_AUTO_TEST_CASE(carbon_copies_reach_their_queues_once_each) {
  amqp::field_table headers = array_header("CC", "b");
  input_builder input;
  input.publish("", "a", with(&amqp::properties::headers, headers));
  send(input);
  const auto requests = take<publish_request>();
  BOOST_REQUIRE(requests.size() == 2u);
  BOOST_TEST((requests[0].second.batch == requests[1].second.batch));
}

BOOST_AUTO_TEST_CASE(a_blind_copy_is_delivered_without_its_header) {
  confirm_select();
  const size_t credits_before = sink->times;
  input_builder input;
  auto options = with(&amqp::properties::headers, array_header("BCC", "b"));
  options.body = "secret";
  input.publish("", "a").publish("", "a", options);
  send(input);
  const auto requests = take<publish_request>();
  BOOST_REQUIRE(requests.size() == 3u);
  const auto& copy = *requests[2].second.batch;
  const auto decoded = amqp::decode_properties(copy.messages[0].property_bytes());
  BOOST_REQUIRE(decoded.ok());
  BOOST_TEST(decoded->headers->find("BCC") == nullptr);
  BOOST_TEST(copy.messages[0].body_size == 6u);
  BOOST_TEST(std::string_view(copy.messages[0].raw + copy.messages[0].header_size + 7, 6) == "secret");
  const auto first = requests[0].second.batch->first_confirm;
  BOOST_TEST(copy.first_confirm == first + 1);
  for (const auto& [queue, request] : requests)
    request.batch->release();
  BOOST_TEST(sink->times == credits_before + 1);
  answer(confirmed{a, {first, first + 2}, false});
  answer(confirmed{b, {first + 1, first + 2}, false});
  BOOST_TEST(channel.unconfirmed() == 0u);
}

BOOST_AUTO_TEST_CASE(carbon_copies_must_be_an_array) {
  amqp::field_table headers;
  headers.set("CC", {amqp::longstr{"b"}});
  input_builder input;
  input.publish("", "a", with(&amqp::properties::headers, headers));
  send(input);
  BOOST_TEST(closed_with()
             == "406 PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,\"CC\",longstr} (60,40)");
}

BOOST_AUTO_TEST_CASE(a_headers_exchange_routes_every_message_by_its_own_headers) {
  metadata->add_exchange("h", exchange_type::headers);
  metadata->bind_by_header("h", "red", "a");
  metadata->bind_by_header("h", "blue", "b");
  amqp::field_table red, blue;
  red.set("red", {true});
  blue.set("blue", {true});
  input_builder input;
  input.publish("h", "", with(&amqp::properties::headers, red))
    .publish("h", "", with(&amqp::properties::headers, blue));
  send(input);
  const auto requests = take<publish_request>();
  BOOST_REQUIRE(requests.size() == 2u);
  BOOST_TEST(requests[0].first == a);
  BOOST_TEST(requests[1].first == b);
}

BOOST_AUTO_TEST_CASE(headers_of_one_message_never_route_another) {
  metadata->add_exchange("h", exchange_type::headers);
  metadata->bind_by_header("h", "red", "a");
  amqp::field_table red;
  red.set("red", {true});
  input_builder input;
  input.publish("h", "", with(&amqp::properties::headers, red)).publish("h", "");
  input.publish("", "a", with(&amqp::properties::headers, array_header("CC", "b"))).publish("", "a");
  send(input);
  std::map<queue_id, size_t> routed;
  for (const auto& [queue, request] : take<publish_request>())
    for (const auto& one : request.slices)
      routed[queue] += one.hi - one.lo;
  BOOST_TEST(routed[a] == 3u);
  BOOST_TEST(routed[b] == 1u);
}

BOOST_AUTO_TEST_CASE(more_routing_keys_than_the_cache_holds_still_route_right) {
  for (int i = 0; i < 200; ++i)
    metadata->add_queue("q" + std::to_string(i));
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 200; ++i) {
      const std::string name = "q" + std::to_string(i);
      input_builder input;
      input.publish("", name);
      send(input);
      const auto requests = take<publish_request>();
      BOOST_REQUIRE(requests.size() == 1u);
      BOOST_REQUIRE(requests[0].first == metadata->find_queue("/", name)->id);
    }
}

BOOST_AUTO_TEST_CASE(topic_permissions_apply_to_every_key) {
  const auto closed_after = [&](const std::string& key, const publish_options& options) {
    channel_harness other;
    other.metadata->add_exchange("t", exchange_type::topic);
    other.metadata->add_exchange("d", exchange_type::direct);
    for (const char* exchange : {"t", "d"})
      other.metadata->refuse_topic(exchange, "secret", access::write);
    input_builder input;
    input.publish(key == "direct" ? "d" : "t", key == "direct" ? "secret" : key, options);
    other.send(input);
    return other.closed_with();
  };
  const std::string refused = "403 ACCESS_REFUSED - topic 'secret' is not allowed (60,40)";
  BOOST_TEST(closed_after("open", {}) == "");
  BOOST_TEST(closed_after("secret", {}) == refused);
  BOOST_TEST(closed_after("direct", {}) == ""); // topic exchanges only
  BOOST_TEST(closed_after("open", with(&amqp::properties::headers, array_header("CC", "secret"))) == refused);
  BOOST_TEST(closed_after("open", with(&amqp::properties::headers, array_header("BCC", "secret"))) == refused);
  BOOST_TEST(closed_after("open", with(&amqp::properties::headers, array_header("CC", "more"))) == "");
}

BOOST_AUTO_TEST_CASE(a_route_by_headers_or_properties_is_never_remembered_for_other_messages) {
  metadata->add_exchange("h", exchange_type::headers);
  metadata->bind_by_header("h", "red", "a");
  const size_t before = metadata->lookups;
  amqp::field_table red;
  red.set("red", {true});
  input_builder input;
  input.publish("h", "").publish("h", "", with(&amqp::properties::headers, red)).publish("h", "");
  send(input);
  BOOST_TEST(metadata->lookups - before == 2u); // once for those without headers, once for the one that has some
  amqp::field_table any;
  any.set("any", {true});
  const size_t plain_before = metadata->lookups;
  for (int i = 0; i < 5; ++i) {
    input_builder plain;
    plain.publish("amq.direct", "k", with(&amqp::properties::headers, any));
    send(plain);
  }
  BOOST_TEST(metadata->lookups - plain_before == 1u); // no headers exchange on the way: headers cost nothing
}

BOOST_AUTO_TEST_SUITE_END()

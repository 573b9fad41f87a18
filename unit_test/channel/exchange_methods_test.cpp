// Class exchange and its refusals (features.md W15, W25, W26, W28, W35, W36, W42, W46).
#include <boost/test/unit_test.hpp>

#include "channel/harness.hpp"

namespace exchange_methods {
namespace {

using namespace broker;
using namespace broker::test;
namespace exchanges = amqp::exchange_class;

exchanges::declare declaring(const std::string& name, const std::string& type = "direct") {
  exchanges::declare wanted;
  wanted.exchange = name;
  wanted.type = type;
  return wanted;
}

/// A fresh channel's answer to `what`, with an exchange "x" (direct, durable) there.
std::string refusal(const amqp::method& what) {
  channel_harness harness;
  harness.metadata->add_exchange("x", exchange_type::direct);
  harness.send(what);
  return harness.closed_with();
}

} // namespace
} // namespace exchange_methods

BOOST_FIXTURE_TEST_SUITE(exchange_methods, channel_harness)

BOOST_AUTO_TEST_CASE(a_new_exchange_is_proposed_and_told) {
  auto wanted = declaring("x\n", "topic");
  wanted.durable = true;
  wanted.internal = true;
  wanted.arguments.set("alternate-exchange", {amqp::longstr{"amq.fanout"}});
  send(wanted);
  BOOST_REQUIRE(step.proposals.size() == 1u);
  const auto proposed = std::get<declare_exchange>(step.proposals[0]).exchange;
  BOOST_TEST(proposed.name == "x");
  BOOST_TEST((proposed.kind == exchange_type::topic));
  BOOST_TEST(proposed.internal);
  BOOST_TEST(proposed.alternate_exchange == "amq.fanout");
  commit();
  BOOST_TEST(reply<exchanges::declare_ok>().has_value());
}

BOOST_AUTO_TEST_CASE(an_equal_declaration_is_answered_at_once) {
  auto wanted = declaring("amq.direct");
  wanted.durable = true;
  wanted.arguments.set("whatever", {true});
  send(wanted);
  BOOST_TEST(step.proposals.empty());
  BOOST_TEST(reply<exchanges::declare_ok>().has_value());
}

BOOST_AUTO_TEST_CASE(an_inequivalent_declaration_is_refused_by_argument) {
  BOOST_TEST(
    refusal(declaring("x", "fanout"))
    == "406 PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'x' in vhost '/': received 'fanout' but "
       "current is 'direct' (40,10)");
  BOOST_TEST(refusal(declaring("x"))
             == "406 PRECONDITION_FAILED - inequivalent arg 'durable' for exchange 'x' in vhost '/': received 'false' "
                "but current is 'true' (40,10)");
  auto wanted = declaring("x");
  wanted.durable = true;
  wanted.auto_delete = true;
  BOOST_TEST(
    refusal(wanted)
    == "406 PRECONDITION_FAILED - inequivalent arg 'auto_delete' for exchange 'x' in vhost '/': received 'true' "
       "but current is 'false' (40,10)");
  wanted.auto_delete = false;
  wanted.internal = true;
  BOOST_TEST(
    refusal(wanted)
    == "406 PRECONDITION_FAILED - inequivalent arg 'internal' for exchange 'x' in vhost '/': received 'true' but "
       "current is 'false' (40,10)");
  wanted.internal = false;
  wanted.arguments.set("alternate-exchange", {amqp::longstr{"ae"}});
  BOOST_TEST(
    refusal(wanted)
    == "406 PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'x' in vhost '/': received "
       "the value 'ae' of type 'longstr' but current is none (40,10)");
}

BOOST_AUTO_TEST_CASE(unknown_types_reserved_names_and_arguments_are_refused) {
  BOOST_TEST(refusal(declaring("y", "teleport"))
             == "406 PRECONDITION_FAILED - unknown exchange type 'teleport' (40,10)");
  BOOST_TEST(refusal(declaring("amq.mine"))
             == "403 ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*' (40,10)");
  BOOST_TEST(refusal(declaring("")) == "403 ACCESS_REFUSED - operation not permitted on the default exchange (40,10)");
  auto unknown = declaring("y");
  unknown.arguments.set("x-delayed-type", {amqp::longstr{"direct"}});
  BOOST_TEST(refusal(unknown) == ""); // nobody's argument: ignored
  auto typed = declaring("y");
  typed.arguments.set("alternate-exchange", {int32_t{1}});
  BOOST_TEST(refusal(typed)
             == "406 PRECONDITION_FAILED - invalid type 'signedint' for arg 'alternate-exchange' in exchange 'y' in "
                "vhost '/' (40,10)");
}

BOOST_AUTO_TEST_CASE(passive_asks_only_whether_the_exchange_is_there) {
  auto passive = declaring("x", "");
  passive.passive = true;
  BOOST_TEST(refusal(passive) == "");
  passive.exchange = "none";
  BOOST_TEST(refusal(passive) == "404 NOT_FOUND - no exchange 'none' in vhost '/' (40,10)");
}

BOOST_AUTO_TEST_CASE(an_alternate_exchange_needs_read_here_and_write_there) {
  auto wanted = declaring("y");
  wanted.arguments.set("alternate-exchange", {amqp::longstr{"ae"}});
  metadata->refuse(resource_kind::exchange, "ae", access::write);
  send(wanted);
  BOOST_TEST(closed_with()
             == "403 ACCESS_REFUSED - write access to exchange 'ae' in vhost '/' refused for user 'guest' (40,10)");
}

BOOST_AUTO_TEST_CASE(deletion_is_proposed) {
  metadata->add_exchange("x", exchange_type::direct);
  send(exchanges::delete_{0, "x", true, false});
  BOOST_REQUIRE(step.proposals.size() == 1u);
  BOOST_TEST(std::get<delete_exchange>(step.proposals[0]).if_unused);
  refuse({406, "PRECONDITION_FAILED - exchange 'x' in vhost '/' in use"});
  BOOST_TEST(closed_with() == "406 PRECONDITION_FAILED - exchange 'x' in vhost '/' in use (40,20)");
}

BOOST_AUTO_TEST_CASE(the_servers_exchanges_stay) {
  BOOST_TEST(refusal(exchanges::delete_{0, "amq.direct", false, false})
             == "403 ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed (40,20)");
  BOOST_TEST(refusal(exchanges::delete_{0, "", false, false})
             == "403 ACCESS_REFUSED - operation not permitted on the default exchange (40,20)");
}

BOOST_AUTO_TEST_CASE(exchanges_are_bound_to_exchanges) {
  metadata->add_exchange("x", exchange_type::direct);
  send(exchanges::bind{0, "x", "amq.direct", "key", false, {}});
  BOOST_REQUIRE(step.proposals.size() == 1u);
  const auto binding = std::get<bind>(step.proposals[0]).binding;
  BOOST_TEST(binding.to_exchange);
  BOOST_TEST(binding.destination == "x");
  BOOST_TEST(binding.source == "amq.direct");
  commit();
  BOOST_TEST(reply<exchanges::bind_ok>().has_value());
  send(exchanges::unbind{0, "x", "amq.direct", "key", true, {}});
  commit();
  BOOST_TEST(replies().empty());
  BOOST_TEST(refusal(exchanges::bind{0, "", "x", "key", false, {}})
             == "403 ACCESS_REFUSED - operation not permitted on the default exchange (40,30)");
}

BOOST_AUTO_TEST_CASE(binding_to_a_topic_exchange_needs_the_right_to_read_the_topic) {
  metadata->add_queue("q");
  metadata->add_exchange("t", exchange_type::topic);
  metadata->refuse_topic("t", "secret.#", access::read);
  amqp::queue_class::bind wanted;
  wanted.queue = "q";
  wanted.exchange = "t";
  wanted.routing_key = "secret.#";
  send(wanted);
  BOOST_TEST(closed_with() == "403 ACCESS_REFUSED - topic 'secret.#' is not allowed (50,20)");
}

BOOST_AUTO_TEST_CASE(a_plug_ins_type_is_asked_about_exchanges_and_bindings) {
  auto wanted = declaring("hash", "x-consistent-hash");
  wanted.arguments.set("hash-property", {amqp::longstr{"app_id"}});
  BOOST_TEST(refusal(wanted) == "406 PRECONDITION_FAILED - Unsupported property: app_id (40,10)");
  wanted.arguments.set("hash-property", {amqp::longstr{"message_id"}});
  wanted.arguments.set("x-anything", {amqp::longstr{"is the type's own affair"}});
  send(wanted);
  BOOST_REQUIRE(step.proposals.size() == 1u);
  BOOST_TEST((std::get<declare_exchange>(step.proposals[0]).exchange.kind == exchange_type::plugin));
}

BOOST_AUTO_TEST_CASE(an_exchange_that_delays_says_where_its_hidden_queue_is_to_be) {
  auto wanted = declaring("later", "x-delayed-message");
  wanted.arguments.set("x-delayed-type", {amqp::longstr{"direct"}});
  send(wanted);
  BOOST_REQUIRE(step.proposals.size() == 1u);
  const auto& proposed = std::get<declare_exchange>(step.proposals[0]).exchange;
  BOOST_REQUIRE(proposed.delay_queue != nullptr);
  BOOST_TEST(proposed.delay_queue->node == default_settings().node);
}

BOOST_AUTO_TEST_SUITE_END()

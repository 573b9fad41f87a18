// Arguments of queue.declare and basic.consume (features.md W37, W48-W60, W62, Q03).
#include <boost/test/unit_test.hpp>

#include "model/queue_arguments.hpp"

namespace queue_arguments {
namespace {

using namespace broker;

amqp::field_value text(std::string value) {
  return {amqp::longstr{std::move(value)}};
}

/// What follows "invalid arg 'NAME' for queue 'q' in vhost '/'", or the whole text of another refusal.
std::string complaint(const amqp::field_table& arguments) {
  const auto checked = check_queue_arguments(arguments, "/", "q");
  if (checked)
    return {};
  BOOST_TEST(checked.error().code == 406);
  const std::string& whole = checked.error().text;
  const std::string middle = "' for queue 'q' in vhost '/'";
  const auto at = whole.find(middle);
  return at == whole.npos ? whole : whole.substr(at + middle.size());
}
std::string complaint(std::string_view name, amqp::field_value value, std::string_view type = "classic") {
  amqp::field_table arguments;
  arguments.set("x-queue-type", text(std::string{type}));
  arguments.set(name, std::move(value));
  return complaint(arguments);
}

} // namespace
} // namespace queue_arguments

BOOST_AUTO_TEST_SUITE(queue_arguments)

BOOST_AUTO_TEST_CASE(values_are_refused_in_rabbitmqs_words) {
  const amqp::field_value minus{int32_t{-1}};
  BOOST_TEST(complaint("x-expires", {int32_t{0}}) == ": {value_zero,0}");
  BOOST_TEST(complaint("x-expires", minus) == ": {value_negative,-1}");
  BOOST_TEST(complaint("x-expires", {int64_t{315'360'000'001}}) == ": {value_too_large,315360000001}");
  BOOST_TEST(complaint("x-expires", text("9")) == ": \"expected integer, got longstr\"");
  BOOST_TEST(complaint("x-message-ttl", {int64_t{315'360'000'001}}) == ": {value_too_large,315360000001}");
  BOOST_TEST(complaint("x-message-ttl", minus) == ": {value_negative,-1}");
  BOOST_TEST(complaint("x-max-length", minus) == ": {value_negative,-1}");
  BOOST_TEST(complaint("x-max-length-bytes", {true}) == ": \"expected integer, got bool\"");
  BOOST_TEST(complaint("x-max-priority", {int32_t{256}}) == ": {max_value_exceeded,256}");
  BOOST_TEST(complaint("x-overflow", text("spill")) == ": invalid_overflow");
  BOOST_TEST(complaint("x-overflow", minus) == ": {unacceptable_type,signedint}");
  BOOST_TEST(complaint("x-dead-letter-exchange", minus) == ": {unacceptable_type,signedint}");
  BOOST_TEST(complaint("x-dead-letter-routing-key", text("k")) == ": routing_key_but_no_dlx_defined");
  BOOST_TEST(complaint("x-dead-letter-strategy", text("odd"), "quorum") == ": invalid_dlx_strategy");
  BOOST_TEST(complaint("x-queue-mode", text("odd")) == ": \"unsupported queue mode 'odd'\"");
  BOOST_TEST(complaint("x-queue-version", {int32_t{3}}) == ": \"unsupported queue version '3'\"");
  BOOST_TEST(complaint("x-single-active-consumer", text("true")) == ": {unacceptable_type,longstr}");
  BOOST_TEST(complaint("x-quorum-initial-group-size", {int32_t{0}}, "quorum") == ": {value_zero,0}");
  BOOST_TEST(complaint("x-queue-leader-locator", text("odd"), "quorum") == ": invalid_queue_locator_arg");
  BOOST_TEST(complaint("x-delivery-limit", text("3"), "quorum") == ": \"expected integer, got longstr\"");
  BOOST_TEST(complaint("x-odd", text("whatever")) == "");
}

BOOST_AUTO_TEST_CASE(good_values_are_taken) {
  amqp::field_table arguments;
  arguments.set("x-message-ttl", {int32_t{0}});
  arguments.set("x-expires", {int64_t{315'360'000'000}});
  arguments.set("x-max-length", {uint8_t{0}});
  arguments.set("x-max-length-bytes", {int64_t{1} << 40});
  arguments.set("x-overflow", text("reject-publish-dlx"));
  arguments.set("x-dead-letter-exchange", text(""));
  arguments.set("x-dead-letter-routing-key", text("k"));
  arguments.set("x-single-active-consumer", {true});
  arguments.set("x-max-priority", {int32_t{255}});
  arguments.set("x-queue-mode", text("lazy"));
  arguments.set("x-queue-version", {int32_t{2}});
  BOOST_TEST(complaint(arguments) == "");
  const queue_options options = options_of_arguments(arguments);
  BOOST_TEST((options.message_ttl_ms == 0u && options.expires_ms == 315'360'000'000u && options.max_length == 0u));
  BOOST_TEST((options.max_length_bytes == uint64_t{1} << 40));
  BOOST_TEST((options.overflow == overflow_policy::reject_publish_dlx && options.dead_letter_exchange == ""));
  BOOST_TEST((options.dead_letter_routing_key == "k" && options.single_active_consumer));
  BOOST_TEST(options.max_priority == 255);
}

BOOST_AUTO_TEST_CASE(arguments_of_another_type_are_refused_by_name) {
  BOOST_TEST(complaint("x-max-priority", {int32_t{5}}, "quorum") == " of queue type rabbit_quorum_queue");
  BOOST_TEST(complaint("x-queue-mode", text("lazy"), "quorum") == " of queue type rabbit_quorum_queue");
  BOOST_TEST(complaint("x-delivery-limit", {int32_t{5}}) == " of queue type rabbit_classic_queue");
  BOOST_TEST(complaint("x-max-age", text("1D")) == " of queue type rabbit_classic_queue");
}

BOOST_AUTO_TEST_CASE(types_are_classic_and_quorum_and_nothing_else) {
  const auto refusal = [](amqp::field_value type) {
    amqp::field_table arguments;
    arguments.set("x-queue-type", std::move(type));
    const auto checked = check_queue_arguments(arguments, "/", "q");
    return checked ? std::string{} : checked.error().text;
  };
  BOOST_TEST(refusal(text("classic")) == "");
  BOOST_TEST(refusal(text("quorum")) == "");
  BOOST_TEST(refusal(text("heap"))
             == "PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue 'q' in vhost '/': \"unsupported queue type "
                "'heap'\"");
  BOOST_TEST(
    refusal({true})
    == "PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue 'q' in vhost '/': {unacceptable_type,bool}");
  BOOST_TEST(refusal(text("stream")).starts_with("NOT_IMPLEMENTED - streams are not supported"));
}

BOOST_AUTO_TEST_CASE(a_quorum_queue_is_durable_and_nobodys_own) {
  queue_record queue;
  queue.vhost = "/";
  queue.name = "q";
  queue.durable = true;
  queue.arguments.set("x-queue-type", text("quorum"));
  BOOST_TEST(check_queue_properties(queue).ok());
  const auto refusal = [&] { return check_queue_properties(queue).error().text; };
  queue.durable = false;
  BOOST_TEST(refusal() == "PRECONDITION_FAILED - invalid property 'non-durable' for queue 'q' in vhost '/'");
  queue.exclusive = true;
  BOOST_TEST(refusal() == "PRECONDITION_FAILED - invalid property 'exclusive-owner' for queue 'q' in vhost '/'");
  queue.auto_delete = true;
  BOOST_TEST(refusal() == "PRECONDITION_FAILED - invalid property 'auto-delete' for queue 'q' in vhost '/'");
}

BOOST_AUTO_TEST_CASE(the_vhosts_default_type_is_used_where_it_can_be) {
  const auto type = [](const amqp::field_table& given, std::string_view fallback, bool durable, bool exclusive) {
    const auto all = with_default_queue_type(given, fallback, durable, exclusive, false);
    const auto* found = all.find("x-queue-type");
    return found ? *found->as_string() : std::string{};
  };
  amqp::field_table said;
  said.set("x-queue-type", text("classic"));
  BOOST_TEST(type({}, "", true, false) == "");
  BOOST_TEST(type({}, "quorum", true, false) == "quorum");
  BOOST_TEST(type({}, "quorum", false, false) == "classic");
  BOOST_TEST(type({}, "quorum", true, true) == "classic");
  BOOST_TEST(type(said, "quorum", true, false) == "classic");
}

BOOST_AUTO_TEST_CASE(consumers_arguments_depend_on_the_type) {
  const auto refusal = [](std::string_view name, amqp::field_value value, queue_type type) {
    amqp::field_table arguments;
    arguments.set(name, std::move(value));
    const auto checked = check_consumer_arguments(arguments, type, "/", "q");
    return checked ? std::string{} : checked.error().text;
  };
  const std::string of = " for queue 'q' in vhost '/'";
  BOOST_TEST(refusal("x-priority", {int32_t{-3}}, queue_type::quorum) == "");
  BOOST_TEST(refusal("x-priority", text("high"), queue_type::classic)
             == "PRECONDITION_FAILED - invalid arg 'x-priority'" + of + ": \"expected integer, got longstr\"");
  BOOST_TEST(refusal("x-cancel-on-ha-failover", {true}, queue_type::classic) == "");
  BOOST_TEST(refusal("x-cancel-on-ha-failover", {true}, queue_type::quorum)
             == "PRECONDITION_FAILED - invalid arg 'x-cancel-on-ha-failover'" + of
                  + " of queue type rabbit_quorum_queue");
  BOOST_TEST(refusal("x-stream-offset", text("first"), queue_type::classic)
             == "PRECONDITION_FAILED - invalid arg 'x-stream-offset'" + of + " of queue type rabbit_classic_queue");
}

BOOST_AUTO_TEST_SUITE_END()

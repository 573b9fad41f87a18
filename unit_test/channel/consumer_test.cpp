// Consuming: tags, acks, prefetch, cancel, get, recover (features.md W17, W61-W65).
#include <boost/test/unit_test.hpp>

#include "channel/harness.hpp"

namespace consuming_messages {
namespace {

using namespace broker;
using namespace broker::test;
namespace basic = amqp::basic_class;

struct fixture : channel_harness {
  queue_id q = metadata->add_queue("q");

  void ack(delivery_tag tag, bool multiple = false) {
    input_builder input;
    input.ack(tag, multiple);
    send(input);
  }
  basic::consume consuming(const std::string& tag) {
    basic::consume wanted;
    wanted.queue = "q";
    wanted.consumer_tag = tag;
    return wanted;
  }
};

} // namespace
} // namespace consuming_messages

BOOST_FIXTURE_TEST_SUITE(consuming_messages, fixture)

BOOST_AUTO_TEST_CASE(delivery_tags_are_dense_over_all_consumers_of_a_channel) {
  const auto first = consume(q, "q", "c1");
  const auto second = consume(q, "q", "c2", true);
  deliver(first, 3, 1);
  deliver(second, 2, 4);
  deliver(first, 1, 6);
  BOOST_REQUIRE(step.out.size() == 3u);
  BOOST_TEST(step.out[0].first_tag == 1u);
  BOOST_TEST(step.out[1].first_tag == 4u);
  BOOST_TEST(step.out[2].first_tag == 6u);
  BOOST_TEST((step.out[2].what == outgoing::kind::deliver));
  BOOST_TEST((step.out[2].who == first));
  BOOST_TEST(channel.unacked() == 4u);
}

BOOST_AUTO_TEST_CASE(acks_reach_the_queue_as_ranges_of_sequence_numbers) {
  const auto who = consume(q, "q", "c");
  deliver(who, 10, 101);
  ack(4, true);
  const auto settled = take<settle_request>();
  BOOST_REQUIRE(settled.size() == 1u);
  BOOST_TEST(settled[0].first == q);
  BOOST_TEST((settled[0].second.what == settle_request::kind::ack));
  BOOST_TEST((settled[0].second.by == who));
  BOOST_TEST((settled[0].second.seqs == std::vector<seq_range>{{101, 105}}));
  BOOST_TEST(channel.unacked() == 6u);
}

BOOST_AUTO_TEST_CASE(tag_zero_with_multiple_settles_everything) {
  const auto who = consume(q, "q", "c");
  deliver(who, 3, 1);
  send(basic::nack{0, true, true});
  const auto settled = take<settle_request>();
  BOOST_REQUIRE(settled.size() == 1u);
  BOOST_TEST((settled[0].second.what == settle_request::kind::requeue));
  ack(0, true);
  BOOST_TEST(step.out.size() == 1u); // the deliveries; no error
}

BOOST_AUTO_TEST_CASE(reject_without_requeue_discards) {
  const auto who = consume(q, "q", "c");
  deliver(who, 2, 1);
  send(basic::reject{1, false});
  send(basic::reject{2, true});
  const auto settled = take<settle_request>();
  BOOST_REQUIRE(settled.size() == 2u);
  BOOST_TEST((settled[0].second.what == settle_request::kind::reject));
  BOOST_TEST((settled[1].second.what == settle_request::kind::requeue));
}

BOOST_AUTO_TEST_CASE(an_unknown_delivery_tag_closes_the_channel) {
  consume(q, "q", "c");
  ack(7);
  BOOST_TEST(closed_with() == "406 PRECONDITION_FAILED - unknown delivery tag 7 (60,80)");
  const auto left = take<channel_gone>();
  BOOST_REQUIRE(left.size() == 1u);
  BOOST_TEST(left[0].first == q);
}

BOOST_AUTO_TEST_CASE(an_ack_given_twice_closes_the_channel_after_the_first_has_counted) {
  const auto who = consume(q, "q", "c");
  deliver(who, 2, 1);
  ack(1);
  BOOST_TEST(take<settle_request>().size() == 1u);
  send(basic::nack{1, false, false});
  BOOST_TEST(closed_with() == "406 PRECONDITION_FAILED - unknown delivery tag 1 (60,120)");
}

BOOST_AUTO_TEST_CASE(a_generated_consumer_tag_is_told_and_used) {
  send(consuming(""));
  const auto asked = take<consume_request>();
  BOOST_REQUIRE(asked.size() == 1u);
  const auto& tag = asked[0].second.who->tag;
  BOOST_TEST(tag.starts_with("amq.ctag-"));
  BOOST_TEST(tag.size() == std::string("amq.ctag-").size() + 22);
  answer(consume_done{asked[0].second.who, true, {}});
  const auto ok = reply<basic::consume_ok>();
  BOOST_REQUIRE(ok.has_value());
  BOOST_TEST(ok->consumer_tag == tag);
  BOOST_TEST(channel.consumers() == 1u);
}

BOOST_AUTO_TEST_CASE(a_consumer_tag_used_twice_closes_the_connection) {
  consume(q, "q", "c");
  send(consuming("c"));
  BOOST_TEST(connection_closed_with() == "530 NOT_ALLOWED - attempt to reuse consumer tag 'c' (60,20)");
}

BOOST_AUTO_TEST_CASE(consuming_is_refused_as_the_queue_says) {
  send(consuming("c"));
  const auto who = take<consume_request>().front().second.who;
  answer(consume_done{who, false, {403, "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use"}});
  BOOST_TEST(closed_with() == "403 ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use (60,20)");
  BOOST_TEST(channel.consumers() == 0u);
}

BOOST_AUTO_TEST_CASE(consuming_needs_an_existing_readable_queue) {
  auto missing = consuming("c");
  missing.queue = "none";
  send(missing);
  BOOST_TEST(closed_with() == "404 NOT_FOUND - no queue 'none' in vhost '/' (60,20)");

  channel_harness other;
  other.metadata->add_queue("q");
  other.metadata->refuse(resource_kind::queue, "q", access::read);
  other.send(consuming("c"));
  BOOST_TEST(other.closed_with()
             == "403 ACCESS_REFUSED - read access to queue 'q' in vhost '/' refused for user 'guest' (60,20)");
}

BOOST_AUTO_TEST_CASE(a_queue_gone_before_it_answers_is_not_found) {
  send(consuming("c"));
  gone(q);
  BOOST_TEST(closed_with() == "404 NOT_FOUND - no queue 'q' in vhost '/' (60,20)");
}

BOOST_AUTO_TEST_CASE(consumer_arguments_are_honoured_or_refused_by_name) {
  auto wanted = consuming("c");
  wanted.arguments.set("x-priority", {int32_t{7}});
  wanted.arguments.set("harmless", {true});
  send(wanted);
  const auto who = take<consume_request>().front().second.who;
  BOOST_TEST(who->priority == 7);
  answer(consume_done{who, true, {}});
  BOOST_TEST(reply<basic::consume_ok>().has_value());

  auto text = consuming("d");
  text.arguments.set("x-priority", {amqp::longstr{"high"}});
  send(text);
  BOOST_TEST(closed_with()
             == "406 PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'q' in vhost '/': "
                "\"expected integer, got longstr\" (60,20)");

  channel_harness other;
  other.metadata->add_queue("q");
  auto unknown = consuming("e");
  unknown.arguments.set("x-stream-offset", {amqp::longstr{"first"}});
  other.send(unknown);
  BOOST_TEST(other.closed_with()
             == "406 PRECONDITION_FAILED - invalid arg 'x-stream-offset' for queue 'q' in vhost '/' "
                "of queue type rabbit_classic_queue (60,20)");
}

BOOST_AUTO_TEST_CASE(cancel_waits_for_the_queue_so_that_deliveries_come_before_cancel_ok) {
  const auto who = consume(q, "q", "c");
  send(basic::cancel{"c", false});
  BOOST_TEST(take<cancel_request>().size() == 1u);
  BOOST_TEST(step.out.empty());
  deliver(who, 1, 1);
  answer(cancel_done{who});
  BOOST_REQUIRE(step.out.size() == 2u);
  BOOST_TEST((step.out[0].what == outgoing::kind::deliver));
  step.out.erase(step.out.begin());
  BOOST_TEST(reply<basic::cancel_ok>()->consumer_tag == "c");
  BOOST_TEST(channel.consumers() == 0u);
  ack(1);
  BOOST_TEST(take<settle_request>().size() == 1u);
}

BOOST_AUTO_TEST_CASE(cancelling_an_unknown_consumer_is_fine) {
  send(basic::cancel{"nobody", false});
  BOOST_TEST(reply<basic::cancel_ok>()->consumer_tag == "nobody");
}

BOOST_AUTO_TEST_CASE(the_server_cancels_consumers_of_a_deleted_queue) {
  const auto who = consume(q, "q", "c");
  answer(consumer_cancelled{who});
  const auto cancel = reply<basic::cancel>();
  BOOST_REQUIRE(cancel.has_value());
  BOOST_TEST(cancel->consumer_tag == "c");
  BOOST_TEST(cancel->no_wait);
  BOOST_TEST(channel.consumers() == 0u);
}

BOOST_AUTO_TEST_CASE(a_client_that_cannot_be_cancelled_is_not_told) {
  auto settings = default_settings();
  settings.consumer_cancel_notify = false;
  channel_harness other{settings};
  const auto id = other.metadata->add_queue("q");
  other.consume(id, "q", "c");
  other.gone(id);
  BOOST_TEST(other.replies().empty());
  BOOST_TEST(other.channel.consumers() == 0u);
}

BOOST_AUTO_TEST_CASE(a_cancel_that_crosses_the_deletion_gets_its_ok) {
  const auto who = consume(q, "q", "c");
  send(basic::cancel{"c", false});
  answer(consumer_cancelled{who});
  BOOST_TEST(reply<basic::cancel_ok>().has_value());
  answer(cancel_done{who});
  BOOST_TEST(step.out.empty());
}

BOOST_AUTO_TEST_CASE(get_gives_a_message_with_its_tag) {
  send(basic::get{0, "q", false});
  BOOST_TEST(take<get_request>().size() == 1u);
  answer(got{q, {some_messages(1, "x", "key"), {0, 1}, 9}, true, false, 4});
  const auto ok = reply<basic::get_ok>();
  BOOST_REQUIRE(ok.has_value());
  BOOST_TEST(ok->delivery_tag == 1u);
  BOOST_TEST(ok->redelivered);
  BOOST_TEST(ok->exchange == "x");
  BOOST_TEST(ok->routing_key == "key");
  BOOST_TEST(ok->message_count == 4u);
  ack(1);
  const auto settled = take<settle_request>();
  BOOST_REQUIRE(settled.size() == 1u);
  BOOST_TEST((settled[0].second.by == nullptr));
  BOOST_TEST((settled[0].second.seqs == std::vector<seq_range>{{9, 10}}));
}

BOOST_AUTO_TEST_CASE(get_from_an_empty_queue_is_get_empty) {
  send(basic::get{0, "q", true});
  answer(got{q, {}, false, true, 0});
  BOOST_TEST(reply<basic::get_empty>().has_value());
}

BOOST_AUTO_TEST_CASE(what_was_fetched_without_ack_cannot_be_acked) {
  send(basic::get{0, "q", true});
  answer(got{q, {some_messages(1), {0, 1}, 1}, false, true, 0});
  step.out.clear();
  ack(1);
  BOOST_TEST(closed_with() == "406 PRECONDITION_FAILED - unknown delivery tag 1 (60,80)");
}

BOOST_AUTO_TEST_CASE(qos_counts_for_consumers_begun_later) {
  const auto before = consume(q, "q", "before");
  send(basic::qos{0, 5, false});
  BOOST_TEST(reply<basic::qos_ok>().has_value());
  const auto after = consume(q, "q", "after");
  BOOST_TEST(before->prefetch == 0);
  BOOST_TEST(after->prefetch == 5);
  send(basic::qos{0, 7, true});
  BOOST_TEST(channel.prefetch() == 5u);
  BOOST_TEST(channel.global_prefetch() == 7u);
}

BOOST_AUTO_TEST_CASE(qos_wakes_consumers_only_when_the_channels_window_changes) {
  consume(q, "q", "c");
  send(basic::qos{0, 5, false});
  BOOST_TEST(take<consumer_ready>().empty());
  send(basic::qos{0, 5, true});
  BOOST_TEST(take<consumer_ready>().size() == 1u);
  send(basic::qos{0, 5, true});
  BOOST_TEST(take<consumer_ready>().empty());
  send(basic::qos{0, 3, false}); // lifts it
  BOOST_TEST(take<consumer_ready>().size() == 1u);
}

BOOST_AUTO_TEST_CASE(prefetch_size_is_not_implemented) {
  send(basic::qos{1, 0, false});
  BOOST_TEST(connection_closed_with() == "540 NOT_IMPLEMENTED - prefetch_size!=0 (1) (60,10)");
}

BOOST_AUTO_TEST_CASE(a_global_prefetch_is_shared_and_its_room_is_announced) {
  const queue_id other = metadata->add_queue("other");
  const auto first = consume(q, "q", "c1");
  const auto second = consume(other, "other", "c2");
  const auto careless = consume(q, "q", "c3", true);
  BOOST_TEST((first->window == second->window));
  BOOST_TEST(!careless->window);
  send(basic::qos{0, 2, true});
  BOOST_TEST(first->window->limit.load() == 2u);
  step = {};
  deliver(first, 2, 1);
  ack(1);
  BOOST_TEST(first->window->unacked.load() == 1);
  const auto ready = take<consumer_ready>();
  BOOST_REQUIRE(ready.size() == 2u);
  BOOST_TEST((ready[0].second.who == first));
  BOOST_TEST(ready[1].first == other);
  ack(2);
  BOOST_TEST(take<consumer_ready>().empty());
  BOOST_TEST(first->window->unacked.load() == 0);
}

BOOST_AUTO_TEST_CASE(fetched_messages_do_not_count_in_the_window) {
  const auto who = consume(q, "q", "c");
  send(basic::get{0, "q", false});
  answer(got{q, {some_messages(1), {0, 1}, 1}, false, false, 0});
  deliver(who, 1, 2);
  ack(2, true);
  BOOST_TEST(who->window->unacked.load() == 0);
}

BOOST_AUTO_TEST_CASE(recover_requeues_everything_unacked) {
  const auto who = consume(q, "q", "c");
  deliver(who, 3, 1);
  step = {};
  send(basic::recover{true});
  BOOST_TEST(reply<basic::recover_ok>().has_value());
  const auto settled = take<settle_request>();
  BOOST_REQUIRE(settled.size() == 1u);
  BOOST_TEST((settled[0].second.what == settle_request::kind::requeue));
  BOOST_TEST(channel.unacked() == 0u);
  send(basic::recover_async{true});
  BOOST_TEST(replies().empty());
}

BOOST_AUTO_TEST_CASE(recover_without_requeue_is_not_implemented) {
  send(basic::recover{false});
  BOOST_TEST(connection_closed_with() == "540 NOT_IMPLEMENTED - requeue=false (60,110)");
  channel_harness other;
  other.send(basic::recover_async{false});
  BOOST_TEST(other.connection_closed_with() == "540 NOT_IMPLEMENTED - requeue=false (60,100)");
}

BOOST_AUTO_TEST_SUITE_END()

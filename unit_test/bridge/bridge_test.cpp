// What a bridge promises while the session between the nodes lives.
#include <boost/test/unit_test.hpp>

#include "bridge/two_nodes.hpp"

using namespace bridge_test;

namespace bridge {
namespace {

/// Channels on a, queue 1 on b.
struct fixture : two_nodes {
  fixture() { b.add_queue(1); }

  std::vector<uint64_t> numbers(const channel_ref& of) {
    std::vector<uint64_t> all;
    for (const delivered& each : a.take<delivered>(of))
      for (uint32_t i = each.run.where.lo; i < each.run.where.hi; ++i)
        all.push_back(number_of(each.run.batch->messages[i]));
    return all;
  }
  static std::vector<uint64_t> range(uint64_t first, uint64_t end) {
    std::vector<uint64_t> all;
    for (; first < end; ++first)
      all.push_back(first);
    return all;
  }
};

struct counting_sink final : credit_sink {
  void credit(size_t bytes) noexcept override { credited += bytes; }
  size_t credited = 0;
};

size_t frame_bytes_of(node_side& from) {
  size_t bytes = 0;
  for (const std::string& each : from.wire)
    bytes += each.size();
  return bytes;
}

} // namespace
} // namespace bridge

BOOST_FIXTURE_TEST_SUITE(bridge, fixture)

BOOST_AUTO_TEST_CASE(a_publish_arrives_in_order_and_is_confirmed) {
  const channel_ref channel = a.channel();
  a.publish(channel, 1, numbered(1, 3), 1);
  a.publish(channel, 1, numbered(4, 2, true), 4);
  run();
  BOOST_CHECK_EQUAL(b.queue(1).messages_ready(), 5u);
  const auto confirms = a.take<confirmed>(channel);
  uint64_t sum = 0;
  for (const confirmed& each : confirms) {
    BOOST_CHECK(!each.rejected && each.queue == 1);
    sum += each.numbers.size();
  }
  BOOST_CHECK_EQUAL(sum, 5u);
  a.consume(channel, 1, true);
  run();
  BOOST_CHECK(numbers(channel) == range(1, 6));
}

BOOST_AUTO_TEST_CASE(credit_comes_back_when_the_queue_gives_it) {
  b.remove_queue(1);
  b.add_queue(1, 1000); // withholds credit above 1,000 ready bytes while a consumer is behind
  auto sink = make_ref<counting_sink>();
  const channel_ref channel = a.channel();
  b.reads = a.reads = false;
  const consumer_ref who = a.consume(channel, 1, true);
  run();
  const batch_ref small = numbered(1, 1);
  small->credit_to = sink;
  a.publish(channel, 1, small);
  BOOST_CHECK_EQUAL(sink->credited, 0u); // not before the other node has it
  run();
  BOOST_CHECK_EQUAL(sink->credited, small->bytes);
  BOOST_CHECK_EQUAL(a.bridge->unreleased_publishes(), 0u);
  // Fill what the consumer may have under way; what is behind it waits in the queue, and so does its credit.
  for (int i = 0; i < 3; ++i)
    a.publish(channel, 1, numbered(2, 1, false, 600 * 1024));
  run();
  const batch_ref late = numbered(9, 1, false, 2000);
  late->credit_to = sink;
  a.publish(channel, 1, late);
  run();
  BOOST_CHECK_EQUAL(sink->credited, small->bytes);
  BOOST_CHECK(a.bridge->unreleased_publishes() > 0);
  a.write_all(who);
  run();
  BOOST_CHECK_EQUAL(sink->credited, small->bytes + late->bytes);
  BOOST_CHECK_EQUAL(a.bridge->unreleased_publishes(), 0u);
}

BOOST_AUTO_TEST_CASE(a_batch_for_several_queues_there_is_sent_once) {
  b.add_queue(2);
  b.add_queue(3);
  auto sink = make_ref<counting_sink>();
  const channel_ref channel = a.channel();
  const batch_ref batch = numbered(1, 1, false, 10'000);
  batch->credit_to = sink;
  batch->first_confirm = 5;
  batch->hold(3);
  for (const queue_id queue : {1, 2, 3})
    a.send(queue, publish_request{batch, {{0, 1}}, channel, true});
  pump(a);
  BOOST_CHECK_LT(frame_bytes_of(a), 11'000u);
  run();
  for (const queue_id queue : {1, 2, 3})
    BOOST_CHECK_EQUAL(b.queue(queue).messages_ready(), 1u);
  BOOST_CHECK_EQUAL(a.take<confirmed>(channel).size(), 3u);
  BOOST_CHECK_EQUAL(sink->credited, batch->bytes);
  BOOST_CHECK_EQUAL(a.bridge->unreleased_publishes(), 0u);
}

BOOST_AUTO_TEST_CASE(parts_of_a_batch_that_lie_far_apart_keep_their_numbers) {
  const channel_ref channel = a.channel();
  auto sink = make_ref<counting_sink>();
  const batch_ref batch = numbered(0, 200);
  batch->credit_to = sink;
  batch->first_confirm = 1;
  batch->hold();
  a.send(1, publish_request{batch, {{0, 1}, {3, 5}, {100, 101}, {199, 200}}, channel, true});
  run();
  std::vector<uint64_t> told;
  for (const confirmed& each : a.take<confirmed>(channel))
    for (uint64_t number = each.numbers.first; number < each.numbers.last; ++number)
      told.push_back(number);
  BOOST_CHECK((told == std::vector<uint64_t>{1, 4, 5, 101, 200}));
  BOOST_CHECK_EQUAL(sink->credited, batch->bytes);
  a.consume(channel, 1, true);
  run();
  BOOST_CHECK((numbers(channel) == std::vector<uint64_t>{0, 3, 4, 100, 199}));
}

BOOST_AUTO_TEST_CASE(settlements_reach_what_was_delivered) {
  const channel_ref channel = a.channel();
  const consumer_ref who = a.consume(channel, 1, false, 3);
  run();
  BOOST_REQUIRE(a.take<consume_done>(channel).size() == 1);
  a.publish(channel, 1, numbered(1, 6));
  run();
  BOOST_CHECK(numbers(channel) == range(1, 4)); // its own prefetch
  a.settle(settle_request::kind::ack, who, 1, 3);
  run();
  BOOST_CHECK(numbers(channel) == range(4, 6));
  a.settle(settle_request::kind::requeue, who, 3, 4);
  run();
  const auto again = a.take<delivered>(channel);
  BOOST_REQUIRE_EQUAL(again.size(), 1u);
  BOOST_CHECK(again[0].redelivered && number_of(again[0].run.batch->messages[again[0].run.where.lo]) == 3);
  BOOST_CHECK_EQUAL(b.queue(1).messages_unacked(), 3u);
}

BOOST_AUTO_TEST_CASE(get_purge_status_and_delete_are_answered) {
  const channel_ref channel = a.channel();
  a.publish(channel, 1, numbered(1, 4));
  a.send(1, get_request{channel, false});
  run();
  const auto gotten = a.take<got>(channel);
  BOOST_REQUIRE_EQUAL(gotten.size(), 1u);
  BOOST_CHECK(gotten[0].messages_left == 3 && number_of(gotten[0].run.batch->messages[0]) == 1);
  a.send(1, settle_request{settle_request::kind::ack, channel, nullptr, {{1, 2}}});
  a.send(1, status_request{channel});
  run();
  BOOST_CHECK_EQUAL(a.take<queue_status>(channel).at(0).messages_ready, 3u);
  BOOST_CHECK_EQUAL(b.queue(1).messages_unacked(), 0u);
  a.send(1, delete_request{channel, false, true});
  run();
  const auto refused = a.take<delete_checked>(channel);
  BOOST_REQUIRE(!refused.at(0).ok);
  BOOST_CHECK_EQUAL(refused[0].why.text, "PRECONDITION_FAILED - queue 'q1' in vhost '/' not empty");
  a.send(1, purge_request{channel});
  a.send(1, get_request{channel, true});
  a.send(1, delete_request{channel, true, true});
  run();
  BOOST_CHECK_EQUAL(a.take<purged>(channel).at(0).messages, 3u);
  BOOST_CHECK(!a.take<got>(channel).at(0).run.batch);
  BOOST_CHECK(a.take<delete_checked>(channel).at(0).ok);
  a.send(1, get_request{channel, true});
  run();
  BOOST_CHECK_EQUAL(a.take<queue_missing>(channel).size(), 1u);
}

BOOST_AUTO_TEST_CASE(a_refused_consumer_leaves_nothing_behind) {
  const channel_ref first = a.channel();
  auto exclusive = make_ref<consumer>();
  exclusive->channel = first;
  exclusive->queue = 1;
  exclusive->exclusive = true;
  a.send(1, consume_request{exclusive});
  const channel_ref second = a.channel();
  a.consume(second, 1);
  run();
  const auto done = a.take<consume_done>(second);
  BOOST_REQUIRE(!done.at(0).ok);
  BOOST_CHECK_EQUAL(done[0].why.code, 403);
  BOOST_CHECK_EQUAL(a.bridge->consumers(), 1u);
  BOOST_CHECK_EQUAL(b.bridge->twin_consumers(), 1u);
}

BOOST_AUTO_TEST_CASE(a_cancelled_consumer_settles_what_it_has_and_is_forgotten_with_the_last) {
  const channel_ref channel = a.channel();
  const consumer_ref who = a.consume(channel, 1);
  a.publish(channel, 1, numbered(1, 2));
  run();
  a.send(1, cancel_request{who});
  run();
  BOOST_CHECK_EQUAL(a.take<cancel_done>(channel).size(), 1u);
  BOOST_CHECK_EQUAL(b.bridge->twin_consumers(), 1u);
  a.settle(settle_request::kind::ack, who, 1, 3);
  run();
  BOOST_CHECK_EQUAL(b.queue(1).messages_unacked(), 0u);
  BOOST_CHECK_EQUAL(b.bridge->twin_consumers(), 0u);
  BOOST_CHECK_EQUAL(a.bridge->consumers(), 0u);
}

BOOST_AUTO_TEST_CASE(a_channel_that_goes_gives_back_what_it_held) {
  const channel_ref channel = a.channel();
  a.consume(channel, 1);
  a.publish(channel, 1, numbered(1, 2));
  run();
  BOOST_CHECK_EQUAL(b.queue(1).messages_unacked(), 2u);
  a.send(1, channel_gone{channel});
  a.bridge->channel_ended(channel->id);
  run();
  BOOST_CHECK_EQUAL(b.queue(1).messages_ready(), 2u);
  BOOST_CHECK_EQUAL(b.queue(1).consumers(), 0u);
  BOOST_CHECK_EQUAL(a.bridge->channels(), 0u);
  BOOST_CHECK_EQUAL(b.bridge->twin_channels(), 0u);
  BOOST_CHECK_EQUAL(b.bridge->twin_consumers(), 0u);
}

BOOST_AUTO_TEST_CASE(a_channel_that_only_publishes_is_forgotten_when_it_ends) {
  const channel_ref channel = a.channel();
  a.publish(channel, 1, numbered(1, 2), 1);
  run();
  BOOST_CHECK_EQUAL(b.bridge->twin_channels(), 1u);
  a.bridge->channel_ended(channel->id);
  run();
  BOOST_CHECK_EQUAL(b.bridge->twin_channels(), 0u);
}

BOOST_AUTO_TEST_CASE(a_client_that_does_not_read_bounds_what_is_under_way) {
  a.reads = false;
  const channel_ref channel = a.channel();
  const consumer_ref who = a.consume(channel, 1, true);
  constexpr size_t each = 100 * 1024;
  for (uint64_t i = 0; i < 40; ++i)
    a.publish(channel, 1, numbered(i, 1, false, each));
  run();
  BOOST_CHECK_LE(who->unwritten_bytes.load(), static_cast<int64_t>(limits::consumer_flow_bytes + 2 * each));
  BOOST_CHECK_GT(who->unwritten_bytes.load(), static_cast<int64_t>(limits::consumer_flow_bytes / 2));
  size_t arrived = 0;
  for (int rounds = 0; arrived < 40 && rounds < 100; ++rounds) {
    arrived += numbers(channel).size();
    a.write_all(who);
    run();
  }
  BOOST_CHECK_EQUAL(arrived, 40u);
}

BOOST_AUTO_TEST_CASE(requests_for_a_queue_that_is_not_known_there_yet_wait_for_it) {
  b.coming.insert(2);
  const channel_ref channel = a.channel();
  a.publish(channel, 2, numbered(1, 2), 1);
  a.consume(channel, 2, true);
  a.publish(channel, 2, numbered(3, 1), 3);
  run();
  BOOST_CHECK(a.events[channel->id].empty());
  BOOST_CHECK_EQUAL(a.bridge->unreleased_publishes(), 2u);
  b.add_queue(2);
  bridge_step step;
  b.bridge->queues_changed(step);
  b.carry_out(std::move(step));
  run();
  BOOST_CHECK(numbers(channel) == range(1, 4));
  BOOST_CHECK_EQUAL(a.bridge->unreleased_publishes(), 0u);
}

BOOST_AUTO_TEST_CASE(a_queue_that_is_gone_there_is_gone_for_the_channel) {
  const channel_ref channel = a.channel();
  const consumer_ref who = a.consume(channel, 9);
  a.publish(channel, 9, numbered(1, 1), 1);
  a.send(9, settle_request{settle_request::kind::ack, channel, who, {{1, 2}}});
  run();
  BOOST_CHECK(!a.vanished[channel->id].empty());
  BOOST_CHECK_EQUAL(a.bridge->consumers(), 0u);
  BOOST_CHECK_EQUAL(b.bridge->twin_consumers(), 0u);
  BOOST_CHECK_EQUAL(a.bridge->unreleased_publishes(), 0u);
  BOOST_CHECK(b.broken.empty() && a.broken.empty());
}

BOOST_AUTO_TEST_CASE(a_deleted_queue_cancels_its_consumers) {
  const channel_ref channel = a.channel();
  a.consume(channel, 1);
  run();
  queue_step step;
  b.queue(1).deleted(step);
  for (auto& [to, all] : step.events)
    b.bridge->events(to->id, std::move(all));
  run();
  BOOST_CHECK_EQUAL(a.take<consumer_cancelled>(channel).size(), 1u);
  BOOST_CHECK_EQUAL(a.bridge->consumers(), 0u);
  BOOST_CHECK_EQUAL(b.bridge->twin_consumers(), 0u);
}

BOOST_AUTO_TEST_CASE(direct_replies_reach_the_channel_they_name_and_are_dropped_when_too_many_wait) {
  const batch_ref batch = numbered(5, 1, false, 1'000'000);
  a.bridge->reply({0, 77, "amq.rabbitmq.reply-to.1.77.secret", batch, {0, 1}});
  run();
  BOOST_REQUIRE_EQUAL(b.replies.size(), 1u);
  BOOST_CHECK_EQUAL(b.replies[0].to, 77u);
  BOOST_CHECK_EQUAL(b.replies[0].address, "amq.rabbitmq.reply-to.1.77.secret");
  BOOST_CHECK_EQUAL(number_of(b.replies[0].batch->messages[0]), 5u);
  for (int i = 0; i < 50; ++i)
    a.bridge->reply({0, 77, "x", batch, {0, 1}});
  BOOST_CHECK_LE(a.bridge->waiting_records(), 18u);
  run();
  a.bridge->reply({0, 77, "x", batch, {0, 1}});
  BOOST_CHECK_EQUAL(a.bridge->waiting_records(), 1u);
}

BOOST_AUTO_TEST_CASE(operators_see_the_other_nodes_queue_or_that_it_does_not_answer) {
  const channel_ref channel = a.channel();
  a.publish(channel, 1, numbered(1, 3));
  bridge_step step;
  a.bridge->ask_report(21, 1, false, now_ms, step);
  a.bridge->ask_report(22, 9, false, now_ms, step);
  a.carry_out(std::move(step));
  run();
  BOOST_REQUIRE_EQUAL(a.reports.size(), 2u);
  BOOST_CHECK_EQUAL(a.reports[0].key, 21u);
  BOOST_CHECK_EQUAL(a.reports[0].queue->ready, 3u);
  BOOST_CHECK(!a.reports[1].queue);
  window = 0; // the connection is broken
  bridge_step late;
  a.bridge->ask_report(23, 1, false, now_ms, late);
  a.carry_out(std::move(late));
  pass(1'990);
  BOOST_CHECK(a.unanswered.empty());
  pass(20);
  BOOST_CHECK(a.unanswered == std::vector<uint64_t>{23});
  window = SIZE_MAX;
  run();
  BOOST_CHECK_EQUAL(a.reports.size(), 2u); // too late
  BOOST_CHECK(a.broken.empty());
}

BOOST_AUTO_TEST_SUITE_END()

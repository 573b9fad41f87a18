// Replicated queues across two nodes: requests name the master they are for, and go to no other (features.md Q11).
#include <boost/test/unit_test.hpp>

#include "bridge/two_nodes.hpp"

using namespace bridge_test;

namespace bridge_moves {
namespace {

const replication::channel_id own{1, 10, 7};

struct counting_sink final : credit_sink {
  void credit(size_t) noexcept override { ++times; }
  int times = 0;
};

/// Channels on a; queue 1 on b, mastership 5.
struct fixture : two_nodes {
  fixture() {
    b.add_queue(1);
    b.moves[1] = {5, true};
  }

  void publish(const batch_ref& batch, std::vector<slice> slices, uint64_t prev, epoch mastership = 5) {
    batch->hold();
    a.send(1, publish_request{batch, std::move(slices), channel, true, {own, prev}}, mastership);
  }
  consumer_ref consume(epoch mastership = 5) {
    auto who = make_ref<consumer>();
    who->tag = "c";
    who->channel = channel;
    who->queue = 1;
    a.send(1, consume_request{who}, mastership);
    return who;
  }
  template<class T>
  std::vector<std::pair<T, epoch>> seen() {
    std::vector<std::pair<T, epoch>> all;
    for (auto& each : std::exchange(b.seen, {}))
      if (auto* one = std::get_if<T>(&each.request))
        all.emplace_back(*one, each.mastership);
    return all;
  }
  void learn(epoch mastership, bool here) {
    b.moves[1] = {mastership, here};
    bridge_step step;
    b.bridge->queues_changed(step);
    b.carry_out(std::move(step));
    run();
  }
  /// What the queue's master says to the channel.
  void say(queue_event what, epoch from) {
    std::vector<queue_event> all;
    all.push_back(std::move(what));
    b.bridge->events(*b.twins.begin(), std::move(all), from);
    run();
  }

  channel_ref channel = a.channel();
};

batch_ref tracked(uint32_t count, const ref<counting_sink>& sink, confirm_number first = 1) {
  const batch_ref batch = numbered(first, count);
  batch->credit_to = sink;
  batch->first_confirm = first;
  return batch;
}

} // namespace
} // namespace bridge_moves

BOOST_FIXTURE_TEST_SUITE(bridge_moves, fixture)

BOOST_AUTO_TEST_CASE(requests_arrive_with_their_mastership_and_publishes_with_what_came_before) {
  publish(tracked(3, nullptr, 41), {{0, 3}}, 17);
  const consumer_ref who = consume();
  a.send(1, get_request{channel, false}, 5);
  a.send(1, channel_gone{channel, own});
  run();
  BOOST_REQUIRE_EQUAL(b.seen.size(), 4u);
  const auto& first = std::get<publish_request>(b.seen[0].request);
  BOOST_CHECK(first.from.channel == own && first.from.prev == 17 && first.batch->first_confirm == 41);
  BOOST_CHECK(b.seen[0].mastership == 5 && b.seen[1].mastership == 5 && b.seen[2].mastership == 5);
  const auto& gone = std::get<channel_gone>(b.seen[3].request);
  BOOST_CHECK(b.seen[3].mastership == 0 && gone.publisher == own);
}

BOOST_AUTO_TEST_CASE(parts_that_travel_apart_come_one_after_the_other) {
  publish(tracked(200, nullptr), {{0, 1}, {3, 5}, {100, 101}, {199, 200}}, 0);
  run();
  const auto parts = seen<publish_request>();
  BOOST_REQUIRE_EQUAL(parts.size(), 3u);
  uint64_t last = 0;
  for (const auto& [part, mastership] : parts) {
    BOOST_CHECK_EQUAL(part.from.prev, last);
    last = part.batch->first_confirm + part.slices.back().hi - 1;
  }
  BOOST_CHECK_EQUAL(last, 200u);
}

BOOST_AUTO_TEST_CASE(a_queue_that_is_not_replicated_shares_a_record_with_one_that_is) {
  b.add_queue(2);
  auto sink = make_ref<counting_sink>();
  const batch_ref batch = tracked(2, sink);
  batch->hold(2);
  a.send(2, publish_request{batch, {{0, 2}}, channel, true, {}});
  a.send(1, publish_request{batch, {{0, 2}}, channel, true, {own, 0}}, 5);
  BOOST_CHECK_EQUAL(a.bridge->waiting_records(), 1u);
  run();
  const auto both = seen<publish_request>();
  BOOST_REQUIRE_EQUAL(both.size(), 2u);
  BOOST_CHECK(both[0].first.from.channel.none() && both[0].second == 0);
  BOOST_CHECK(both[1].first.from.channel == own && both[1].second == 5);
  BOOST_CHECK_EQUAL(sink->times, 1);
}

BOOST_AUTO_TEST_CASE(requests_for_a_master_that_is_to_come_wait_for_it) {
  auto sink = make_ref<counting_sink>();
  publish(tracked(2, sink), {{0, 2}}, 0, 6);
  consume(6);
  run();
  BOOST_CHECK(b.seen.empty());
  BOOST_CHECK_EQUAL(sink->times, 0);
  learn(6, true);
  BOOST_REQUIRE_EQUAL(b.seen.size(), 2u);
  BOOST_CHECK(b.seen[0].mastership == 6 && b.seen[1].mastership == 6);
  BOOST_CHECK_EQUAL(sink->times, 1);
}

BOOST_AUTO_TEST_CASE(of_requests_for_a_master_that_was_only_questions_are_answered) {
  auto sink = make_ref<counting_sink>();
  for (const bool here : {true, false}) {
    learn(7, here);
    publish(tracked(2, sink), {{0, 2}}, 0, 6);
    a.send(1, get_request{channel, false}, 6);
    a.send(1, status_request{channel}, 6);
    run();
    BOOST_CHECK(b.seen.empty());
    BOOST_CHECK_EQUAL(std::exchange(sink->times, 0), 1);
    const auto told = a.take<queue_missing>(channel);
    BOOST_CHECK(told.size() == 2 && told[0].moved && told[1].moved);
    BOOST_CHECK(a.events[channel->id].empty() && a.lost[channel->id].empty() && a.vanished[channel->id].empty());
    BOOST_CHECK_EQUAL(a.bridge->unreleased_publishes(), 0u);
  }
}

BOOST_AUTO_TEST_CASE(what_waited_for_a_master_elsewhere_is_dropped) {
  auto sink = make_ref<counting_sink>();
  publish(tracked(2, sink), {{0, 2}}, 0, 6);
  run();
  learn(6, false); // never from bridge to bridge
  BOOST_CHECK(b.seen.empty());
  BOOST_CHECK_EQUAL(sink->times, 1);
}

BOOST_AUTO_TEST_CASE(a_consumer_that_comes_too_late_leaves_nothing_behind) {
  b.moves[1] = {6, true};
  consume(5);
  run();
  BOOST_CHECK(b.seen.empty());
  const auto cancelled = a.take<consumer_cancelled>(channel);
  BOOST_REQUIRE_EQUAL(cancelled.size(), 1u);
  BOOST_CHECK(cancelled[0].moved);
  BOOST_CHECK_EQUAL(a.bridge->consumers(), 0u);
  BOOST_CHECK_EQUAL(b.bridge->twin_consumers(), 0u);
}

BOOST_AUTO_TEST_CASE(whoever_does_not_know_that_a_queue_moves_hears_that_it_is_out_of_reach) {
  learn(6, false);
  auto sink = make_ref<counting_sink>();
  const batch_ref batch = tracked(1, sink);
  a.publish(channel, 1, batch, 1);
  consume(0);
  run();
  BOOST_CHECK(b.seen.empty());
  BOOST_CHECK_EQUAL(sink->times, 1);
  BOOST_CHECK(!a.lost[channel->id].empty());
  BOOST_CHECK(a.vanished[channel->id].empty()); // that would count as confirmed
  BOOST_CHECK_EQUAL(a.bridge->consumers(), 0u);
}

BOOST_AUTO_TEST_CASE(channels_hear_that_a_master_is_out_of_reach_and_when_it_is_back) {
  b.add_queue(2);
  publish(tracked(1, nullptr), {{0, 1}}, 0);
  a.publish(channel, 2, numbered(1, 1), 1);
  const channel_ref gone = a.channel();
  a.send(1, status_request{gone}, 5);
  run();
  lose();
  const auto lost = std::exchange(a.lost[channel->id], {});
  BOOST_REQUIRE_EQUAL(lost.size(), 2u);
  BOOST_CHECK(lost[0].queue == 1 && lost[0].mastership == 5 && lost[1].queue == 2 && lost[1].mastership == 0);
  a.bridge->channel_ended(gone->id);
  publish(tracked(1, nullptr), {{0, 1}}, 1, 6); // it knows of a newer one there
  BOOST_REQUIRE_EQUAL(a.lost[channel->id].size(), 1u);
  BOOST_CHECK_EQUAL(a.lost[channel->id][0].mastership, 6u);
  connect();
  const auto back = std::exchange(a.back[channel->id], {});
  BOOST_REQUIRE_EQUAL(back.size(), 1u);
  BOOST_CHECK(back[0].queue == 1 && back[0].mastership == 6);
  BOOST_CHECK(a.back[gone->id].empty());
  lose();
  connect();
  BOOST_CHECK(a.back[channel->id].empty()); // nothing was under way
}

BOOST_AUTO_TEST_CASE(what_a_master_says_arrives_with_its_mastership) {
  const consumer_ref who = consume();
  a.send(1, status_request{channel}, 5);
  run();
  a.events.clear();
  const consumer_ref twin = seen<consume_request>().at(0).first.who;
  say(publish_gap{1, 41}, 5);
  const auto gap = a.take<publish_gap>(channel);
  BOOST_REQUIRE_EQUAL(gap.size(), 1u);
  BOOST_CHECK(gap[0].queue == 1 && gap[0].last_number == 41);
  say(queue_missing{1, true}, 5);
  BOOST_CHECK(a.take<queue_missing>(channel).at(0).moved);
  say(queue_missing{1, false}, 5);
  BOOST_CHECK(!a.take<queue_missing>(channel).at(0).moved);
  say(consumer_cancelled{twin, true}, 5);
  const auto cancelled = a.take<consumer_cancelled>(channel);
  BOOST_REQUIRE_EQUAL(cancelled.size(), 1u);
  BOOST_CHECK(cancelled[0].moved && cancelled[0].who == who);
  BOOST_CHECK_EQUAL(a.bridge->consumers(), 0u);
  BOOST_CHECK_EQUAL(b.bridge->twin_consumers(), 0u);
  BOOST_CHECK(a.masterships[channel->id].contains(5));
}

BOOST_AUTO_TEST_CASE(a_message_may_be_fetched_from_two_masters_and_is_settled_at_the_second) {
  a.publish(channel, 1, numbered(1, 1));
  run();
  a.send(1, get_request{channel, false}, 5);
  run();
  BOOST_CHECK_EQUAL(a.take<got>(channel).size(), 1u);
  b.remove_queue(1); // what the next master has, it has from its log
  b.add_queue(1);
  a.publish(channel, 1, numbered(1, 1));
  learn(7, true);
  a.send(1, get_request{channel, false}, 7);
  run();
  BOOST_CHECK_EQUAL(a.take<got>(channel).size(), 1u);
  a.send(1, settle_request{settle_request::kind::ack, channel, nullptr, {{1, 2}}}, 5);
  run();
  BOOST_CHECK_EQUAL(b.queue(1).messages_unacked(), 1u);
  a.send(1, settle_request{settle_request::kind::ack, channel, nullptr, {{1, 2}}}, 7);
  run();
  BOOST_CHECK_EQUAL(b.queue(1).messages_unacked(), 0u);
  BOOST_CHECK(a.broken.empty() && b.broken.empty());
}

BOOST_AUTO_TEST_CASE(what_was_fetched_before_a_queue_was_replicated_is_none_of_its_first_masters_answers) {
  a.send(1, get_request{channel, false}, 0);
  run();
  a.take<got>(channel);
  a.send(1, get_request{channel, false}, 5);
  run();
  a.take<got>(channel);
  say(got{1, {numbered(1, 1), {0, 1}, 4}, false, false, 0}, 0);
  BOOST_CHECK(a.take<got>(channel).empty());
  say(got{1, {numbered(1, 1), {0, 1}, 4}, true, false, 0}, 5);
  BOOST_CHECK_EQUAL(a.take<got>(channel).size(), 1u);
  BOOST_CHECK(a.broken.empty() && b.broken.empty());
}

BOOST_AUTO_TEST_CASE(a_channel_that_published_in_an_earlier_session_is_forgotten_all_the_same) {
  publish(tracked(1, nullptr), {{0, 1}}, 0);
  run();
  lose();
  connect();
  b.seen.clear();
  a.send(1, channel_gone{channel, own});
  a.bridge->channel_ended(channel->id);
  run();
  const auto gone = seen<channel_gone>();
  BOOST_REQUIRE(!gone.empty());
  BOOST_CHECK(gone[0].first.publisher == own);
  BOOST_CHECK_EQUAL(b.bridge->twin_channels(), 0u);
}

BOOST_AUTO_TEST_SUITE_END()

// What a bridge promises when the session between the nodes ends, and when the other node does not keep to the rules.
#include <boost/test/unit_test.hpp>

#include "bridge/two_nodes.hpp"
#include "cluster/queue_wire.hpp"

using namespace bridge_test;

namespace bridge_session {
namespace {

struct fixture : two_nodes {
  fixture() { b.add_queue(1); }
  channel_ref channel = a.channel();

  std::vector<queue_lost> lost_of(const channel_ref& of) { return std::exchange(a.lost[of->id], {}); }
};

struct counting_sink final : credit_sink {
  void credit(size_t) noexcept override { ++times; }
  int times = 0;
};

} // namespace
} // namespace bridge_session

BOOST_FIXTURE_TEST_SUITE(bridge_session, fixture)

BOOST_AUTO_TEST_CASE(a_break_of_the_connection_changes_nothing) {
  const consumer_ref who = a.consume(channel, 1, false, 2);
  a.publish(channel, 1, numbered(1, 4), 1);
  run();
  window = 0; // nothing gets through, and the session lives
  a.settle(settle_request::kind::ack, who, 1, 3);
  a.publish(channel, 1, numbered(5, 1), 5);
  run();
  BOOST_CHECK_EQUAL(a.take<delivered>(channel).size(), 1u);
  BOOST_CHECK(lost_of(channel).empty());
  window = SIZE_MAX;
  run();
  BOOST_CHECK_EQUAL(b.queue(1).messages_unacked(), 2u);
  BOOST_CHECK_EQUAL(b.queue(1).messages_ready(), 1u);
}

BOOST_AUTO_TEST_CASE(channels_hear_of_every_queue_they_wait_for_and_publishers_get_their_credit) {
  b.add_queue(2);
  auto sink = make_ref<counting_sink>();
  a.consume(channel, 2);
  run();
  window = 0;
  const batch_ref batch = numbered(1, 2);
  batch->credit_to = sink;
  a.publish(channel, 1, batch, 1);
  const channel_ref silent = a.channel();
  a.publish(silent, 1, numbered(3, 1)); // without confirms: nothing to be told
  lose();
  const auto lost = lost_of(channel);
  BOOST_REQUIRE_EQUAL(lost.size(), 2u);
  BOOST_CHECK(lost[0].queue == 1 && lost[1].queue == 2 && lost[0].why.code == 404);
  BOOST_CHECK(lost_of(silent).empty());
  BOOST_CHECK_EQUAL(sink->times, 1);
  BOOST_CHECK_EQUAL(a.bridge->unreleased_publishes(), 0u);
  BOOST_CHECK_EQUAL(a.bridge->waiting_records(), 0u);
  BOOST_CHECK_EQUAL(a.bridge->consumers(), 0u);
}

BOOST_AUTO_TEST_CASE(queues_take_back_what_the_lost_channels_held) {
  a.consume(channel, 1);
  a.publish(channel, 1, numbered(1, 3));
  run();
  a.send(1, get_request{channel, false});
  a.publish(channel, 1, numbered(4, 1));
  run();
  BOOST_CHECK_EQUAL(b.queue(1).messages_unacked(), 4u);
  lose();
  BOOST_CHECK_EQUAL(b.queue(1).messages_ready(), 4u);
  BOOST_CHECK_EQUAL(b.queue(1).messages_unacked(), 0u);
  BOOST_CHECK_EQUAL(b.queue(1).consumers(), 0u);
  BOOST_CHECK_EQUAL(b.bridge->twin_channels(), 0u);
  BOOST_CHECK_EQUAL(b.bridge->twin_consumers(), 0u);
}

BOOST_AUTO_TEST_CASE(a_queue_that_a_lost_channel_was_about_to_delete_is_open_again) {
  a.send(1, delete_request{channel, false, false});
  pump(a);
  deliver(a); // the queue has closed; its answer is on its way
  lose();
  connect();
  a.send(1, status_request{channel});
  run();
  BOOST_CHECK_EQUAL(a.take<queue_status>(channel).size(), 1u);
}

BOOST_AUTO_TEST_CASE(without_a_session_everything_that_waits_for_an_answer_is_told_so) {
  lose();
  lost_of(channel);
  auto sink = make_ref<counting_sink>();
  const auto asks = [&](queue_request what) {
    a.send(1, std::move(what));
    const auto lost = lost_of(channel);
    return lost.size() == 1 && lost[0].queue == 1;
  };
  BOOST_CHECK(asks(get_request{channel, true}));
  BOOST_CHECK(asks(purge_request{channel}));
  BOOST_CHECK(asks(status_request{channel}));
  BOOST_CHECK(asks(delete_request{channel}));
  auto who = make_ref<consumer>();
  who->channel = channel;
  who->queue = 1;
  BOOST_CHECK(asks(consume_request{who}));
  BOOST_CHECK(!asks(settle_request{settle_request::kind::ack, channel, who, {{1, 2}}}));
  BOOST_CHECK(!asks(cancel_request{who}));
  BOOST_CHECK_EQUAL(a.take<cancel_done>(channel).size(), 1u);
  const batch_ref batch = numbered(1, 1);
  batch->credit_to = sink;
  a.publish(channel, 1, batch, 1);
  BOOST_CHECK_EQUAL(lost_of(channel).size(), 1u);
  BOOST_CHECK_EQUAL(sink->times, 1);
  bridge_step step;
  a.bridge->ask_report(5, 1, false, now_ms, step);
  BOOST_CHECK(step.unanswered == std::vector<uint64_t>{5});
  BOOST_CHECK_EQUAL(a.bridge->waiting_records(), 0u);
}

BOOST_AUTO_TEST_CASE(settlements_of_an_earlier_session_settle_nothing) {
  const consumer_ref who = a.consume(channel, 1);
  a.publish(channel, 1, numbered(1, 2));
  a.send(1, get_request{channel, false});
  run();
  lose();
  connect();
  const consumer_ref again = a.consume(channel, 1);
  a.send(1, get_request{channel, false});
  run();
  BOOST_CHECK_EQUAL(b.queue(1).messages_unacked(), 2u);
  a.settle(settle_request::kind::ack, who, 1, 3);
  run();
  BOOST_CHECK_EQUAL(b.queue(1).messages_unacked(), 2u);
  a.send(1, cancel_request{who});
  run();
  BOOST_CHECK_EQUAL(a.take<cancel_done>(channel).size(), 1u);
  BOOST_CHECK_EQUAL(b.queue(1).consumers(), 1u);
}

BOOST_AUTO_TEST_CASE(a_message_fetched_in_an_earlier_session_is_not_settled_by_its_number) {
  a.publish(channel, 1, numbered(1, 1));
  a.send(1, get_request{channel, false});
  run();
  lose();
  connect();
  const channel_ref reader = b.channel();
  b.send(1, get_request{reader, false}); // another has it now
  a.send(1, settle_request{settle_request::kind::ack, channel, nullptr, {{1, 2}}});
  run();
  BOOST_CHECK_EQUAL(b.queue(1).messages_unacked(), 1u);
}

BOOST_AUTO_TEST_CASE(a_late_release_of_an_earlier_session_releases_nothing_of_this_one) {
  a.publish(channel, 1, numbered(1, 1));
  pump(a);
  deliver(a); // b has said that it took it over, and that is not brought in yet
  BOOST_REQUIRE_EQUAL(b.taken.size(), 1u);
  lose();
  connect();
  window = 0;
  a.publish(channel, 1, numbered(2, 1));
  run();
  BOOST_CHECK_EQUAL(a.bridge->unreleased_publishes(), 1u);
  window = SIZE_MAX;
  run();
  BOOST_CHECK_EQUAL(a.bridge->unreleased_publishes(), 0u);
  BOOST_CHECK(a.broken.empty());
}

BOOST_AUTO_TEST_CASE(a_node_that_breaks_the_protocol_loses_its_session) {
  const auto breaks = [this](const bridging::record& what) {
    std::string frame;
    bridging::encode(what, frame);
    connect();
    a.broken.clear();
    bridge_step step;
    a.bridge->frame(frame, now_ms, step);
    a.carry_out(std::move(step));
    return !a.broken.empty() && !a.bridge->has_session();
  };
  BOOST_CHECK(breaks(bridging::taken{{0, 1}}));
  BOOST_CHECK(breaks(bridging::delivery{1, {numbered(1, 1), {0, 1}, 1}, false, 10}));
  BOOST_CHECK(breaks(bridging::consumer_event{bridging::consumer_event::kind::begun, 1, {}}));
  BOOST_CHECK(breaks(bridging::cancel{1}));
  BOOST_CHECK(breaks(bridging::written{1, 5}));
  BOOST_CHECK(breaks(bridging::settle{settle_request::kind::ack, 1, 1, 1, {{1, 2}}}));
  BOOST_CHECK(breaks(bridging::report_answer{1, std::nullopt, std::nullopt}));
  BOOST_CHECK(!breaks(bridging::channel_ended{1}));
  connect();
  a.consume(channel, 1, false, 0, make_ref<prefetch_window>());
  std::string frame;
  bridging::encode(bridging::delivery{1, {numbered(1, 1), {0, 1}, 1}, false, 10}, frame);
  bridge_step step;
  a.bridge->frame(frame, now_ms, step); // more than the window has lent
  BOOST_CHECK(!step.broken.empty());
}

BOOST_AUTO_TEST_CASE(garbage_ends_the_session_and_the_channels_hear_it) {
  a.consume(channel, 1);
  run();
  bridge_step step;
  a.bridge->frame("\xff\xff\xff", now_ms, step);
  a.carry_out(std::move(step));
  BOOST_CHECK(!a.broken.empty());
  BOOST_CHECK_EQUAL(lost_of(channel).size(), 1u);
}

BOOST_AUTO_TEST_SUITE_END()

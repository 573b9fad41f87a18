// Transactions (features.md W18, W19): publishes and acks count at tx.commit, not before.
#include <boost/test/unit_test.hpp>

#include "channel/harness.hpp"

namespace transactions {
namespace {

using namespace broker;
using namespace broker::test;
namespace tx = amqp::tx_class;

struct fixture : channel_harness {
  queue_id q = metadata->add_queue("q");

  fixture() {
    send(tx::select{});
    BOOST_REQUIRE(reply<tx::select_ok>());
  }
  void publish(const std::string& key, uint16_t flags = 0) {
    input_builder input;
    input.publish("", key, {.flags = flags});
    send(input);
  }
};

} // namespace
} // namespace transactions

BOOST_FIXTURE_TEST_SUITE(transactions, fixture)

BOOST_AUTO_TEST_CASE(publishes_reach_queues_at_commit_and_commit_ok_waits_for_them) {
  publish("q");
  publish("q");
  BOOST_TEST(step.requests.empty());
  BOOST_TEST(channel.uncommitted() == 2u);
  BOOST_TEST(sink->times == 3u); // credit must not wait for the commit, or the commit could never be read
  send(tx::commit{});
  const auto published = take<publish_request>();
  BOOST_REQUIRE(published.size() == 2u);
  BOOST_TEST(replies().empty());
  for (const auto& [queue, request] : published) {
    BOOST_TEST(request.confirm);
    const auto first = request.batch->first_confirm;
    answer(confirmed{q, {first, first + 1}, false});
  }
  BOOST_TEST(reply<tx::commit_ok>().has_value());
  for (const auto& [queue, request] : published)
    request.batch->release();
  BOOST_TEST(sink->times == 4u);
}

BOOST_AUTO_TEST_CASE(an_empty_transaction_commits_at_once) {
  send(tx::commit{});
  BOOST_TEST(reply<tx::commit_ok>().has_value());
  send(tx::commit{});
  BOOST_TEST(reply<tx::commit_ok>().has_value());
}

BOOST_AUTO_TEST_CASE(rollback_forgets_publishes_and_gives_acks_back) {
  const auto who = consume(q, "q", "c");
  deliver(who, 3, 1);
  step = {};
  publish("q");
  input_builder acks;
  acks.ack(2, true);
  send(acks);
  BOOST_TEST(take<settle_request>().empty());
  BOOST_TEST(channel.unacked() == 1u);
  send(tx::rollback{});
  BOOST_TEST(reply<tx::rollback_ok>().has_value());
  BOOST_TEST(channel.unacked() == 3u);
  send(tx::commit{});
  BOOST_TEST(reply<tx::commit_ok>().has_value());
  BOOST_TEST(step.requests.empty());
}

BOOST_AUTO_TEST_CASE(acks_settle_at_commit) {
  const auto who = consume(q, "q", "c");
  deliver(who, 3, 1);
  step = {};
  input_builder acks;
  acks.ack(2, true).method(amqp::basic_class::reject{3, true});
  send(acks);
  BOOST_TEST(channel.uncommitted_acks() == 3u);
  send(tx::commit{});
  const auto settled = take<settle_request>();
  BOOST_REQUIRE(settled.size() == 2u);
  BOOST_TEST((settled[0].second.what == settle_request::kind::ack));
  BOOST_TEST((settled[1].second.what == settle_request::kind::requeue));
  BOOST_TEST(who->window->unacked.load() == 0);
}

BOOST_AUTO_TEST_CASE(unroutable_mandatory_messages_are_returned_at_commit) {
  publish("nowhere", message::mandatory);
  BOOST_TEST(replies().empty());
  send(tx::commit{});
  const auto all = replies();
  BOOST_REQUIRE(all.size() == 2u);
  BOOST_TEST(std::holds_alternative<amqp::basic_class::return_>(all[0]));
  BOOST_TEST(std::holds_alternative<tx::commit_ok>(all[1]));
}

BOOST_AUTO_TEST_CASE(a_rejected_publish_fails_the_commit) {
  publish("q");
  send(tx::commit{});
  const auto first = take<publish_request>().front().second.batch->first_confirm;
  answer(confirmed{q, {first, first + 1}, true});
  BOOST_TEST(closed_with() == "406 PRECONDITION_FAILED - partial tx completion (90,20)");
}

BOOST_AUTO_TEST_CASE(nothing_may_be_sent_while_a_commit_waits) {
  publish("q");
  send(tx::commit{});
  publish("q");
  BOOST_TEST(connection_closed_with() == "504 CHANNEL_ERROR - unexpected command while processing 'tx.commit' (60,40)");
}

BOOST_AUTO_TEST_CASE(a_queue_that_is_gone_does_not_hold_the_commit) {
  publish("q");
  send(tx::commit{});
  gone(q);
  BOOST_TEST(reply<tx::commit_ok>().has_value());
}

BOOST_AUTO_TEST_CASE(confirm_and_tx_exclude_each_other) {
  send(amqp::confirm_class::select{});
  BOOST_TEST(closed_with() == "406 PRECONDITION_FAILED - cannot switch from tx to confirm mode (85,10)");
  channel_harness other;
  other.send(amqp::confirm_class::select{});
  other.step = {};
  other.send(tx::select{});
  BOOST_TEST(other.closed_with() == "406 PRECONDITION_FAILED - cannot switch from confirm to tx mode (90,10)");
}

BOOST_AUTO_TEST_CASE(commit_and_rollback_need_a_transaction) {
  channel_harness plain;
  plain.send(tx::commit{});
  BOOST_TEST(plain.closed_with() == "406 PRECONDITION_FAILED - channel is not transactional (90,20)");
  channel_harness other;
  other.send(tx::rollback{});
  BOOST_TEST(other.closed_with() == "406 PRECONDITION_FAILED - channel is not transactional (90,30)");
}

BOOST_AUTO_TEST_SUITE_END()

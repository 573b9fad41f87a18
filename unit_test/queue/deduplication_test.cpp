#include <boost/test/unit_test.hpp>

#include "queue/deduplicator.hpp"
#include "with_options.hpp"

using namespace test;
using broker::queueing::deduplication_key;
using broker::queueing::deduplicator;

namespace deduplication_promises {
namespace {

queue_options deduplicating(uint64_t window) {
  queue_options chosen;
  chosen.deduplicate = true;
  chosen.deduplication_window = window;
  return chosen;
}

amqp::properties keyed(amqp::field_value key) {
  amqp::properties one;
  one.headers.emplace();
  one.headers->set("x-deduplication-header", std::move(key));
  return one;
}
amqp::properties keyed(const std::string& key) {
  return keyed(amqp::field_value{amqp::longstr{key}});
}

/// What recovery finds of everything the store holds.
recovered_queue recovered_from(const fake_store& store) {
  recovered_queue found;
  found.id = 7;
  for (const auto& [seq, entry] : store.live) {
    if (!entry.durable)
      continue;
    recovered_run one;
    one.first = seq;
    one.count = 1;
    one.body_bytes = 8;
    found.runs.push_back(one);
    found.next = seq + 1;
  }
  return found;
}

} // namespace
} // namespace deduplication_promises

BOOST_AUTO_TEST_SUITE(deduplication_promises)

BOOST_AUTO_TEST_CASE(a_duplicate_is_confirmed_and_not_enqueued_however_many_there_are) {
  fixture_with f{deduplicating(10)};
  for (confirm_number first = 1; first <= 28; first += 3)
    f.publish(f.batch_of({keyed("a"), keyed("b"), keyed("a")}), f.channel(), first);
  BOOST_TEST(f.confirms == counting(1, 30), boost::test_tools::per_element());
  BOOST_TEST(f.queue->messages_ready() == 2u);
  BOOST_TEST(f.sink->times == 10);
  f.send(consume_request{f.consumer_on(f.channel(), 0, true)});
  BOOST_TEST(f.numbers() == counting(1, 2), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(messages_without_a_key_are_never_duplicates) {
  fixture_with f{deduplicating(10)};
  f.publish(f.batch_of({{}, {}, keyed("a"), {}, keyed(amqp::field_value{true}), keyed(amqp::field_value{true})}));
  BOOST_TEST(f.queue->messages_ready() == 6u);
}

BOOST_AUTO_TEST_CASE(text_and_numbers_are_different_keys) {
  fixture_with f{deduplicating(10)};
  f.publish(f.batch_of({keyed("1"), keyed(amqp::field_value{int32_t{1}}), keyed(amqp::field_value{int64_t{1}}),
                        keyed(amqp::field_value{1.0}), keyed(amqp::field_value{1.0 + 1e-12})}));
  f.send(consume_request{f.consumer_on(f.channel(), 0, true)});
  BOOST_TEST(f.numbers() == (numbers{1, 2, 4, 5}), boost::test_tools::per_element()); // both integers are 1
}

BOOST_AUTO_TEST_CASE(a_key_outlives_its_settled_message_for_the_window_and_no_longer) {
  fixture_with f{deduplicating(3)};
  auto who = f.consumer_on(f.channel());
  f.send(consume_request{who});
  f.publish(f.batch_of({keyed("a")}));
  f.ack(who, 1, 2);
  f.publish(f.batch_of({keyed("a")}));
  BOOST_TEST(f.deliveries.size() == 1u);
  f.publish(f.batch_of({keyed("b"), keyed("c"), keyed("a")}));
  BOOST_TEST(f.deliveries.size() == 3u);
  f.publish(f.batch_of({keyed("d"), keyed("a")})); // three others have come since
  BOOST_TEST(f.deliveries.size() == 5u);
}

BOOST_AUTO_TEST_CASE(a_key_lives_as_long_as_its_message_is_in_the_queue_even_unsettled) {
  fixture_with f{deduplicating(1)};
  auto who = f.consumer_on(f.channel(), 1);
  f.send(consume_request{who});
  f.publish(f.batch_of({keyed("held"), keyed("ready"), keyed("x"), keyed("y"), keyed("z")}));
  f.publish(f.batch_of({keyed("held"), keyed("ready")}));
  BOOST_TEST(f.queue->messages_ready() + f.queue->messages_unacked() == 5u);
}

BOOST_AUTO_TEST_CASE(what_was_purged_or_gave_up_may_come_again) {
  queue_options chosen = deduplicating(10);
  chosen.type = queue_type::quorum;
  chosen.delivery_limit = 0;
  fixture_with f{chosen};
  f.publish(f.batch_of({keyed("a")}));
  f.send(purge_request{f.channel()});
  f.publish(f.batch_of({keyed("a")}));
  BOOST_TEST(f.queue->messages_ready() == 1u);
  auto who = f.consumer_on(f.channel());
  f.send(consume_request{who});
  f.settle(settle_request::kind::requeue, who, {{2, 3}});
  BOOST_TEST(f.queue->messages_unacked() == 0u);
  f.publish(f.batch_of({keyed("a")}));
  BOOST_TEST(f.queue->messages_unacked() == 1u);
}

BOOST_AUTO_TEST_CASE(a_duplicate_is_confirmed_only_when_what_it_repeats_is_on_disk) {
  fixture_with f{deduplicating(10)};
  f.publish(f.batch_of({keyed("a")}, true), f.channel(), 1);
  f.publish(f.batch_of({keyed("a")}, true), f.channel(), 2);
  BOOST_TEST(f.confirms.empty());
  f.durable();
  BOOST_TEST(f.confirms == counting(1, 2), boost::test_tools::per_element());
  f.publish(f.batch_of({keyed("a")}, true), f.channel(), 3);
  BOOST_TEST(f.confirms == counting(1, 3), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(after_a_restart_the_keys_of_what_is_still_there_are_known_before_anything_is_accepted) {
  fixture_with before{deduplicating(10)};
  for (int at = 0; at < 5; ++at)
    before.publish(before.batch_of({keyed("k" + std::to_string(at)), {}}, true));
  before.durable();
  auto who = before.consumer_on(before.channel(), 1);
  before.send(consume_request{who});
  before.ack(who, 1, 2); // k0 is gone
  const auto found = recovered_from(before.store);
  fixture_with f{deduplicating(10), {}, &found};
  f.store.live = before.store.live;
  f.store.durable_end = before.store.durable_end;
  f.published = 10;
  f.publish(f.batch_of({keyed("k0"), keyed("k1"), keyed("k4"), keyed("new")}, true), f.channel(), 11);
  BOOST_TEST(f.confirms.empty());
  BOOST_TEST(f.queue->messages_ready() == 9u);
  while (!f.store.reads.empty())
    f.settle_store();
  BOOST_TEST(f.queue->messages_ready() == 11u);
  f.settle_store();
  BOOST_TEST(f.confirms == counting(11, 14), boost::test_tools::per_element());
  BOOST_TEST(f.sink->times == 1);
  f.publish(f.batch_of({keyed("k2")}, true));
  BOOST_TEST(f.queue->messages_ready() == 11u);
}

BOOST_AUTO_TEST_CASE(a_message_that_leaves_while_the_keys_are_learned_is_not_taken_for_present) {
  fixture_with before{deduplicating(1)};
  before.publish(before.batch_of({keyed("a"), keyed("b")}, true));
  const auto found = recovered_from(before.store);
  fixture_with f{deduplicating(1), {}, &found};
  f.store.live = before.store.live;
  f.store.durable_end = before.store.durable_end;
  auto who = f.consumer_on(f.channel());
  f.send(consume_request{who});              // asks for the bodies
  f.publish(f.batch_of({keyed("c")}, true)); // asks for the keys
  BOOST_TEST(f.store.reads.size() == 2u);
  f.read_done();
  BOOST_TEST(f.numbers() == counting(1, 2), boost::test_tools::per_element());
  auto answer = f.store.live;
  f.ack(who, 1, 3);
  f.store.live = answer; // the store had read them before
  f.read_done();
  f.store.live.erase(1);
  f.store.live.erase(2);
  f.publish(f.batch_of({keyed("a"), keyed("b")}, true));
  BOOST_TEST(f.deliveries.size() == 3u);
}

BOOST_AUTO_TEST_CASE(a_deleted_queue_confirms_the_publishes_that_waited_for_keys) {
  fixture_with before{deduplicating(1)};
  before.publish(before.batch_of({keyed("a")}, true));
  const auto found = recovered_from(before.store);
  fixture_with f{deduplicating(1), {}, &found};
  f.store.live = before.store.live;
  f.publish(f.batch_of({keyed("a"), {}}, true), f.channel(), 1);
  BOOST_TEST(!f.queue->idle());
  f.deleted();
  BOOST_TEST(f.confirms == counting(1, 2), boost::test_tools::per_element());
  BOOST_TEST(f.sink->times == 1);
  BOOST_TEST(f.queue->idle());
}

BOOST_AUTO_TEST_CASE(the_keys_of_a_long_lived_queue_stay_bounded) {
  deduplicator keys{100};
  keys.remember("stays", 1); // never leaves the queue, and must not keep what came behind it
  for (seqno at = 2; at < 100'000; ++at) {
    keys.remember("k" + std::to_string(at), at);
    keys.settled({at, at + 1});
    BOOST_REQUIRE(keys.keys() <= 500);
  }
  BOOST_TEST(keys.knows("stays"));
  BOOST_TEST(keys.knows("k99999"));
  BOOST_TEST(keys.knows("k99900"));
  BOOST_TEST(!keys.knows("k99899"));
}

BOOST_AUTO_TEST_CASE(long_keys_are_told_apart) {
  const std::string base(10'000, 'x');
  fixture_with f{deduplicating(10)};
  f.publish(f.batch_of({keyed(base + "1"), keyed(base + "2"), keyed(base + "1")}));
  BOOST_TEST(f.queue->messages_ready() == 2u);
}

BOOST_AUTO_TEST_SUITE_END()

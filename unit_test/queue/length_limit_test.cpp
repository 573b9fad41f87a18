// W50: a queue holds no more ready messages and bytes than it may. W51: what happens to the others.
#include <boost/test/unit_test.hpp>

#include "fixture.hpp"
#include "queue/live_index.hpp"

using namespace test;

namespace length_limits {
namespace {

queue_options at_most(uint64_t messages, overflow_policy overflow = overflow_policy::drop_head) {
  queue_options chosen;
  chosen.max_length = messages;
  chosen.overflow = overflow;
  return chosen;
}
queue_options bytes_at_most(uint64_t bytes, overflow_policy overflow = overflow_policy::drop_head) {
  queue_options chosen;
  chosen.max_length_bytes = bytes;
  chosen.overflow = overflow;
  return chosen;
}
using confirm_numbers = std::vector<confirm_number>;

/// What a queue holds whose bodies only the store has: two messages of 100 bytes, then eight of 10.
void give_large_and_small(fixture& f) {
  const batch_ref large = f.batch(2, true, 8 + 100);
  const batch_ref small = f.batch(8, true, 8 + 10);
  f.store.append(7, large, {0, 2}, 1, true, {});
  f.store.append(7, small, {0, 8}, 3, true, {});
}
recovered_queue large_and_small() {
  return {7, 11, {{1, 10, 280, false}}};
}

} // namespace
} // namespace length_limits

BOOST_AUTO_TEST_SUITE(length_limits)

BOOST_AUTO_TEST_CASE(the_oldest_make_room_for_the_newest) {
  fixture f{at_most(3)};
  f.publish(f.batch(2, true));
  f.publish(f.batch(3, true));
  BOOST_TEST(f.queue->messages_ready() == 3u);
  f.send(consume_request{f.consumer_on(f.channel())});
  BOOST_TEST(f.numbers() == (numbers{3, 4, 5}), boost::test_tools::per_element());
  f.durable();
  BOOST_TEST(f.store.live.size() == 3u);
}

BOOST_AUTO_TEST_CASE(a_dropped_message_is_confirmed_as_any_other) {
  fixture f{at_most(1)};
  f.publish(f.batch(3, true), f.channel(), 1);
  f.durable();
  BOOST_TEST(f.confirms == (confirm_numbers{1, 2, 3}), boost::test_tools::per_element());
  BOOST_TEST(f.rejects.empty());
}

BOOST_AUTO_TEST_CASE(what_expires_at_once_makes_room_for_what_comes_with_it) {
  queue_options chosen = at_most(2, overflow_policy::reject_publish);
  chosen.message_ttl_ms = 0;
  fixture f{chosen};
  f.publish(f.batch(5), f.channel(), 1);
  BOOST_TEST(f.confirms == (confirm_numbers{1, 2, 3, 4, 5}), boost::test_tools::per_element());
  BOOST_TEST(f.rejects.empty());
  BOOST_TEST(f.queue->messages_ready() == 0u);
}

BOOST_AUTO_TEST_CASE(what_consumers_hold_or_get_at_once_does_not_count) {
  fixture f{at_most(2)};
  f.send(consume_request{f.consumer_on(f.channel(), 4)});
  f.publish(f.batch(6));
  BOOST_TEST(f.numbers() == counting(1, 4), boost::test_tools::per_element());
  BOOST_TEST(f.queue->messages_ready() == 2u);
}

BOOST_AUTO_TEST_CASE(what_comes_back_and_is_too_much_goes_before_anybody_gets_it_again) {
  fixture f{at_most(2)};
  const auto who = f.consumer_on(f.channel());
  f.send(consume_request{who});
  f.publish(f.batch(4));
  f.deliveries.clear();
  f.settle(settle_request::kind::requeue, who, {{1, 5}});
  BOOST_TEST(f.numbers() == (numbers{3, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(body_bytes_are_counted_and_no_others) {
  fixture f{bytes_at_most(30)};
  f.publish(f.batch(5, false, 8 + 10)); // 10 bytes of body each
  BOOST_TEST(f.queue->messages_ready() == 3u);
  BOOST_TEST(f.queue->bytes_ready() == 30u);
  f.publish(f.batch(1, false, 8 + 25));
  BOOST_TEST(f.queue->messages_ready() == 1u);
  f.publish(f.batch(1, false, 8 + 31)); // too large for this queue
  BOOST_TEST(f.queue->messages_ready() == 0u);
}

BOOST_AUTO_TEST_CASE(a_smaller_limit_takes_effect_at_once) {
  fixture f;
  f.publish(f.batch(10, true));
  f.reconfigure(at_most(4));
  BOOST_TEST(f.queue->messages_ready() == 4u);
  f.reconfigure(at_most(4, overflow_policy::reject_publish));
  f.publish(f.batch(1));
  BOOST_TEST(f.queue->messages_ready() == 4u);
}

BOOST_AUTO_TEST_CASE(paged_out_messages_can_be_dropped) {
  queue_settings small;
  small.memory_bytes = 100;
  fixture f{at_most(5), nullptr, small};
  f.publish(f.batch(5, true));
  f.settle_store();
  f.publish(f.batch(5, true));
  f.settle_store();
  BOOST_TEST(f.queue->messages_ready() == 5u);
  f.send(consume_request{f.consumer_on(f.channel(), 0, true)});
  f.settle_store();
  BOOST_TEST(f.numbers() == counting(6, 10), boost::test_tools::per_element());
  BOOST_TEST(f.store.live.empty());
}

BOOST_AUTO_TEST_CASE(returned_messages_push_others_out) {
  fixture f{at_most(2)};
  auto who = f.consumer_on(f.channel(), 2);
  f.send(consume_request{who});
  f.publish(f.batch(4));
  f.send(channel_gone{who->channel});
  BOOST_TEST(f.queue->messages_ready() == 2u);
  f.send(consume_request{f.consumer_on(f.channel())});
  f.numbers();
}

BOOST_AUTO_TEST_CASE(a_full_queue_refuses_publishes_with_a_nack) {
  fixture f{at_most(2, overflow_policy::reject_publish)};
  auto from = f.channel();
  f.publish(f.batch(5, true), from, 1);
  f.durable();
  BOOST_TEST(f.confirms == (confirm_numbers{1, 2}), boost::test_tools::per_element());
  BOOST_TEST(f.rejects == (confirm_numbers{3, 4, 5}), boost::test_tools::per_element());
  BOOST_TEST(f.queue->messages_ready() == 2u);
  BOOST_TEST(f.store.live.size() == 2u);
  f.publish(f.batch(1)); // nobody hears of it
  BOOST_TEST(f.queue->messages_ready() == 2u);
  BOOST_TEST(f.sink->times == 2); // refused or not, the batch is given back
}

BOOST_AUTO_TEST_CASE(what_a_consumer_takes_makes_room_within_a_batch) {
  fixture f{at_most(2, overflow_policy::reject_publish)};
  f.send(consume_request{f.consumer_on(f.channel(), 3)});
  f.publish(f.batch(7), f.channel(), 1);
  BOOST_TEST(f.numbers() == counting(1, 3), boost::test_tools::per_element());
  BOOST_TEST(f.queue->messages_ready() == 2u);
  BOOST_TEST(f.rejects == (confirm_numbers{6, 7}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_queue_of_length_0_refuses_everything_even_with_a_consumer) {
  fixture f{at_most(0, overflow_policy::reject_publish)};
  f.send(consume_request{f.consumer_on(f.channel())});
  f.publish(f.batch(2), f.channel(), 1);
  BOOST_TEST(f.deliveries.empty());
  BOOST_TEST(f.rejects.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_smaller_message_fits_where_a_larger_did_not) {
  fixture f{bytes_at_most(30, overflow_policy::reject_publish)};
  auto from = f.channel();
  f.publish(f.batch(1, false, 8 + 20), from, 1);
  f.publish(f.batch(1, false, 8 + 20), from, 2);
  f.publish(f.batch(1, false, 8 + 10), from, 3);
  BOOST_TEST(f.rejects == confirm_numbers{2}, boost::test_tools::per_element());
  BOOST_TEST(f.queue->bytes_ready() == 30u);
}

/// The sizes of a part of what only the store has are read, not guessed. (Seed 45528 of three simulated nodes.)
BOOST_AUTO_TEST_CASE(no_more_than_must_goes_for_its_size_though_only_the_store_has_the_bodies) {
  const recovered_queue content = large_and_small();
  fixture f{bytes_at_most(300), &content};
  give_large_and_small(f);
  f.publish(f.batch(1, true, 8 + 60));
  f.settle_store();
  BOOST_TEST(f.queue->messages_ready() == 10u);
  BOOST_TEST(f.queue->bytes_ready() == 240u);
  f.publish(f.batch(1, true, 8 + 70));
  f.settle_store();
  BOOST_TEST(f.queue->messages_ready() == 10u);
  BOOST_TEST(f.queue->bytes_ready() == 210u);
  BOOST_TEST(f.store.live.begin()->first == 3u);
}

/// A copy knows the size of what settles left of a run only about.
BOOST_AUTO_TEST_CASE(a_new_master_drops_no_more_than_must_go_for_its_size) {
  queueing::live_index copy{large_and_small().runs};
  copy.follow({0, replication::log_forgotten{{{1, 2}}}});
  const recovered_queue content{7, 11, copy.without({})};
  fixture f{bytes_at_most(200), &content}; // 180 there, of 280 / 10 * 9 taken for them
  give_large_and_small(f);
  f.store.live.erase(1);
  f.publish(f.batch(1, true, 8 + 10));
  f.settle_store();
  BOOST_TEST(f.queue->messages_ready() == 10u);
  BOOST_TEST(f.queue->bytes_ready() == 190u);
  BOOST_TEST(f.store.reads.empty());
}

BOOST_AUTO_TEST_CASE(a_new_master_drops_what_must_go_for_its_size) {
  queueing::live_index copy{large_and_small().runs};
  copy.follow({0, replication::log_forgotten{{{3, 11}}}});
  const recovered_queue content{7, 11, copy.without({})};
  fixture f{bytes_at_most(150), &content}; // 200 there, of 280 / 10 * 2 taken for them
  give_large_and_small(f);
  for (seqno gone = 3; gone < 11; ++gone)
    f.store.live.erase(gone);
  f.publish(f.batch(1, true, 8 + 10));
  f.settle_store();
  BOOST_TEST(f.queue->messages_ready() == 2u);
  BOOST_TEST(f.queue->bytes_ready() == 110u);
}

/// What a consumer has settled of a batch has left the rest's size alone when the bodies go.
BOOST_AUTO_TEST_CASE(what_comes_back_counts_with_its_own_size) {
  queue_settings no_memory;
  no_memory.memory_bytes = 0;
  fixture f{bytes_at_most(100), nullptr, no_memory};
  const auto who = f.consumer_on(f.channel());
  f.send(consume_request{who});
  const batch_ref mixed = f.batch(3, true, 8 + 100);
  for (const size_t small : {1, 2}) {
    mixed->messages[small].raw_size = 8 + 10;
    mixed->messages[small].body_size = 10;
  }
  f.publish(mixed);
  f.ack(who, 1, 2);
  f.durable();
  f.publish(f.batch(1, true, 8 + 10)); // the bodies of what it holds go
  f.send(cancel_request{who});
  f.settle(settle_request::kind::requeue, who, {{2, 5}});
  f.settle_store();
  BOOST_TEST(f.queue->messages_ready() == 3u);
  BOOST_TEST(f.queue->bytes_ready() == 30u);
}

BOOST_AUTO_TEST_SUITE_END()

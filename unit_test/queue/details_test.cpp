// What list_queues shows beside the counts (features.md O05).
#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

using namespace test;

namespace details_promises {
namespace {
queue_settings keep(size_t bytes) {
  queue_settings chosen;
  chosen.memory_bytes = bytes;
  return chosen;
}
amqp::properties stamped(uint64_t seconds, bool persistent) {
  amqp::properties one;
  one.timestamp = seconds;
  one.delivery_mode = persistent ? 2 : 1;
  return one;
}
queue_details details_of(const fixture& f) {
  return f.queue->details(f.now_ms);
}
} // namespace
} // namespace details_promises

BOOST_AUTO_TEST_SUITE(details_promises)

BOOST_AUTO_TEST_CASE(what_is_in_memory_is_told_from_what_is_in_the_store_only) {
  fixture f{keep(8'000)};
  f.publish(f.real_batch(10, stamped(1'700'000'000, false)));
  BOOST_TEST(details_of(f).ready_in_memory == 10u);
  BOOST_TEST(details_of(f).bytes_in_memory == 80u);
  BOOST_TEST(details_of(f).disk_writes == 0u);
  f.publish(f.real_batch(200, stamped(1'700'000'001, true)));
  f.settle_store();
  const queue_details paged = details_of(f);
  BOOST_TEST(paged.ready_in_memory < 210u);
  BOOST_TEST(paged.bytes_in_memory == paged.ready_in_memory * 8);
  BOOST_TEST(paged.bytes_persistent == 200u * 8);
  BOOST_TEST(paged.disk_writes >= 200u);
  BOOST_TEST(paged.disk_reads == 0u);
  BOOST_TEST(paged.head_timestamp_s.value() == 1'700'000'000u);
  auto who = f.consumer_on(f.channel(), 0, true);
  f.send(consume_request{who});
  while (!f.store.reads.empty())
    f.read_done();
  const queue_details drained = details_of(f);
  BOOST_TEST(drained.disk_reads >= 210u - paged.ready_in_memory);
  BOOST_TEST(drained.bytes_persistent == 0u);
  BOOST_TEST(!drained.head_timestamp_s);
}

BOOST_AUTO_TEST_CASE(what_a_consumer_holds_counts_as_well) {
  fixture f;
  f.publish(f.real_batch(3, stamped(1, true)));
  auto who = f.consumer_on(f.channel(), 2);
  f.send(consume_request{who});
  BOOST_TEST(details_of(f).ready_in_memory == 1u);
  BOOST_TEST(details_of(f).unacknowledged_in_memory == 2u);
  BOOST_TEST(details_of(f).bytes_persistent == 24u);
  f.ack(who, 1, 2);
  BOOST_TEST(details_of(f).bytes_persistent == 16u);
  BOOST_TEST(details_of(f).unacknowledged_in_memory == 2u);
}

BOOST_AUTO_TEST_CASE(the_exclusive_consumer_is_named) {
  fixture f;
  BOOST_TEST(!details_of(f).exclusive_consumer);
  auto plain = f.consumer_on(f.channel());
  f.send(consume_request{plain});
  BOOST_TEST(!details_of(f).exclusive_consumer);
  f.send(cancel_request{plain});
  auto alone = f.consumer_on(f.channel());
  alone->exclusive = true;
  f.send(consume_request{alone});
  BOOST_REQUIRE(details_of(f).exclusive_consumer);
  BOOST_TEST(details_of(f).exclusive_consumer->tag == alone->tag);
  f.send(cancel_request{alone});
  BOOST_TEST(!details_of(f).exclusive_consumer);
}

BOOST_AUTO_TEST_CASE(capacity_falls_while_no_consumer_can_take_a_message) {
  fixture f;
  BOOST_TEST(!details_of(f).consumer_capacity);
  auto who = f.consumer_on(f.channel(), 1);
  f.send(consume_request{who});
  f.tick(f.now_ms + 60'000);
  BOOST_TEST(*details_of(f).consumer_capacity > 0.99);
  f.publish(f.real_batch(2, {}));
  f.tick(f.now_ms + 1'000);
  BOOST_TEST(*details_of(f).consumer_capacity == 0.5, boost::test_tools::tolerance(0.01));
  f.tick(f.now_ms + 60'000);
  BOOST_TEST(*details_of(f).consumer_capacity < 0.01);
  f.ack(who, 1, 2);
  f.ack(who, 2, 3);
  f.tick(f.now_ms + 1'000);
  BOOST_TEST(*details_of(f).consumer_capacity == 0.5, boost::test_tools::tolerance(0.01));
}

BOOST_AUTO_TEST_SUITE_END()

#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

using namespace test;

namespace paging_promises {
namespace {
queue_settings keep(size_t bytes) {
  queue_settings chosen;
  chosen.memory_bytes = bytes;
  return chosen;
}
} // namespace
} // namespace paging_promises

BOOST_AUTO_TEST_SUITE(paging_promises)

BOOST_AUTO_TEST_CASE(a_backlog_beyond_the_budget_needs_little_memory_and_drains_in_order) {
  for (const bool persistent : {false, true}) {
    fixture f{keep(100'000)};
    for (int at = 0; at < 200; ++at) {
      f.publish(f.batch(100, persistent, 100));
      f.durable();
      f.paged();
      BOOST_TEST(f.queue->bytes_in_memory() < 150'000u);
    }
    BOOST_TEST(f.queue->messages_ready() == 20'000u);
    BOOST_TEST(f.queue->bytes_ready() == 20'000u * 92);
    BOOST_TEST(f.sink->times == 200);
    auto who = f.consumer_on(f.channel(), 0, true);
    f.send(consume_request{who});
    size_t reads_ahead = 0;
    while (!f.store.reads.empty()) {
      reads_ahead = std::max(reads_ahead, f.store.reads.size());
      f.read_done();
      who->unwritten_bytes = 0;
      f.send(consumer_ready{who});
      BOOST_TEST(f.queue->bytes_in_memory() < 150'000u);
    }
    BOOST_TEST(reads_ahead == 2u);
    BOOST_TEST(f.numbers() == counting(1, 20'000), boost::test_tools::per_element());
    BOOST_TEST(f.queue->bytes_ready() == 0u);
    BOOST_TEST(f.store.live.empty());
  }
}

BOOST_AUTO_TEST_CASE(an_idle_queue_gives_up_its_memory_when_the_node_runs_short) {
  bool short_of_memory = false;
  queue_settings chosen = keep(64 * 1024 * 1024);
  chosen.memory_pressure = [&] { return short_of_memory; };
  fixture f{chosen};
  for (int at = 0; at < 8; ++at)
    f.publish(f.batch(1000, false, 1000));
  BOOST_TEST(f.queue->bytes_in_memory() > 8'000'000u);
  short_of_memory = true;
  queue_step step;
  f.queue->under_pressure(f.now_ms, step);
  f.take(step);
  f.paged();
  BOOST_TEST(f.queue->bytes_in_memory() < 2'500'000u);
  BOOST_TEST(f.queue->messages_ready() == 8000u);
  f.queue->check();
}

BOOST_AUTO_TEST_CASE(what_survives_a_restart_is_counted_wherever_it_is) {
  fixture f;
  f.publish(f.batch(10, true));
  f.publish(f.batch(5, false));
  BOOST_TEST(f.queue->messages_persistent() == 10u);
  auto who = f.consumer_on(f.channel(), 4);
  f.send(consume_request{who});
  BOOST_TEST(f.queue->messages_unacked() == 4u);
  BOOST_TEST(f.queue->messages_persistent() == 10u);
  BOOST_TEST(f.queue->bytes_unacked() == 4u * 8);
  f.ack(who, 1, 2);
  BOOST_TEST(f.queue->bytes_unacked() == 4u * 8); // another has followed
  f.ack(who, 2, 4);
  BOOST_TEST(f.queue->messages_persistent() == 7u);
  f.queue->check();
  f.send(cancel_request{who});
  f.send(purge_request{f.channel()});
  BOOST_TEST(f.queue->messages_persistent() == 4u); // delivered and not settled
  f.queue->check();
}

BOOST_AUTO_TEST_CASE(a_batch_that_is_paged_out_is_credited_when_it_is_written) {
  fixture f{keep(1000)};
  f.publish(f.batch(100));
  BOOST_TEST(f.sink->times == 1); // the head stays in memory
  f.publish(f.batch(100));
  BOOST_TEST(f.sink->times == 1);
  f.paged();
  BOOST_TEST(f.sink->times == 2);
}

BOOST_AUTO_TEST_CASE(a_get_waits_for_the_body_to_be_read_back) {
  recovered_queue recovered{7, 11, {{3, 4, 32, false}, {8, 2, 16, true}}};
  fixture source;
  source.publish(source.batch(10, true));
  fixture f{queue_settings{}, &recovered};
  for (const seqno at : {3, 4, 5, 6, 8, 9})
    f.store.live.emplace(at, source.store.live.at(at));
  auto where = f.channel();
  f.send(get_request{where, false});
  BOOST_TEST(f.last<got>() == nullptr);
  BOOST_REQUIRE(!f.store.reads.empty());
  f.read_done();
  BOOST_TEST(f.last<got>()->run.first == 3u);
  BOOST_TEST(f.last<got>()->messages_left == 5u);
}

BOOST_AUTO_TEST_CASE(what_recovery_found_is_delivered_in_order_with_its_marks_and_new_messages_follow) {
  recovered_queue recovered{7, 11, {{3, 2, 16, true}, {5, 2, 16, false}, {9, 1, 8, false}}};
  fixture source;
  source.publish(source.batch(10, true));
  fixture f{queue_settings{}, &recovered};
  for (const seqno at : {3, 4, 5, 6, 9})
    f.store.live.emplace(at, source.store.live.at(at));
  BOOST_TEST(f.queue->messages_ready() == 5u);
  BOOST_TEST(f.queue->bytes_ready() == 40u);
  f.published = 10;
  f.publish(f.batch(1, true));
  auto who = f.consumer_on(f.channel());
  f.send(consume_request{who});
  f.settle_store();
  consumer* by = who.get();
  BOOST_TEST(f.deliveries
               == (std::vector<delivery>{{3, 3, true, by},
                                         {4, 4, true, by},
                                         {5, 5, false, by},
                                         {6, 6, false, by},
                                         {9, 9, false, by},
                                         {11, 11, false, by}}),
             boost::test_tools::per_element());
  f.ack(who, 3, 12);
  BOOST_TEST(f.store.live.empty());
}

BOOST_AUTO_TEST_CASE(what_consumers_hold_unacked_gives_up_its_bodies_beyond_the_budget) {
  for (const bool persistent : {false, true}) {
    fixture f{keep(50'000)};
    auto who = f.consumer_on(f.channel());
    f.send(consume_request{who});
    for (int at = 0; at < 100; ++at) {
      who->unwritten_bytes = 0;
      f.publish(f.batch(50, persistent, 100));
      f.durable();
      f.paged();
    }
    BOOST_TEST(f.numbers().size() == 5000u);
    BOOST_TEST(f.queue->bytes_in_memory() < 100'000u);
    f.send(channel_gone{who->channel});
    auto other = f.consumer_on(f.channel());
    f.send(consume_request{other});
    f.settle_store();
    BOOST_TEST(f.numbers() == counting(1, 5000), boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(under_pressure_a_queue_keeps_only_its_head) {
  bool pressure = false;
  queue_settings chosen;
  chosen.memory_pressure = [&] { return pressure; };
  fixture f{chosen};
  for (int at = 0; at < 80; ++at)
    f.publish(f.batch(10, false, 10'000));
  BOOST_TEST(f.queue->bytes_in_memory() > 8'000'000u);
  pressure = true;
  for (uint64_t at = 1; at < 5; ++at) {
    f.tick(1000 + at);
    f.paged();
  }
  BOOST_TEST(f.queue->bytes_in_memory() <= limits::page_in_bytes);
  auto who = f.consumer_on(f.channel(), 0, true);
  f.send(consume_request{who});
  while (f.queue->messages_ready() > 0) {
    who->unwritten_bytes = 0;
    f.send(consumer_ready{who});
    f.settle_store();
  }
  BOOST_TEST(f.numbers() == counting(1, 800), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(under_pressure_a_lone_survivor_does_not_keep_its_block_alive) {
  bool pressure = false;
  queue_settings chosen;
  chosen.memory_pressure = [&] { return pressure; };
  fixture f{chosen};
  auto who = f.consumer_on(f.channel());
  f.send(consume_request{who});
  const size_t before = block::total_bytes();
  f.publish(f.batch(1000, false, 100));
  f.events_seen.clear();
  f.settle(settle_request::kind::ack, who, {{1, 500}, {501, 1001}});
  BOOST_TEST(block::total_bytes() - before >= 100'000u);
  pressure = true;
  f.tick(1001);
  BOOST_TEST(block::total_bytes() - before < 1000u);
  f.deliveries.clear();
  f.settle(settle_request::kind::requeue, who, {{500, 501}});
  BOOST_TEST(f.deliveries == (std::vector<delivery>{{500, 500, true, who.get()}}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_purge_during_a_read_back_is_no_loss) {
  fixture f{keep(1000)};
  for (int at = 0; at < 10; ++at)
    f.publish(f.batch(100, true));
  f.durable();
  auto who = f.consumer_on(f.channel());
  f.send(consume_request{who});
  BOOST_REQUIRE(!f.store.reads.empty());
  f.send(purge_request{f.channel()});
  BOOST_TEST(f.last<purged>()->messages == 900u);
  f.settle_store();
  BOOST_TEST(f.queue->messages_ready() == 0u);
  BOOST_TEST(f.queue->messages_unacked() == 100u);
}

BOOST_AUTO_TEST_SUITE_END()

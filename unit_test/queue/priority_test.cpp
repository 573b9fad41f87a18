#include <boost/test/unit_test.hpp>

#include "with_options.hpp"

using namespace test;

namespace priority_promises {
namespace {

queue_options priorities(uint8_t most) {
  queue_options chosen;
  chosen.max_priority = most;
  return chosen;
}

std::vector<amqp::properties> of_priorities(const std::vector<uint8_t>& all) {
  std::vector<amqp::properties> made;
  for (const uint8_t one : all)
    made.push_back(with_priority(one));
  return made;
}

} // namespace
} // namespace priority_promises

BOOST_AUTO_TEST_SUITE(priority_promises)

BOOST_AUTO_TEST_CASE(higher_priorities_go_out_first_and_each_in_publish_order) {
  fixture_with f{priorities(5)};
  f.publish(f.batch_of(of_priorities({0, 5, 3, 3, 0, 5})));
  BOOST_TEST(f.queue->messages_ready() == 6u);
  f.send(consume_request{f.consumer_on(f.channel())});
  BOOST_TEST(f.numbers() == (numbers{2, 6, 3, 4, 1, 5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_paged_out_has_its_priority_and_deadline_in_the_store_for_copies_of_the_queue) {
  queue_settings settings;
  settings.memory_bytes = 100;
  settings.wall_ms = [] { return uint64_t{1'000'000}; };
  queue_options chosen = priorities(5);
  chosen.message_ttl_ms = 60'000;
  fixture_with f{chosen, settings};
  f.publish(f.batch_of(of_priorities({3, 3, 3, 3, 3, 3, 3, 3})));
  f.publish(f.batch_of(of_priorities({5, 5, 5, 5, 5, 5, 5, 5})));
  f.paged();
  BOOST_REQUIRE(!f.store.live.empty());
  for (const auto& [seq, stored] : f.store.live) {
    BOOST_TEST(stored.facts.priority == (seq <= 8 ? 3u : 5u));
    BOOST_TEST(stored.facts.deadline_ms >= 1'060'000u);
  }
}

BOOST_AUTO_TEST_CASE(a_missing_priority_is_the_lowest_and_one_above_the_maximum_is_the_maximum) {
  fixture_with f{priorities(3)};
  f.publish(f.batch_of({{}, with_priority(3), with_priority(200), with_priority(1)}));
  f.send(consume_request{f.consumer_on(f.channel())});
  BOOST_TEST(f.numbers() == (numbers{2, 3, 4, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(without_the_argument_priorities_mean_nothing) {
  fixture_with f{priorities(0)};
  f.publish(f.batch_of(of_priorities({0, 9, 3})));
  f.send(consume_request{f.consumer_on(f.channel())});
  BOOST_TEST(f.numbers() == counting(1, 3), boost::test_tools::per_element());
  BOOST_TEST(f.deliveries.empty());
}

BOOST_AUTO_TEST_CASE(a_requeued_message_returns_to_its_place_within_its_priority) {
  fixture_with f{priorities(5)};
  auto where = f.channel();
  auto who = f.consumer_on(where, 4);
  f.publish(f.batch_of(of_priorities({0, 5, 0, 5, 5, 0})));
  f.send(consume_request{who});
  BOOST_TEST(f.numbers() == (numbers{2, 4, 5, 1}), boost::test_tools::per_element());
  f.send(channel_gone{where});
  f.send(consume_request{f.consumer_on(f.channel())});
  BOOST_TEST(f.numbers() == (numbers{2, 4, 5, 1, 3, 6}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(get_takes_the_highest_priority_and_purge_takes_all) {
  fixture_with f{priorities(9)};
  auto where = f.channel();
  f.publish(f.batch_of(of_priorities({1, 9, 4})));
  f.send(get_request{where, true});
  BOOST_TEST(f.last<got>()->run.first == 2u);
  BOOST_TEST(f.last<got>()->messages_left == 2u);
  f.send(purge_request{where});
  BOOST_TEST(f.last<purged>()->messages == 2u);
  BOOST_TEST(f.queue->idle());
}

BOOST_AUTO_TEST_CASE(a_backlog_of_many_priorities_is_paged_and_drains_in_order) {
  for (const bool persistent : {false, true}) {
    queue_settings small;
    small.memory_bytes = 20'000;
    fixture_with f{priorities(9), small};
    std::vector<std::pair<int, uint64_t>> expected;
    for (int round = 0; round < 50; ++round) {
      std::vector<uint8_t> all;
      for (int at = 0; at < 40; ++at) {
        all.push_back(static_cast<uint8_t>((round * 7 + at * 13) % 10));
        expected.emplace_back(-all.back(), f.published + all.size());
      }
      f.publish(f.batch_of(of_priorities(all), persistent));
      f.settle_store();
    }
    BOOST_TEST(f.queue->bytes_in_memory() < 60'000u);
    std::sort(expected.begin(), expected.end());
    auto who = f.consumer_on(f.channel(), 0, true);
    f.send(consume_request{who});
    while (!f.store.reads.empty())
      f.settle_store();
    numbers wanted;
    for (const auto& one : expected)
      wanted.push_back(one.second);
    BOOST_TEST(f.numbers() == wanted, boost::test_tools::per_element());
    BOOST_TEST(f.store.live.empty());
    BOOST_TEST(f.queue->idle());
  }
}

BOOST_AUTO_TEST_SUITE_END()

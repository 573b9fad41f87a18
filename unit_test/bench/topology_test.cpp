#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <numeric>

#include "topology.hpp"

using namespace broker::bench;

BOOST_AUTO_TEST_SUITE(bench_topology)

BOOST_AUTO_TEST_CASE(with_fewer_publishers_every_queue_still_has_exactly_one) {
  options run;
  run.queues = 5;
  run.publishers = 2;
  const topology shape = topology::of(run);
  std::vector<uint32_t> senders(run.queues);
  for (const auto& targets : shape.publishers)
    for (const auto& each : targets)
      ++senders[each.queues.front()];
  BOOST_TEST(senders == std::vector<uint32_t>(5, 1), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(with_more_publishers_they_share_the_queues) {
  options run;
  run.queues = 2;
  run.publishers = 5;
  const topology shape = topology::of(run);
  BOOST_TEST(shape.streams() == 5u);
  for (uint32_t i = 0; i < 5; ++i)
    BOOST_TEST(shape.publishers[i].front().queues.front() == i % 2);
}

BOOST_AUTO_TEST_CASE(hops_lead_from_the_publisher_to_the_queue) {
  options run;
  run.queues = 2;
  run.hops = 3;
  const topology shape = topology::of(run);
  BOOST_TEST(shape.hops.size() == 6u);
  for (const auto& each : shape.publishers[0]) {
    std::string at = each.routing_key;
    for (uint32_t i = 0; i < run.hops; ++i) {
      const auto next = std::ranges::find(shape.hops, at, &hop::queue);
      BOOST_REQUIRE((next != shape.hops.end()));
      at = next->next;
    }
    BOOST_TEST(at == shape.queues[each.queues.front()]);
  }
}

BOOST_AUTO_TEST_CASE(fan_out_delivers_every_message_to_every_queue) {
  options run;
  run.queues = 10;
  run.exchange = exchange_kind::fanout;
  const topology shape = topology::of(run);
  BOOST_TEST(shape.bindings.size() == 10u);
  BOOST_TEST(shape.deliveries(shape.sent_by_stream({7})) == 70u);
}

BOOST_AUTO_TEST_CASE(each_topic_key_matches_exactly_its_own_binding) {
  options run;
  run.queues = 10;
  run.bindings = 30;
  run.exchange = exchange_kind::topic;
  const topology shape = topology::of(run);
  for (uint32_t i = 0; i < run.bindings; ++i) {
    const std::string& pattern = shape.bindings[i].key; // ends in "*"
    const target& sent = shape.publishers[0][i];
    BOOST_TEST(sent.routing_key.starts_with(pattern.substr(0, pattern.size() - 1)));
    BOOST_TEST(sent.queues.front() == shape.bindings[i].queue);
  }
}

BOOST_AUTO_TEST_CASE(going_round_the_streams_numbers_them_evenly) {
  options run;
  run.queues = 3;
  run.publishers = 1;
  const topology shape = topology::of(run);
  const std::vector<uint64_t> sent = shape.sent_by_stream({8});
  const std::vector<uint64_t> expected{3, 3, 2};
  BOOST_TEST(sent == expected, boost::test_tools::per_element());
  BOOST_TEST(shape.deliveries(sent) == 8u);
}

BOOST_AUTO_TEST_SUITE_END()

#include <boost/test/unit_test.hpp>

#include <array>
#include <initializer_list>

#include "sequence.hpp"

using namespace broker::bench;

namespace bench_sequence {
namespace {

arrival_set arrivals(std::initializer_list<uint64_t> sequences) {
  arrival_set result;
  for (const uint64_t each : sequences)
    result.receive(each);
  return result;
}

} // namespace
} // namespace bench_sequence

BOOST_AUTO_TEST_SUITE(bench_sequence)

BOOST_AUTO_TEST_CASE(a_stamp_survives_the_wire) {
  std::array<char, stamp_size> bytes;
  stamp::make(streams_max - 1, sequence_mask, 123).store(bytes.data());
  const stamp loaded = stamp::load(bytes.data());
  BOOST_TEST(loaded.stream() == streams_max - 1);
  BOOST_TEST(loaded.sequence() == sequence_mask);
  BOOST_TEST(loaded.intended == 123u);
}

BOOST_AUTO_TEST_CASE(everything_once_and_in_order_is_perfect) {
  const arrival_set set = arrivals({0, 1, 2, 3});
  BOOST_TEST(set.missing(4) == 0u);
  BOOST_TEST(set.duplicated() == 0u);
}

BOOST_AUTO_TEST_CASE(a_hole_and_a_missing_end_are_lost) {
  const arrival_set set = arrivals({0, 1, 5, 6});
  BOOST_TEST(set.missing(7) == 3u);
  BOOST_TEST(set.missing(10) == 6u);
  BOOST_TEST(set.duplicated() == 0u);
}

BOOST_AUTO_TEST_CASE(a_late_message_fills_its_hole) {
  const arrival_set set = arrivals({0, 6, 3, 1, 5, 2, 4});
  BOOST_TEST(set.missing(7) == 0u);
  BOOST_TEST(set.duplicated() == 0u);
}

BOOST_AUTO_TEST_CASE(a_second_copy_is_a_duplicate_wherever_it_arrives) {
  BOOST_TEST(arrivals({0, 0}).duplicated() == 1u);
  BOOST_TEST(arrivals({0, 1, 2, 1}).duplicated() == 1u);
  const arrival_set filled_twice = arrivals({0, 5, 2, 2, 5, 0});
  BOOST_TEST(filled_twice.duplicated() == 3u);
  BOOST_TEST(filled_twice.missing(6) == 3u);
}

BOOST_AUTO_TEST_CASE(a_duplicate_does_not_hide_a_loss) {
  const arrival_set set = arrivals({0, 1, 1, 3});
  BOOST_TEST(set.missing(4) == 1u);
  BOOST_TEST(set.duplicated() == 1u);
}

BOOST_AUTO_TEST_CASE(streams_of_one_queue_are_judged_apart) {
  queue_check queue;
  queue.expect(0);
  queue.expect(2);
  for (const uint32_t stream : {0u, 2u, 0u, 2u})
    queue.receive(stamp::make(stream, stream == 0 ? 0 : 1, 0));
  BOOST_TEST(queue.duplicated() == 2u);
  BOOST_TEST(queue.missing({1, 99, 2}) == 1u); // stream 1 goes elsewhere
  BOOST_TEST(queue.misrouted() == 0u);
}

BOOST_AUTO_TEST_CASE(a_message_of_a_stream_that_belongs_elsewhere_is_misrouted) {
  queue_check queue;
  queue.expect(1);
  queue.receive(stamp::make(0, 0, 0));
  queue.receive(stamp::make(7, 0, 0));
  queue.receive(stamp::make(1, 0, 0));
  BOOST_TEST(queue.misrouted() == 2u);
  BOOST_TEST(queue.missing({5, 1}) == 0u);
}

BOOST_AUTO_TEST_CASE(order_is_a_promise_within_a_stream_only) {
  order_check order;
  for (const auto& [stream, sequence] : {std::pair{0u, 5u}, {1u, 0u}, {0u, 9u}, {1u, 1u}})
    order.receive(stamp::make(stream, sequence, 0));
  BOOST_TEST(order.reordered() == 0u);
  order.receive(stamp::make(0, 8, 0));
  BOOST_TEST(order.reordered() == 1u);
  order.receive(stamp::make(0, 10, 0));
  BOOST_TEST(order.reordered() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

#include <boost/test/unit_test.hpp>

#include <vector>

#include "confirm_tracker.hpp"

using broker::bench::confirm_tracker;
using broker::bench::failure;

namespace bench_confirm_tracker {
namespace {

confirm_tracker with_outstanding(uint32_t window, uint64_t messages) {
  confirm_tracker tracker{window};
  for (uint64_t tag = 1; tag <= messages; ++tag)
    tracker.sent(tag * 100);
  return tracker;
}

std::vector<uint64_t> settle(confirm_tracker& tracker, uint64_t tag, bool multiple) {
  std::vector<uint64_t> answered;
  tracker.settle(tag, multiple, [&answered](uint64_t sent_at) { answered.push_back(sent_at); });
  return answered;
}

} // namespace
} // namespace bench_confirm_tracker

BOOST_AUTO_TEST_SUITE(bench_confirm_tracker)

BOOST_AUTO_TEST_CASE(the_window_closes_when_full_and_opens_with_each_answer) {
  confirm_tracker tracker = with_outstanding(3, 3);
  BOOST_TEST(tracker.room() == 0u);
  settle(tracker, 1, false);
  BOOST_TEST(tracker.room() == 1u);
  settle(tracker, 3, true);
  BOOST_TEST(tracker.room() == 3u);
  BOOST_TEST(tracker.outstanding() == 0u);
}

BOOST_AUTO_TEST_CASE(a_multiple_answer_skips_what_was_answered_singly) {
  confirm_tracker tracker = with_outstanding(8, 4);
  BOOST_TEST(settle(tracker, 2, false) == std::vector<uint64_t>{200}, boost::test_tools::per_element());
  const std::vector<uint64_t> rest{100, 300};
  BOOST_TEST(settle(tracker, 3, true) == rest, boost::test_tools::per_element());
  BOOST_TEST(tracker.outstanding() == 1u);
}

BOOST_AUTO_TEST_CASE(multiple_with_tag_zero_answers_all) {
  confirm_tracker tracker = with_outstanding(8, 5);
  BOOST_TEST(settle(tracker, 0, true).size() == 5u);
}

BOOST_AUTO_TEST_CASE(an_old_unanswered_message_bounds_the_span) {
  confirm_tracker tracker = with_outstanding(4, 4);
  for (uint64_t tag = 2; tag <= 4; ++tag)
    settle(tracker, tag, false);
  BOOST_TEST(tracker.outstanding() == 1u);
  BOOST_TEST(tracker.room() == 0u);
  settle(tracker, 1, false);
  BOOST_TEST(tracker.room() == 4u);
}

BOOST_AUTO_TEST_CASE(an_answer_to_nothing_is_an_error_of_the_broker) {
  confirm_tracker tracker = with_outstanding(4, 2);
  BOOST_CHECK_THROW(settle(tracker, 3, false), failure);
  BOOST_CHECK_THROW(settle(tracker, 3, true), failure);
  settle(tracker, 2, false);
  BOOST_CHECK_THROW(settle(tracker, 2, false), failure);
  settle(tracker, 1, false);
  BOOST_CHECK_THROW(settle(tracker, 1, false), failure);
}

BOOST_AUTO_TEST_SUITE_END()

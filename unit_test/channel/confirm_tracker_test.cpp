// Promise C8 (guarantees.md): every publish in confirm mode is acked or nacked exactly once, never early.
#include <boost/test/unit_test.hpp>

#include <map>
#include <set>

#include "base/random.hpp"
#include "channel/confirm_tracker.hpp"
#include "sample.hpp"

namespace confirm_tracker_promises {
namespace {

using namespace broker;

struct told {
  confirm_number number;
  bool multiple;
  bool rejected;
  friend bool operator==(const told&, const told&) = default;
  friend std::ostream& operator<<(std::ostream& out, const told& what) {
    return out << (what.rejected ? "nack " : "ack ") << what.number << (what.multiple ? " multiple" : "");
  }
};

std::vector<told> flush(confirm_tracker& tracker) {
  std::vector<told> all;
  tracker.flush([&](confirm_number number, bool multiple, bool rejected) {
    all.push_back({number, multiple, rejected});
  });
  return all;
}

void expect(confirm_tracker& tracker, confirm_number first, uint32_t count, std::vector<queue_id> queues) {
  tracker.expect(first, count, queues);
}

} // namespace
} // namespace confirm_tracker_promises

BOOST_AUTO_TEST_SUITE(confirm_tracker_promises)

BOOST_AUTO_TEST_CASE(a_run_confirmed_at_once_is_one_ack_with_multiple) {
  confirm_tracker tracker;
  expect(tracker, 1, 1000, {7});
  BOOST_TEST(flush(tracker).empty());
  tracker.answer(7, {1, 1001}, false);
  const std::vector<told> wanted{{1000, true, false}};
  BOOST_TEST(flush(tracker) == wanted, boost::test_tools::per_element());
  BOOST_TEST(tracker.unconfirmed() == 0u);
}

BOOST_AUTO_TEST_CASE(a_publish_to_two_queues_waits_for_both) {
  confirm_tracker tracker;
  expect(tracker, 1, 1, {7, 8});
  tracker.answer(8, {1, 2}, false);
  BOOST_TEST(flush(tracker).empty());
  tracker.answer(7, {1, 2}, false);
  const std::vector<told> wanted{{1, false, false}};
  BOOST_TEST(flush(tracker) == wanted, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_publish_that_reached_no_queue_is_confirmed) {
  confirm_tracker tracker;
  expect(tracker, 1, 3, {});
  const std::vector<told> wanted{{3, true, false}};
  BOOST_TEST(flush(tracker) == wanted, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_nack_never_covers_what_was_accepted) {
  confirm_tracker tracker;
  expect(tracker, 1, 6, {7});
  tracker.answer(7, {3, 5}, true);
  tracker.answer(7, {1, 3}, false);
  tracker.answer(7, {5, 7}, false);
  const std::vector<told> wanted{{2, true, false}, {4, true, true}, {6, true, false}};
  BOOST_TEST(flush(tracker) == wanted, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(one_queue_that_rejects_is_enough_for_a_nack) {
  confirm_tracker tracker;
  expect(tracker, 1, 1, {7, 8});
  tracker.answer(7, {1, 2}, true);
  tracker.answer(8, {1, 2}, false);
  const std::vector<told> wanted{{1, false, true}};
  BOOST_TEST(flush(tracker) == wanted, boost::test_tools::per_element());
  BOOST_TEST(tracker.take_rejected());
  BOOST_TEST(!tracker.take_rejected());
}

BOOST_AUTO_TEST_CASE(a_queue_that_is_gone_counts_as_confirmed_and_its_late_answer_is_ignored) {
  confirm_tracker tracker;
  expect(tracker, 1, 2, {7, 8});
  tracker.queue_gone(7);
  tracker.answer(7, {1, 3}, false);
  BOOST_TEST(flush(tracker).empty());
  tracker.answer(8, {1, 3}, false);
  const std::vector<told> wanted{{2, true, false}};
  BOOST_TEST(flush(tracker) == wanted, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_slow_queue_holds_younger_confirms_back_only_for_a_while) {
  confirm_tracker tracker;
  expect(tracker, 1, 1, {7});
  confirm_number next = 2;
  std::vector<told> all;
  for (uint32_t round = 0; round < confirm_tracker::stale_after && all.empty(); ++round, ++next) {
    expect(tracker, next, 1, {8});
    tracker.answer(8, {next, next + 1}, false);
    all = flush(tracker);
  }
  BOOST_REQUIRE(all.size() == confirm_tracker::stale_after);
  for (size_t i = 0; i < all.size(); ++i)
    BOOST_TEST(all[i] == (told{2 + i, false, false}));
  BOOST_TEST(tracker.unconfirmed() == 1u);
  tracker.answer(7, {1, 2}, false);
  const std::vector<told> rest{{1, false, false}};
  BOOST_TEST(flush(tracker) == rest, boost::test_tools::per_element());
  BOOST_TEST(tracker.unconfirmed() == 0u);
}

/// Against a model that keeps a set of owing queues per publish.
void compare_with_model(uint64_t seed) {
  random_source random{seed};
  confirm_tracker tracker;
  const confirm_number start = 1 + random.below(1000);
  tracker.start(start);
  confirm_number next = start;
  std::map<confirm_number, std::set<queue_id>> owing;
  std::map<confirm_number, bool> rejected;
  std::set<confirm_number> untold;

  const auto check_told = [&] {
    tracker.flush([&](confirm_number number, bool multiple, bool nacked) {
      BOOST_REQUIRE(untold.contains(number));
      for (auto at = untold.begin(); at != untold.end() && *at <= number;) {
        if (!multiple && *at != number) {
          ++at;
          continue;
        }
        BOOST_REQUIRE(owing[*at].empty());
        BOOST_REQUIRE(rejected[*at] == nacked);
        at = untold.erase(at);
      }
    });
    BOOST_REQUIRE(tracker.unconfirmed() == untold.size());
    bool anyone = false;
    for (const auto number : untold)
      anyone = anyone || !owing[number].empty();
    BOOST_REQUIRE(tracker.waiting() == anyone);
  };

  for (int i = 0; i < 400; ++i) {
    if (random.chance(1, 2)) {
      const auto count = static_cast<uint32_t>(1 + random.below(20));
      std::vector<queue_id> queues;
      for (queue_id queue = 1; queue <= 4; ++queue)
        if (random.chance(1, 3))
          queues.push_back(queue);
      tracker.expect(next, count, queues);
      for (uint32_t k = 0; k < count; ++k, ++next) {
        owing[next] = {queues.begin(), queues.end()};
        rejected[next] = false;
        untold.insert(next);
      }
    } else if (random.chance(1, 20)) {
      const queue_id queue = 1 + random.below(4);
      tracker.queue_gone(queue);
      for (auto& [number, queues] : owing)
        queues.erase(queue);
    } else if (next > start) {
      const queue_id queue = 1 + random.below(4);
      const confirm_number lo = start + random.below(next - start);
      const confirm_number hi = lo + 1 + random.below(next - lo);
      const bool nack = random.chance(1, 5);
      tracker.answer(queue, {lo, hi}, nack);
      for (confirm_number number = lo; number < hi; ++number)
        if (owing[number].erase(queue) != 0)
          rejected[number] = rejected[number] || nack;
    }
    if (random.chance(2, 3))
      check_told();
  }
  for (queue_id queue = 1; queue <= 4; ++queue)
    tracker.answer(queue, {start, next}, false);
  for (auto& [number, queues] : owing)
    queues.clear();
  check_told();
  BOOST_TEST(untold.empty());
}

BOOST_AUTO_TEST_CASE(every_publish_is_told_exactly_once_whatever_the_order_of_answers) {
  for (uint64_t seed = 1; seed <= sample::seeds(200); ++seed)
    BOOST_TEST_CONTEXT("seed " << seed)
  compare_with_model(seed);
}

BOOST_AUTO_TEST_SUITE_END()

// A round of samples asks only queues in which something has happened; the others count as before.
#include <algorithm>

#include <boost/test/unit_test.hpp>

#include "management/queue_samples.hpp"

namespace queue_samples {
namespace {

using namespace broker;

queue_report report(queue_id id, uint64_t ready, uint64_t published) {
  auto record = std::make_shared<queue_record>();
  record->id = id;
  queue_report said;
  said.queue = record;
  said.ready = ready;
  said.messages.counts[counted::publish] = published;
  return said;
}

struct fixture {
  std::vector<queue_id> begin(const std::vector<queue_id>& own, const std::vector<queue_id>& touched = {}) {
    return samples.begin_round(own, touched);
  }
  management::activity_report sum() const {
    management::activity_report now;
    samples.add_to(now);
    std::sort(now.queues.begin(), now.queues.end(), [](const auto& a, const auto& b) { return a.queue < b.queue; });
    return now;
  }
  management::queue_samples samples;
};

using ids = std::vector<queue_id>;

} // namespace
} // namespace queue_samples

BOOST_FIXTURE_TEST_SUITE(queue_samples, queue_samples::fixture)

BOOST_AUTO_TEST_CASE(a_queue_that_rests_is_asked_once_and_counts_in_every_round) {
  BOOST_TEST(begin({1, 2, 3}) == (ids{1, 2, 3}));
  samples.take(report(1, 0, 0));
  samples.take(report(2, 5, 7));
  samples.take(report(3, 1, 1));
  BOOST_TEST(begin({1, 2, 3}).empty());
  const auto now = sum();
  BOOST_TEST(now.node.queues == 3u);
  BOOST_TEST(now.node.ready == 6u);
  BOOST_TEST(now.node.queue_messages[counted::publish] == 8u);
  BOOST_REQUIRE(now.queues.size() == 2u);
  BOOST_TEST(now.queues[0].queue == 2u);
  BOOST_TEST(now.queues[0].ready == 5u);
}

BOOST_AUTO_TEST_CASE(a_queue_that_was_touched_is_asked_again) {
  begin({1, 2});
  samples.take(report(1, 0, 0));
  samples.take(report(2, 5, 5));
  BOOST_TEST(begin({1, 2}, {2, 9}) == (ids{2}));
  samples.take(report(2, 0, 5));
  BOOST_TEST(sum().node.ready == 0u);
  BOOST_TEST(sum().node.queue_messages[counted::publish] == 5u);
}

BOOST_AUTO_TEST_CASE(a_queue_that_has_not_answered_is_asked_again_and_not_counted) {
  begin({1, 2});
  samples.take(report(1, 0, 0));
  BOOST_TEST(sum().node.queues == 1u);
  BOOST_TEST(begin({1, 2}) == (ids{2}));
}

BOOST_AUTO_TEST_CASE(a_queue_whose_master_was_elsewhere_meanwhile_is_asked_again) {
  begin({1, 2});
  samples.take(report(1, 3, 3));
  samples.take(report(2, 4, 4));
  BOOST_TEST(begin({2}).empty());
  BOOST_TEST(sum().node.ready == 4u);
  BOOST_TEST(begin({1, 2}) == (ids{1}));
}

BOOST_AUTO_TEST_SUITE_END()

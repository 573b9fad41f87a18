// Regression: all queues of a node were asked for their reports at once, every five seconds; with 100,000 of them a
// publisher on that loop waited for two seconds.
#include <deque>
#include <numeric>
#include <utility>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "report_round.hpp"

namespace report_rounds {
namespace {

using namespace broker;
using round = report_round<int>;

struct fixture {
  void begin(size_t queues) {
    std::vector<queue_id> ids(queues);
    std::iota(ids.begin(), ids.end(), 1);
    std::make_shared<round>(
      std::move(ids),
      round::ways{[this](queue_id id, const round::slice& asked) {
                    if (id % 10 != 0) // else it has ended
                      unanswered.emplace_back(id, asked);
                  },
                  [this](std::function<void()> what) { turns.push_back(std::move(what)); },
                  [this](std::vector<int> some) { taken.insert(taken.end(), some.begin(), some.end()); },
                  [this] { ++done; }})
      ->next();
  }
  void run_turns() {
    while (!turns.empty()) {
      const auto turn = std::move(turns.front());
      turns.pop_front();
      turn();
    }
  }
  void answer() {
    for (auto& [id, asked] : std::exchange(unanswered, {}))
      asked->add(static_cast<int>(id));
  }

  std::deque<std::function<void()>> turns;
  std::deque<std::pair<queue_id, round::slice>> unanswered;
  std::vector<int> taken;
  int done = 0;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(a_round_of_reports, fixture)

BOOST_AUTO_TEST_CASE(asks_a_slice_at_a_time_and_all_in_the_end) {
  begin(1'000);
  BOOST_TEST(unanswered.empty()); // not in the asker's own turn
  for (int slices = 0; done == 0; ++slices) {
    BOOST_TEST_REQUIRE(slices < 10);
    run_turns();
    BOOST_TEST(unanswered.size() <= round::at_once);
    answer();
  }
  BOOST_TEST(done == 1);
  BOOST_TEST(taken.size() == 900u);
}

BOOST_AUTO_TEST_CASE(of_no_queue_and_of_queues_that_have_all_ended_is_soon_over) {
  begin(0);
  run_turns();
  BOOST_TEST(done == 1);
  begin(600);
  while (done == 1) {
    run_turns();
    unanswered.clear(); // they end unasked
  }
  BOOST_TEST(taken.empty());
  BOOST_TEST(done == 2);
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace report_rounds

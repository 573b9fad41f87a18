// Counts of a node's exchanges (features.md O22): what channels have counted stays, what is no more is forgotten.
#include <thread>

#include <boost/test/unit_test.hpp>

#include "actors/exchange_totals.hpp"

namespace totals_of_exchanges {

using namespace broker;

exchange_counts counts_of(exchange_totals& totals, const std::string& name) {
  for (const auto& each : totals.read([](const auto&, const auto&) { return true; }))
    if (each.name == name)
      return each.counts;
  return {};
}

bool is(const exchange_counts& found, uint64_t in, uint64_t out) {
  return found == exchange_counts{in, out};
}

} // namespace totals_of_exchanges

BOOST_AUTO_TEST_SUITE(totals_of_exchanges)

BOOST_AUTO_TEST_CASE(channels_are_added_up_and_what_they_have_counted_stays_when_they_end) {
  exchange_totals totals;
  std::vector<std::shared_ptr<exchange_counter>> open;
  for (uint64_t i = 1; i <= 4; ++i) {
    open.push_back(totals.open("/", "x"));
    open.back()->count(i, 2);
  }
  totals.open("/", "y")->count(7, 0);
  BOOST_TEST(is(counts_of(totals, "x"), 10, 20));
  open.erase(open.begin() + 1); // neither first nor last
  BOOST_TEST(is(counts_of(totals, "x"), 10, 20));
  open.front()->count(100, 1);
  BOOST_TEST(is(counts_of(totals, "x"), 110, 120));
  open.clear();
  totals.add("/", "x", {1, 1});
  BOOST_TEST(is(counts_of(totals, "x"), 111, 121));
  BOOST_TEST(is(counts_of(totals, "y"), 7, 0));
}

BOOST_AUTO_TEST_CASE(vhosts_have_exchanges_of_their_own) {
  exchange_totals totals;
  totals.open("/", "x")->count(1, 1);
  totals.open("other", "x")->count(2, 2);
  const auto all = totals.read([](const auto&, const auto&) { return true; });
  BOOST_REQUIRE(all.size() == 2u);
  BOOST_TEST(all[0].vhost == "/");
  BOOST_TEST(is(all[0].counts, 1, 1));
  BOOST_TEST(all[1].vhost == "other");
  BOOST_TEST(is(all[1].counts, 2, 4));
}

BOOST_AUTO_TEST_CASE(an_exchange_that_has_gone_is_forgotten_and_begins_at_0_when_it_comes_again) {
  exchange_totals totals;
  const auto old = totals.open("/", "x");
  old->count(5, 1);
  BOOST_TEST(old->is_for("x"));
  BOOST_TEST(!old->is_for("y"));
  BOOST_TEST(totals.read([](const auto&, const auto& name) { return name != "x"; }).empty());
  BOOST_TEST(!old->is_for("x"));
  old->count(3, 1);
  const auto now = totals.open("/", "x");
  now->count(1, 1);
  BOOST_TEST(is(counts_of(totals, "x"), 1, 1));
}

BOOST_AUTO_TEST_CASE(nothing_is_lost_between_those_who_count_and_those_who_read) {
  exchange_totals totals;
  constexpr uint64_t rounds = 2'000, times = 5;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 2; ++thread)
    threads.emplace_back([&] {
      for (uint64_t i = 0; i < rounds; ++i) {
        const auto counter = totals.open("/", "x");
        for (uint64_t n = 0; n < times; ++n)
          counter->count(1, 3);
      }
    });
  uint64_t last = 0;
  for (int i = 0; i < 200; ++i) {
    const auto now = counts_of(totals, "x").in;
    BOOST_TEST(now >= last);
    last = now;
  }
  for (auto& each : threads)
    each.join();
  BOOST_TEST(is(counts_of(totals, "x"), 2 * rounds * times, 2 * rounds * times * 3));
}

BOOST_AUTO_TEST_SUITE_END()

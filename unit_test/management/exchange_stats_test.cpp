// Rates of exchanges (features.md O22), and how nodes add up what each of them says.
#include <boost/test/unit_test.hpp>

#include "management/exchange_stats.hpp"

namespace stats_of_exchanges {

using namespace broker;
using namespace broker::management;

const std::pair<std::string, std::string> x{"/", "x"};

exchange_report report(uint64_t in, uint64_t out) {
  return {"/", "x", {in, out}};
}

} // namespace stats_of_exchanges

BOOST_AUTO_TEST_SUITE(stats_of_exchanges)

BOOST_AUTO_TEST_CASE(a_rate_is_that_between_two_looks_far_enough_apart) {
  exchange_looks looks;
  BOOST_TEST(looks.look({report(100, 200)}, 1'000).at(x).in_rate == 0);
  BOOST_TEST(looks.look({report(150, 300)}, 2'000).at(x).in_rate == 0); // too soon
  const auto found = looks.look({report(200, 400)}, 6'000).at(x);
  BOOST_TEST(found.in_rate == 20);
  BOOST_TEST(found.out_rate == 40);
  BOOST_TEST((found.counts == exchange_counts{200, 400}));
  BOOST_TEST(looks.look({report(900, 900)}, 7'000).at(x).in_rate == 20); // as of the last look that counts
  BOOST_TEST(looks.look({report(900, 900)}, 70'000).at(x).in_rate == 0); // nobody has looked for long
}

BOOST_AUTO_TEST_CASE(an_exchange_that_begins_anew_has_no_rate) {
  exchange_looks looks;
  looks.look({report(100, 100)}, 1'000);
  BOOST_TEST(looks.look({report(5, 5)}, 6'000).at(x).in_rate == 0);
  BOOST_TEST(looks.look({report(55, 55)}, 11'000).at(x).in_rate == 10);
  BOOST_TEST(looks.look({}, 12'000).empty());
  BOOST_TEST(looks.look({report(1'000, 0)}, 17'000).at(x).in_rate == 0);
}

BOOST_AUTO_TEST_CASE(what_nodes_say_is_added_up_and_nonsense_left_out) {
  exchange_map here{{x, {{10, 20}, 1, 2}}};
  const exchange_map there{{x, {{1, 2}, 0.5, 0.25}}, {{"v", ""}, {{7, 0}, 0, 0}}};
  auto answer = to_response(there);
  answer.rows.push_back({"/", "x"});
  answer.rows.push_back({"/", "x", "1", 1, 1.0, 1.0});
  add_response(here, answer);
  BOOST_TEST(here.size() == 2u);
  BOOST_TEST((here[x].counts == exchange_counts{11, 22}));
  BOOST_TEST(here[x].in_rate == 1.5);
  BOOST_TEST(here[x].out_rate == 2.25);
  BOOST_TEST((here[{"v", ""}].counts == exchange_counts{7, 0}));
}

BOOST_AUTO_TEST_CASE(nobody_has_published_nothing_is_shown) {
  const exchange_map figures{{x, {{3, 6}, 1.5, 3}}, {{"/", "lost"}, {{4, 0}, 1, 0}}, {{"/", "rolled back"}, {}}};
  const auto written = [&](const std::string& name) {
    json_writer out;
    {
      object_writer to{out, {}};
      write_exchange_stats(to, figures, "/", name);
    }
    return out.take();
  };
  BOOST_TEST(written("y") == "{}");
  BOOST_TEST(written("rolled back") == "{}");
  BOOST_TEST(written("lost") == R"({"message_stats":{"publish_in":4,"publish_in_details":{"rate":1.0}}})");
  BOOST_TEST(written("x")
             == R"({"message_stats":{"publish_in":3,"publish_in_details":{"rate":1.5},)"
                R"("publish_out":6,"publish_out_details":{"rate":3.0}}})");
}

BOOST_AUTO_TEST_SUITE_END()

// Channels whose end nobody has told are forgotten when they have published nothing for long (G2, T4).
#include <boost/test/unit_test.hpp>

#include "replication/idle_channels.hpp"

using namespace broker::replication;

namespace idle_channel_looks {
namespace {

channel_id channel(uint64_t number) {
  return {1, 5, number};
}

} // namespace
} // namespace idle_channel_looks

using namespace idle_channel_looks;

BOOST_AUTO_TEST_SUITE(idle_channel_looks)

BOOST_AUTO_TEST_CASE(only_channels_without_a_publish_between_two_looks_are_idle) {
  idle_channels looks;
  BOOST_TEST(looks.look(dedupe_table{{{channel(1), 7, 10}, {channel(2), 3, 11}}}, 9).empty());
  const dedupe_table next{{{channel(1), 8, 20}, {channel(2), 3, 11}, {channel(3), 1, 21}}};
  const auto idle = looks.look(next, 9);
  BOOST_REQUIRE_EQUAL(idle.size(), 1u);
  BOOST_CHECK(idle[0] == channel(2));
  BOOST_TEST(!looks.more());
  const auto later = looks.look(dedupe_table{{{channel(1), 8, 20}, {channel(3), 2, 30}}}, 9);
  BOOST_REQUIRE_EQUAL(later.size(), 1u);
  BOOST_CHECK(later[0] == channel(1));
}

BOOST_AUTO_TEST_CASE(what_is_too_much_for_one_look_is_left_for_the_next) {
  idle_channels looks;
  std::vector<dedupe_entry> all;
  for (uint64_t number = 1; number <= 5; ++number)
    all.push_back({channel(number), number, number});
  looks.look(dedupe_table{all}, 2);
  std::vector<uint64_t> gone;
  for (int round = 0; round < 3; ++round) {
    for (const channel_id& one : looks.look(dedupe_table{all}, 2)) {
      gone.push_back(one.number);
      std::erase_if(all, [&](const dedupe_entry& entry) { return entry.channel == one; });
    }
    BOOST_TEST(looks.more() == (round < 2));
  }
  BOOST_TEST(gone == (std::vector<uint64_t>{1, 2, 3, 4, 5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

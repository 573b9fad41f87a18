// What operators read in the log when copies of queues come and go (S21, S22): each change once, in words that say why.
#include "metadata/placement_news.hpp"
#include "placement_world.hpp"

using namespace metadata_test;

namespace placement_news_told {
namespace {

/// Watches one queue: what is told since the last look.
struct watched : placed_world {
  using placed_world::placed_world;

  std::vector<std::string> told() {
    const snapshot_ptr now = state.snapshot();
    const queue_ptr is = now->find_queue("/", "q");
    std::vector<std::string> texts;
    if (was && is)
      for (const placement_news& each : news_of(*was, *is, *now))
        texts.push_back((each.warning ? "warning " : "") + each.text);
    was = is;
    return texts;
  }
  void begin(const std::string& in_sync) {
    declare("q", "a");
    set_in_sync("q", in_sync);
    told();
  }
  queue_ptr was;
};

using texts = std::vector<std::string>;
constexpr const char* all = R"({"ha-mode":"all"})";

} // namespace
} // namespace placement_news_told

BOOST_AUTO_TEST_SUITE(placement_news_told)

BOOST_AUTO_TEST_CASE(a_copy_that_comes_into_sync_is_told) {
  watched w{"abc"};
  w.policy(all);
  w.begin("a");
  w.set_in_sync("q", "ab");
  BOOST_TEST(w.told().at(0) == "queue 'q' in vhost '/': the copy on b is in sync; in sync: a, b");
  BOOST_TEST(w.told().empty());
}

BOOST_AUTO_TEST_CASE(a_copy_that_leaves_is_told_with_the_reason) {
  watched w{"abc"};
  w.policy(all);
  w.begin("abc");
  w.set_in_sync("q", "ab");
  BOOST_TEST(w.told().at(0)
             == "queue 'q' in vhost '/': the copy on c left the in-sync set: it did not keep up; in sync: a, b");
  w.down("b");
  BOOST_TEST(w.told().empty()); // the set is as it was: its master takes it out
  w.set_in_sync("q", "a");
  BOOST_TEST(w.told().at(0).find("the copy on b left the in-sync set: its node is down; in sync: a")
             != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_promotion_is_told_with_both_masters_and_the_mastership) {
  watched w{"abc"};
  w.policy(all);
  w.begin("abc");
  w.down("a");
  w.promote("q", "c");
  const texts told = w.told();
  BOOST_REQUIRE_EQUAL(told.size(), 1u);
  BOOST_TEST(told[0]
             == "queue 'q' in vhost '/': c is its master now, in the place of a, mastership 2; in sync: a, b, c");
  w.start("a");
  w.set_in_sync("q", "bc");
  BOOST_TEST(w.told().at(0).find("the copy on a left the in-sync set: its node was down") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(falling_below_the_least_number_of_copies_is_a_warning_and_coming_back_is_told) {
  watched w{"abc"};
  w.declare_quorum("q", "a");
  w.set_in_sync("q", "abc");
  w.told();
  w.set_in_sync("q", "a");
  texts told = w.told();
  BOOST_REQUIRE_EQUAL(told.size(), 3u);
  BOOST_TEST(told[2] == "warning queue 'q' in vhost '/': publishes are not confirmed: 1 of at least 2 copies in sync");
  w.set_in_sync("q", "ab");
  told = w.told();
  BOOST_REQUIRE_EQUAL(told.size(), 2u);
  BOOST_TEST(told[1] == "queue 'q' in vhost '/': publishes are confirmed: 2 of at least 2 copies in sync");
}

BOOST_AUTO_TEST_CASE(a_queue_whose_copies_are_all_down_is_a_warning_once) {
  watched w{"abc"};
  w.policy(all);
  w.begin("ab");
  const snapshot_ptr up = w.state.snapshot();
  w.down("a");
  const snapshot_ptr one = w.state.snapshot();
  BOOST_TEST(news_of_lost_masters(*up, *one).empty());
  w.down("b");
  const snapshot_ptr none = w.state.snapshot();
  const auto told = news_of_lost_masters(*one, *none);
  BOOST_REQUIRE_EQUAL(told.size(), 1u);
  BOOST_TEST(told[0].warning);
  BOOST_TEST(told[0].text == "queue 'q' in vhost '/': it has no master: none of its copies in sync is up: a, b");
  BOOST_TEST(news_of_lost_masters(*none, *none).empty());
}

BOOST_AUTO_TEST_CASE(queues_that_lost_their_master_are_found_part_by_part) {
  watched w{"ab"};
  w.policy(all);
  for (int i = 0; i < 200; ++i)
    w.declare("q" + std::to_string(i), "a");
  const snapshot_ptr before = w.state.snapshot();
  w.down("a");
  const snapshot_ptr after = w.state.snapshot();
  const size_t parts = parts_of(*after, 10);
  BOOST_TEST(parts == 32u);
  size_t told = 0;
  for (size_t part = 0; part < parts; ++part) {
    const size_t news = news_of_lost_masters(*before, *after, part, parts).size();
    BOOST_TEST(news < 40u);
    told += news;
  }
  BOOST_TEST(told == 200u);
  BOOST_TEST(parts_of(*after, 1'000) == 1u);
  BOOST_TEST(parts_of(*after, 1) == 256u);
}

BOOST_AUTO_TEST_CASE(queues_that_are_not_replicated_make_no_news) {
  watched w{"ab"};
  w.declare("q", "a");
  w.told();
  w.down("a");
  BOOST_TEST(w.told().empty());
}

BOOST_AUTO_TEST_CASE(more_news_than_anyone_reads_are_counted) {
  news_limit limit{3};
  std::vector<placement_news> many(5, placement_news{false, "x"});
  many.back().warning = true;
  BOOST_TEST(limit.pass(many, 1'000).size() == 3u);
  BOOST_TEST(limit.pass({{false, "y"}}, 1'999).empty());
  BOOST_TEST(limit.owes());
  const auto next = limit.pass({{false, "z"}}, 2'000);
  BOOST_REQUIRE_EQUAL(next.size(), 2u);
  BOOST_TEST(next[0].text == "3 more lines about copies of queues were left out");
  BOOST_TEST(next[0].warning);
  BOOST_TEST(next[1].text == "z");
  BOOST_TEST(!limit.owes());
}

BOOST_AUTO_TEST_SUITE_END()

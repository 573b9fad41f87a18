// An answer that many ask for is made once (docs/management.md).
#include <boost/test/unit_test.hpp>

#include "management/kept_answer.hpp"

namespace answers_that_are_kept {

using broker::management::kept_answer;

struct fixture {
  kept_answer<int> kept;
  std::vector<std::function<void(int, uint64_t)>> asked;
  std::vector<int> got;

  void get(uint64_t now) {
    kept.get(
      now, 1'000, [this](int value) { got.push_back(value); }, [this](auto done) { asked.push_back(done); });
  }
};

} // namespace answers_that_are_kept

BOOST_FIXTURE_TEST_SUITE(answers_that_are_kept, answers_that_are_kept::fixture)

BOOST_AUTO_TEST_CASE(who_comes_while_one_is_made_waits_for_it_and_who_comes_soon_after_gets_it) {
  get(0);
  get(10);
  BOOST_TEST(kept.on_its_way());
  BOOST_TEST(asked.size() == 1u);
  BOOST_TEST(got.empty());
  asked[0](7, 500);
  BOOST_TEST((got == std::vector{7, 7}));
  get(1'499); // it is as old as when it was made
  BOOST_TEST((got == std::vector{7, 7, 7}));
  get(1'500);
  BOOST_TEST(asked.size() == 2u);
  BOOST_TEST(got.size() == 3u);
  get(1'501); // behind who asks
  asked[1](8, 1'600);
  BOOST_TEST((got == std::vector{7, 7, 7, 8, 8}));
}

BOOST_AUTO_TEST_CASE(what_is_forgotten_is_made_again) {
  get(0);
  asked[0](7, 0);
  BOOST_TEST(kept.made_ms() == 0u);
  kept.forget();
  get(1);
  BOOST_TEST(asked.size() == 2u);
  asked[1](8, 1);
  BOOST_TEST((got == std::vector{7, 8}));
}

BOOST_AUTO_TEST_SUITE_END()

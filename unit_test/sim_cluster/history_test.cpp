// The checker of metadata histories (C10): what some order explains passes, what none does is reported.
#include <boost/test/unit_test.hpp>

#include "history.hpp"

namespace metadata_histories {
namespace {

using namespace broker::sim;
using kind = meta_request::kind;

struct fixture {
  meta_history history{[this](const std::string& what) { broken += what; }};
  std::string broken;
  uint64_t create(uint64_t value) { return history.asked("q", {kind::create, value}); }
  uint64_t erase() { return history.asked("q", {kind::erase, 0}); }
  uint64_t look() { return history.asked("q", {kind::look, 0}); }
};

} // namespace
} // namespace metadata_histories

BOOST_FIXTURE_TEST_SUITE(metadata_histories, fixture)

BOOST_AUTO_TEST_CASE(one_after_the_other) {
  history.answered(create(5), 5);
  history.answered(create(6), 5);
  history.seen(look());
  history.answered(erase(), 0);
  history.answered(look(), 0);
  history.answered(create(6), 6);
  BOOST_TEST(broken == "");
}

BOOST_AUTO_TEST_CASE(what_is_under_way_may_have_happened_or_not) {
  const auto first = create(1), second = create(2), gone = erase();
  history.answered(first, 2);  // the second came before
  history.answered(look(), 0); // and the delete after it
  history.answered(second, 2);
  history.answered(gone, 0);
  BOOST_TEST(broken == "");
}

BOOST_AUTO_TEST_CASE(a_stale_answer_is_reported) {
  history.answered(create(1), 1);
  history.answered(erase(), 0);
  history.answered(create(2), 1);
  BOOST_TEST(broken.starts_with("C10: no order of the changes of 'q'"));
}

BOOST_AUTO_TEST_CASE(a_lost_change_is_reported) {
  history.answered(create(1), 1);
  history.answered(create(2), 2);
  BOOST_TEST(broken != "");
}

BOOST_AUTO_TEST_CASE(a_change_that_happens_again_is_reported) {
  history.answered(create(1), 1);
  history.answered(erase(), 0);
  history.answered(look(), 0);
  history.answered(create(3), 1);
  BOOST_TEST(broken != "");
}

BOOST_AUTO_TEST_CASE(what_nobody_was_told_of_may_happen_late_once_or_never) {
  history.lost(create(1));
  history.answered(look(), 0);
  history.answered(create(2), 1);
  history.answered(erase(), 0);
  history.answered(create(2), 2);
  BOOST_TEST(broken == "");
  history.answered(erase(), 0);
  history.answered(create(3), 1); // a second time
  BOOST_TEST(broken != "");
}

BOOST_AUTO_TEST_CASE(what_was_refused_for_certain_must_not_happen) {
  history.refused(create(1));
  history.answered(create(2), 1);
  BOOST_TEST(broken != "");
}

BOOST_AUTO_TEST_CASE(a_queue_being_deleted_may_be_missed_but_not_otherwise) {
  history.answered(create(1), 1);
  const auto going = erase();
  history.missed(look());
  history.answered(create(2), 1);
  history.answered(going, 0);
  BOOST_TEST(broken == "");
  history.answered(create(3), 3);
  history.missed(look());
  BOOST_TEST(broken != "");
}

/// Seed 29779 with three nodes: the answer came late, when the delete had been given up.
BOOST_AUTO_TEST_CASE(a_queue_may_be_missed_if_it_was_being_deleted_since_the_look_was_asked) {
  history.answered(create(1), 1);
  const auto first = erase();
  const auto early = look();
  history.refused(first);
  history.missed(early);
  BOOST_TEST(broken == "");
  history.missed(look()); // the queue is there again
  BOOST_TEST(broken != "");
}

BOOST_AUTO_TEST_SUITE_END()

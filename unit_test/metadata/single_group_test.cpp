#include <boost/test/unit_test.hpp>

#include "consensus/single_group.hpp"

using namespace broker::consensus;

namespace {

constexpr single_group_settings small{1, 4, 5};

restart found_log(uint64_t entries, uint64_t term) {
  restart out;
  out.state = {term, 1};
  for (uint64_t index = 1; index <= entries; ++index)
    out.log.push_back({index, term, entry::kind::command, "c" + std::to_string(index)});
  return out;
}

single_group started(single_group_settings settings = small) {
  single_group group{settings, {}};
  group.start();
  group.persisted(1, 1);
  group.applied(1);
  return group;
}

} // namespace

BOOST_AUTO_TEST_SUITE(group_of_one)

BOOST_AUTO_TEST_CASE(a_start_raises_the_term_votes_for_itself_and_appends_a_noop) {
  single_group group{small, found_log(2, 7)};
  const effects start = group.start();
  BOOST_REQUIRE(start.state.has_value());
  BOOST_TEST((*start.state == hard_state{8, 1}));
  BOOST_REQUIRE_EQUAL(start.append.size(), 1u);
  BOOST_TEST((start.append[0] == entry{3, 8, entry::kind::noop, {}}));
  BOOST_TEST(start.apply.empty());
}

BOOST_AUTO_TEST_CASE(nothing_is_applied_or_led_before_the_noop_is_persisted) {
  single_group group{small, found_log(2, 7)};
  group.start();
  BOOST_TEST((group.state() == role::follower));
  BOOST_TEST(!group.leader().has_value());
  BOOST_TEST((group.propose(1, "x").done[0].what == outcome::not_leader));
  BOOST_TEST(group.persisted(2, 8).apply.empty());
  const effects committed = group.persisted(3, 8);
  BOOST_REQUIRE_EQUAL(committed.apply.size(), 3u);
  BOOST_TEST(committed.apply[0].data == "c1");
  group.applied(3);
  BOOST_TEST((group.state() == role::leader));
  BOOST_TEST(group.leader().value() == 1u);
  BOOST_TEST(group.term() == 8u);
}

BOOST_AUTO_TEST_CASE(a_proposal_is_answered_once_and_only_after_it_is_persisted) {
  single_group group = started();
  const effects first = group.propose(10, "a");
  const effects second = group.propose(11, "b");
  BOOST_TEST(first.done.empty());
  BOOST_TEST(second.append[0].index == 3u);
  const effects half = group.persisted(2, 1);
  BOOST_REQUIRE_EQUAL(half.done.size(), 1u);
  BOOST_TEST(half.done[0].id == 10u);
  BOOST_TEST(half.done[0].index == 2u);
  BOOST_TEST((half.done[0].what == outcome::ok));
  const effects rest = group.persisted(3, 1);
  BOOST_REQUIRE_EQUAL(rest.done.size(), 1u);
  BOOST_TEST(rest.done[0].id == 11u);
  BOOST_TEST(group.persisted(3, 1).done.empty());
}

BOOST_AUTO_TEST_CASE(more_proposals_than_allowed_are_refused_and_leave_no_trace) {
  single_group group = started();
  for (ticket id = 1; id <= 4; ++id)
    BOOST_TEST(group.propose(id, "x").done.empty());
  const effects refused = group.propose(5, "x");
  BOOST_TEST((refused.done[0].what == outcome::overloaded));
  BOOST_TEST(refused.append.empty());
  BOOST_TEST(group.persisted(5, 1).done.size() == 4u);
  BOOST_TEST(group.propose(6, "x").append[0].index == 6u);
}

BOOST_AUTO_TEST_CASE(a_read_waits_for_what_was_proposed_before_it) {
  single_group group = started();
  BOOST_TEST(group.read_barrier(1).done.size() == 1u);
  group.propose(2, "x");
  BOOST_TEST(group.read_barrier(3).done.empty());
  const effects committed = group.persisted(2, 1);
  BOOST_REQUIRE_EQUAL(committed.done.size(), 2u);
  BOOST_TEST(committed.done[1].id == 3u);
  BOOST_TEST(committed.done[1].index == 2u);
}

BOOST_AUTO_TEST_CASE(a_snapshot_is_asked_for_once_per_so_many_entries) {
  single_group group = started();
  for (uint64_t index = 2; index <= 4; ++index) {
    group.propose(index, "x");
    group.persisted(index, 1);
    BOOST_TEST(!group.applied(index).take_snapshot);
  }
  group.propose(5, "x");
  group.persisted(5, 1);
  BOOST_TEST(group.applied(5).take_snapshot);
  BOOST_TEST(!group.applied(5).take_snapshot);
  group.snapshot_stored({5, 1, {{1}, {}}});
  group.propose(6, "x");
  group.persisted(6, 1);
  BOOST_TEST(!group.applied(6).take_snapshot);
}

BOOST_AUTO_TEST_CASE(a_restart_goes_on_behind_its_snapshot) {
  restart found;
  found.state = {3, 1};
  found.snapshot = snapshot_meta{10, 2, {{1}, {}}};
  found.log = {{11, 3, entry::kind::command, "x"}};
  single_group group{small, found};
  BOOST_TEST(group.start().append[0].index == 12u);
  BOOST_TEST(group.persisted(12, 4).apply.front().index == 11u);
}

BOOST_AUTO_TEST_CASE(what_needs_other_members_is_refused) {
  single_group group = started();
  BOOST_TEST((group.add_learner(1, 2).done[0].what == outcome::unsupported));
  BOOST_TEST((group.promote(2, 2).done[0].what == outcome::unsupported));
  BOOST_TEST((group.remove(3, 1).done[0].what == outcome::unsupported));
  BOOST_TEST(group.recv(2, "hello").messages.empty());
  BOOST_TEST((group.state() == role::leader));
}

BOOST_AUTO_TEST_SUITE_END()

#include "fixture.hpp"

using namespace raft_test;

namespace reads_and_transfers {
namespace {

raft::append_answer answer(uint64_t match, uint64_t round) {
  return {true, match, match, 0, 0, 0, round};
}

} // namespace
} // namespace reads_and_transfers

BOOST_AUTO_TEST_SUITE(reads_and_transfers)

BOOST_AUTO_TEST_CASE(a_read_waits_for_a_majority_to_answer_a_heartbeat_sent_after_it) {
  member one{of_three()};
  one.lead();
  one.take(one.group.read_barrier(1));
  one.take(one.group.flush());
  BOOST_TEST(one.last.done.empty());
  const uint64_t round = one.newest<raft::append_request>(2).round;
  one.hear(2, 1, answer(1, round - 1)); // sent before
  BOOST_TEST(one.last.done.empty());
  one.take(one.group.read_barrier(2)); // after that round began: the next one
  one.hear(2, 1, answer(1, round));
  BOOST_REQUIRE_EQUAL(one.last.done.size(), 1u);
  BOOST_TEST(one.last.done[0].id == 1u);
  one.hear(3, 1, answer(1, round));
  BOOST_TEST(one.last.done.empty());
  one.hear(3, 1, answer(1, one.newest<raft::append_request>(3).round));
  BOOST_REQUIRE_EQUAL(one.last.done.size(), 1u);
  BOOST_TEST(one.last.done[0].id == 2u);
}

BOOST_AUTO_TEST_CASE(reads_at_leisure_cost_no_messages_of_their_own) {
  member one{of_three()};
  one.lead();
  const size_t before = one.sent.size();
  one.take(one.group.read_barrier(1, read_haste::at_leisure));
  one.take(one.group.flush());
  one.hear(2, 1, answer(1, one.newest<raft::append_request>(2).round));
  BOOST_TEST(one.sent.size() == before);
  BOOST_TEST(one.last.done.empty());
  one.take(one.group.tick(one.group.next_tick()));
  const uint64_t round = one.newest<raft::append_request>(2).round;
  BOOST_TEST(one.sent.size() == before + 2);
  one.hear(2, 1, answer(1, round - 1)); // to a heartbeat before it
  BOOST_TEST(one.last.done.empty());
  one.hear(2, 1, answer(1, round));
  BOOST_REQUIRE_EQUAL(one.last.done.size(), 1u);
  BOOST_TEST(one.last.done[0].id == 1u);
}

BOOST_AUTO_TEST_CASE(a_read_in_haste_takes_those_at_leisure_along) {
  member one{of_three()};
  one.lead();
  one.take(one.group.read_barrier(1, read_haste::at_leisure));
  one.take(one.group.read_barrier(2));
  one.take(one.group.flush());
  one.hear(3, 1, answer(1, one.newest<raft::append_request>(3).round));
  BOOST_TEST(one.last.done.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_new_leader_reads_only_after_its_first_entry_is_committed) {
  member one{of_three(), restart{{1, 0}, {}, {command(1, 1)}}};
  one.take(one.group.tick(0));
  one.take(one.group.tick(1'000));
  one.hear(2, 2, raft::vote_answer{true, true});
  one.hear(2, 2, raft::vote_answer{false, true});
  one.take(one.group.read_barrier(1));
  one.take(one.group.persisted(2, 2));
  one.hear(3, 2, answer(1, 0));
  BOOST_TEST(one.last.done.empty());
  one.hear(3, 2, answer(2, 0));
  one.hear(3, 2, answer(2, one.newest<raft::append_request>(3).round));
  BOOST_REQUIRE_EQUAL(one.last.done.size(), 1u);
  BOOST_TEST(one.last.done[0].index == 2u);
}

BOOST_AUTO_TEST_CASE(reads_are_bounded_and_for_leaders_only) {
  raft::settings small = of_three();
  small.proposals_max = 1;
  member one{small};
  BOOST_TEST((only(one.group.read_barrier(1)) == outcome::not_leader));
  one.lead();
  BOOST_TEST(one.group.read_barrier(2).done.empty());
  BOOST_TEST((only(one.group.read_barrier(3)) == outcome::overloaded));
}

BOOST_AUTO_TEST_CASE(alone_a_read_is_answered_at_once) {
  member one{raft::settings{}};
  one.take(one.group.persisted(1, 1));
  one.take(one.group.read_barrier(1));
  BOOST_TEST((only(one.take(one.group.flush())) == outcome::ok));
}

BOOST_AUTO_TEST_CASE(leadership_is_handed_over_within_a_few_round_trips) {
  quiet_world world;
  server& old = world.wait_for_leader();
  world.commit("before");
  const node_id next = old.id == 1 ? 2 : 1;
  old.ask(server::change::transfer, next);
  BOOST_REQUIRE(world.run_until([&] { return world.at(next).leads(); }, 100));
  BOOST_TEST(old.changes_done == 1u);
  world.commit("after");
}

BOOST_AUTO_TEST_CASE(the_other_is_told_to_take_over_only_when_it_has_everything) {
  member one{of_three()};
  one.lead();
  one.settle(one.group.propose(1, "x"));
  one.settle(one.group.flush());
  one.take(one.group.transfer(2, 3));
  BOOST_TEST(one.all<raft::timeout_now>(3).empty());
  BOOST_TEST((only(one.group.propose(3, "x")) == outcome::busy));
  BOOST_TEST((only(one.group.transfer(4, 2)) == outcome::busy));
  one.hear(3, 1, answer(1, 0));
  BOOST_TEST(one.all<raft::timeout_now>(3).empty());
  one.hear(3, 1, answer(2, 0));
  BOOST_TEST(one.all<raft::timeout_now>(3).size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_transfer_that_takes_too_long_is_given_up) {
  member one{of_three()};
  BOOST_TEST((only(one.group.transfer(1, 2)) == outcome::not_leader));
  one.lead();
  BOOST_TEST((only(one.group.transfer(1, 1)) == outcome::refused));
  BOOST_TEST((only(one.group.transfer(2, 9)) == outcome::refused));
  one.take(one.group.transfer(3, 3));
  one.take(one.group.tick(1'500));
  one.hear(2, 1, answer(1, 0));
  const effects out = one.take(one.group.tick(1'700));
  BOOST_TEST((only(out) == outcome::lost));
  BOOST_TEST(one.group.propose(4, "x").done.empty());
}

BOOST_AUTO_TEST_CASE(who_is_being_removed_cannot_take_over) {
  member one{of_three()};
  one.lead();
  one.settle(one.group.remove(1, 3));
  one.take(one.group.transfer(2, 3));
  BOOST_TEST((only(one.last) == outcome::refused));
}

BOOST_AUTO_TEST_CASE(only_the_leader_can_tell_one_to_take_over) {
  member one{of_three()};
  one.hear(2, 3, raft::append_request{0, 0, 0, 0, {}});
  one.hear(3, 3, raft::timeout_now{});
  BOOST_TEST((one.group.state() == role::follower));
  one.hear(2, 2, raft::timeout_now{});
  BOOST_TEST((one.group.state() == role::follower));
  one.hear(2, 3, raft::timeout_now{});
  BOOST_TEST((one.group.state() == role::candidate));
  BOOST_TEST(one.newest<raft::vote_request>(3).transfer);
}

BOOST_AUTO_TEST_SUITE_END()

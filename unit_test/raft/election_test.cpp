#include "fixture.hpp"

using namespace raft_test;

BOOST_AUTO_TEST_SUITE(election)

BOOST_AUTO_TEST_CASE(a_group_of_one_leads_at_once) {
  raft::settings alone;
  member one{alone};
  BOOST_TEST((one.group.state() == role::leader));
  BOOST_TEST((one.last.state == hard_state{1, 1}));
  BOOST_REQUIRE_EQUAL(one.last.append.size(), 1u);
  BOOST_TEST((one.last.append[0].type == entry::kind::config)); // the members, for those who join later
  BOOST_TEST(one.take(one.group.persisted(1, 1)).apply.size() == 1u);
}

BOOST_AUTO_TEST_CASE(three_elect_one_and_keep_it) {
  quiet_world world;
  const node_id first = world.wait_for_leader().id;
  const uint64_t term = world.at(first).group->term();
  world.run_for(20'000);
  for (auto& [id, one] : world.servers) {
    BOOST_TEST(one->group->term() == term);
    BOOST_TEST((one->group->leader() == std::optional<node_id>{first}));
  }
}

BOOST_AUTO_TEST_CASE(a_leader_without_a_majority_steps_down_within_an_election_timeout) {
  quiet_world world;
  server& old = world.wait_for_leader();
  world.run_for(500);
  world.isolate(old.id);
  world.run_for(broker::limits::raft_election_max_ms + 50);
  BOOST_TEST(!old.leads());
  world.run_for(1'000);
  BOOST_TEST((world.leader() != nullptr && world.leader() != &old));
}

BOOST_AUTO_TEST_CASE(who_was_cut_off_neither_raises_the_term_nor_deposes_the_leader) {
  quiet_world world;
  server& leader = world.wait_for_leader();
  const uint64_t term = leader.group->term();
  server& cut = world.follower();
  world.isolate(cut.id);
  world.run_for(20'000);
  BOOST_TEST(cut.group->term() == term); // pre-vote
  world.heal();
  world.run_for(2'000);
  BOOST_TEST(leader.leads());
  BOOST_TEST(leader.group->term() == term);
}

BOOST_AUTO_TEST_CASE(who_ticks_only_when_due_counts_from_when_it_heard_the_leader) {
  member one{of_three()};
  one.take(one.group.tick(0));
  const time_ms due = one.group.next_tick();
  BOOST_TEST(due >= broker::limits::raft_election_min_ms);
  BOOST_TEST(due < broker::limits::raft_election_max_ms);
  one.group.at(due - 1);
  one.hear(2, 1, raft::append_request{0, 0, 0, 0, {}});
  BOOST_TEST(one.group.next_tick() == due - 1 + due);
  one.take(one.group.tick(due + due - 2));
  BOOST_TEST((one.group.state() == role::follower));
  one.take(one.group.tick(due + due - 1));
  BOOST_TEST((one.group.state() == role::candidate));
}

BOOST_AUTO_TEST_CASE(who_hears_that_the_leader_has_ended_does_not_wait_for_it_to_fall_silent) {
  quiet_world world;
  server& old = world.wait_for_leader();
  world.run_for(500);
  old.crash();
  for (auto& [id, one] : world.servers)
    if (one->running())
      one->hear_of_end(old.id);
  BOOST_TEST(world.run_until([&] { return world.leader() != nullptr; }, 2 * broker::limits::raft_heartbeat_ms));
}

BOOST_AUTO_TEST_CASE(a_leader_that_was_taken_for_ended_by_one_member_goes_on) {
  quiet_world world;
  server& leader = world.wait_for_leader();
  world.run_for(500);
  const uint64_t term = leader.group->term();
  server& misled = world.follower();
  for (int times = 0; times < 50; ++times) {
    misled.hear_of_end(leader.id);
    world.run_for(broker::limits::raft_election_min_ms);
  }
  BOOST_TEST(leader.leads());
  BOOST_TEST(leader.group->term() == term);
  BOOST_TEST((misled.group->leader() == std::optional<node_id>{leader.id}));
}

BOOST_AUTO_TEST_CASE(who_has_heard_the_leader_again_waits_as_long_as_ever) {
  member one{of_three()};
  one.take(one.group.tick(0));
  one.hear(2, 1, raft::append_request{0, 0, 0, 0, {}});
  one.group.at(10'000);
  one.take(one.group.ended(2));
  BOOST_TEST(!one.group.leader());
  BOOST_TEST(one.group.next_tick() < 10'000 + broker::limits::raft_heartbeat_ms);
  one.hear(2, 1, raft::append_request{0, 0, 0, 0, {}});
  BOOST_TEST(one.group.next_tick() >= 10'000 + broker::limits::raft_election_min_ms);
  one.take(one.group.ended(3)); // another member's end is none of its business
  BOOST_TEST((one.group.leader() == std::optional<node_id>{2}));
}

BOOST_AUTO_TEST_CASE(a_vote_is_durable_before_it_is_given_and_given_once) {
  member one{of_three()};
  one.take(one.group.tick(0));
  one.hear(2, 5, raft::vote_request{false, false, 0, 0});
  BOOST_TEST((one.last.state == hard_state{5, 2})); // first in the order of effects
  BOOST_TEST(one.newest<raft::vote_answer>(2).granted);
  one.hear(3, 5, raft::vote_request{false, false, 9, 4});
  BOOST_TEST(!one.newest<raft::vote_answer>(3).granted);
  one.hear(2, 5, raft::vote_request{false, false, 0, 0});
  BOOST_TEST(one.newest<raft::vote_answer>(2).granted); // the answer may have got lost

  member again{of_three(), restart{{5, 2}, {}, {}}};
  again.hear(3, 5, raft::vote_request{false, false, 9, 4});
  BOOST_TEST(!again.newest<raft::vote_answer>(3).granted);
}

BOOST_AUTO_TEST_CASE(nobody_votes_for_a_shorter_log) {
  member one{of_three(), restart{{4, 0}, {}, {command(1, 2), command(2, 4)}}};
  one.hear(2, 5, raft::vote_request{false, false, 9, 3});
  BOOST_TEST(!one.newest<raft::vote_answer>(2).granted);
  one.hear(2, 6, raft::vote_request{false, false, 1, 4});
  BOOST_TEST(!one.newest<raft::vote_answer>(2).granted);
  one.hear(2, 7, raft::vote_request{false, false, 2, 4});
  BOOST_TEST(one.newest<raft::vote_answer>(2).granted);
}

BOOST_AUTO_TEST_CASE(a_blank_node_that_waits_to_join_does_not_vote) {
  raft::settings joins = of_three();
  joins.bootstrap = {};
  member blank{joins};
  BOOST_TEST((blank.group.state() == role::learner));
  blank.hear(2, 3, raft::vote_request{true, false, 9, 2});
  BOOST_TEST(!blank.newest<raft::vote_answer>(2).granted);
  blank.hear(2, 3, raft::vote_request{false, false, 9, 2});
  BOOST_TEST(!blank.newest<raft::vote_answer>(2).granted);
  blank.take(blank.group.tick(1));
  blank.take(blank.group.tick(100'000));
  BOOST_TEST((blank.group.state() == role::learner)); // nor does it want to be elected
}

BOOST_AUTO_TEST_CASE(who_hears_a_leader_ignores_candidates_unless_the_leader_wishes_it) {
  member one{of_three()};
  one.take(one.group.tick(100));
  one.hear(2, 3, raft::append_request{0, 0, 0, 0, {}});
  one.sent.clear();
  one.hear(3, 9, raft::vote_request{false, false, 9, 8});
  one.hear(3, 9, raft::vote_request{true, false, 9, 8});
  BOOST_TEST(one.sent.empty());
  BOOST_TEST(one.group.term() == 3u);
  one.hear(3, 4, raft::vote_request{false, true, 9, 3});
  BOOST_TEST(one.newest<raft::vote_answer>(3).granted);
}

BOOST_AUTO_TEST_CASE(nobody_campaigns_with_entries_that_are_not_durable) {
  member one{of_three()};
  one.take(one.group.tick(0));
  one.hear(2, 3, raft::append_request{0, 0, 0, 0, {command(1, 3)}});
  one.take(one.group.tick(5'000));
  BOOST_TEST((one.group.state() == role::follower));
  one.take(one.group.persisted(1, 3));
  one.take(one.group.tick(10'000));
  BOOST_TEST((one.group.state() == role::candidate));
}

BOOST_AUTO_TEST_CASE(an_old_leader_learns_of_the_newer_term) {
  member one{of_three(), restart{{7, 0}, {}, {}}};
  one.hear(2, 3, raft::append_request{0, 0, 0, 0, {}});
  BOOST_TEST(one.sent.back().second.term == 7u);
  BOOST_TEST(!one.newest<raft::append_answer>(2).accepted);
  BOOST_TEST(!one.group.leader());
}

BOOST_AUTO_TEST_CASE(two_leaders_of_one_term_are_a_contradiction) {
  member one{of_three()};
  one.hear(2, 3, raft::append_request{0, 0, 0, 0, {}});
  one.hear(3, 3, raft::append_request{0, 0, 0, 0, {}});
  BOOST_REQUIRE(one.last.contradiction);
  BOOST_TEST(*one.last.contradiction == "node 3 claims to lead term 3, but node 2 does");
  BOOST_TEST((one.group.leader() == std::optional<node_id>{2}));
}

BOOST_AUTO_TEST_CASE(a_learner_that_hears_nothing_knows_of_no_leader) {
  raft::settings how;
  how.self = 4;
  how.bootstrap = {{1, 2, 3}, {4}};
  member one{how};
  one.self = 4;
  one.take(one.group.tick(0));
  one.hear(1, 1, raft::append_request{0, 0, 0, 0, {}});
  BOOST_TEST(one.group.leader().value_or(0) == 1u);
  one.take(one.group.tick(500));
  BOOST_TEST(one.group.leader().value_or(0) == 1u);
  one.take(one.group.tick(700));
  BOOST_TEST(!one.group.leader().has_value());
  BOOST_TEST((one.group.state() == role::learner));
  one.hear(1, 1, raft::append_request{0, 0, 0, 0, {}});
  BOOST_TEST(one.group.leader().value_or(0) == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

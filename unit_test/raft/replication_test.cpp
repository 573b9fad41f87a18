#include "fixture.hpp"
#include "raft_sim/scripts.hpp"

using namespace raft_test;

BOOST_AUTO_TEST_SUITE(replication)

// -- the defects that ruled out libraft 0.15 (docs/internals/consensus.md) --------------------------------------------

// Raft paper, figure 8: an entry of an old term is at a majority, and yet a later leader may overwrite it.
BOOST_AUTO_TEST_CASE(fig8) {
  quiet_world world;
  server& first = world.wait_for_leader();
  world.commit("before");
  world.isolate(first.id);
  first.propose("X");
  world.run_for(20);
  first.crash();
  world.rejoin(first.id);
  BOOST_REQUIRE(world.run_until([&] { return world.leader() != nullptr; }, 5'000));
  server& third = *world.leader();
  world.isolate(third.id);
  third.propose("Y");
  world.run_for(20);
  third.crash();
  world.rejoin(third.id);
  first.boot();
  // X reaches a majority under `first`, in whose term nothing is committed yet.
  BOOST_REQUIRE(world.run_until([&] { return world.leader() != nullptr; }, 5'000));
  world.run_for(1'000);
  third.boot();
  world.run_for(5'000);
  world.commit("after");
  BOOST_TEST(world.truth.holds(), world.truth.failure());
}

BOOST_AUTO_TEST_CASE(the_scripts_of_the_planted_mistakes_hold_without_them) {
  for (const auto& one : raft_sim::scripts)
    for (uint64_t seed = 1; seed <= 20; ++seed)
      BOOST_TEST(one.tell(seed) == "", one.name << ", seed " << seed);
}

BOOST_AUTO_TEST_CASE(entries_of_an_old_term_are_not_committed_by_counting) {
  member one{of_three(), restart{{4, 0}, {}, {command(1, 1), command(2, 2)}}};
  one.take(one.group.tick(0));
  one.take(one.group.tick(1'000));
  one.hear(2, 5, raft::vote_answer{true, true});
  one.hear(2, 5, raft::vote_answer{false, true});
  BOOST_REQUIRE((one.group.state() == role::leader));
  one.hear(2, 5, raft::append_answer{true, 2, 2, 0, 0, 0, 0}); // entry 2, of term 2, is at a majority
  BOOST_TEST(one.group.commit_index() == 0u);
  one.take(one.group.persisted(3, 5));
  one.hear(2, 5, raft::append_answer{true, 3, 3, 0, 0, 0, 0}); // and now the own one behind it
  BOOST_TEST(one.group.commit_index() == 3u);
  BOOST_TEST(one.last.apply.size() == 3u);
}

// A follower that acknowledges more than was checked makes its leader count what it does not have.
BOOST_AUTO_TEST_CASE(falseack) {
  member one{of_three(), restart{{4, 0}, {}, {command(1, 1), command(2, 3), command(3, 3)}}};
  one.hear(2, 5, raft::append_request{1, 1, 0, 0, {}}); // a heartbeat behind entry 1
  BOOST_TEST(one.newest<raft::append_answer>(2).match == 1u);
  one.hear(2, 5, raft::append_request{1, 1, 3, 0, {}});
  BOOST_TEST(one.group.commit_index() == 1u); // S4
  one.hear(2, 5, raft::append_request{1, 1, 3, 0, {command(2, 5)}});
  BOOST_TEST((one.last.truncate_from == std::optional<uint64_t>{2}));
  BOOST_TEST(one.newest<raft::append_answer>(2).match == 1u); // not durable yet
  one.take(one.group.persisted(2, 5));
  BOOST_TEST(one.newest<raft::append_answer>(2).match == 2u);
}

BOOST_AUTO_TEST_CASE(falseack_in_the_world) {
  quiet_world world;
  server& a = world.wait_for_leader();
  world.commit("before");
  world.isolate(a.id);
  a.propose("Y");
  world.run_for(20);
  a.crash();
  world.rejoin(a.id);
  BOOST_REQUIRE(world.run_until([&] { return world.leader() != nullptr; }, 5'000));
  server& b = *world.leader();
  const node_id c = 6 - a.id - b.id;
  world.isolate(c);
  world.rejoin(a.id);
  world.cut(a.id, c);
  world.cut(c, a.id);
  a.boot();
  b.propose("X");
  world.run_for(300);
  b.crash();
  world.heal();
  world.run_for(3'000);
  b.boot();
  world.commit("after");
}

// -- the rest ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(an_answer_is_not_carried_into_a_later_term) {
  member one{of_three()};
  one.hear(2, 3, raft::append_request{0, 0, 0, 0, {command(1, 3)}});
  one.hear(3, 4, raft::append_request{0, 0, 0, 0, {}});
  one.sent.clear();
  one.take(one.group.persisted(1, 3)); // of term 3; the leader of term 4 has checked nothing
  BOOST_TEST(one.sent.empty());
}

BOOST_AUTO_TEST_CASE(a_write_whose_entries_were_cut_off_since_does_not_count) {
  member one{of_three()};
  one.hear(2, 3, raft::append_request{0, 0, 0, 0, {command(1, 3), command(2, 3)}});
  one.hear(3, 4, raft::append_request{0, 0, 0, 0, {command(1, 4), command(2, 4)}});
  one.take(one.group.persisted(2, 3));
  BOOST_TEST(one.all<raft::append_answer>(3).empty());
  one.take(one.group.persisted(2, 4));
  BOOST_TEST(one.newest<raft::append_answer>(3).match == 2u);
}

BOOST_AUTO_TEST_CASE(entries_are_answered_for_once_and_word_of_their_commit_not_at_all) {
  member one{of_three()};
  one.hear(2, 3, raft::append_request{0, 0, 0, 0, {command(1, 3), command(2, 3)}});
  BOOST_TEST(one.all<raft::append_answer>(2).empty());
  one.take(one.group.persisted(2, 3));
  BOOST_TEST(one.all<raft::append_answer>(2).size() == 1u);
  BOOST_TEST(one.newest<raft::append_answer>(2).match == 2u);
  one.hear(2, 3, raft::append_request{2, 3, 2, 0, {}});
  BOOST_TEST(one.last.apply.size() == 2u);
  BOOST_TEST(one.all<raft::append_answer>(2).size() == 1u);
  one.hear(2, 3, raft::append_request{2, 3, 2, 0, {}}); // a heartbeat
  BOOST_TEST(one.all<raft::append_answer>(2).size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_new_round_is_answered_at_once_though_the_disk_is_slow) {
  member one{of_three()};
  one.hear(2, 3, raft::append_request{0, 0, 0, 1, {command(1, 3)}});
  BOOST_TEST(one.newest<raft::append_answer>(2).round == 1u);
  BOOST_TEST(one.newest<raft::append_answer>(2).match == 0u);
  one.hear(2, 3, raft::append_request{1, 3, 0, 1, {command(2, 3)}});
  BOOST_TEST(one.all<raft::append_answer>(2).size() == 1u);
}

BOOST_AUTO_TEST_CASE(proposals_of_a_batch_are_one_write_and_one_message_for_each_member) {
  member one{of_three()};
  one.lead();
  one.hear(3, 1, raft::append_answer{true, 1, 1, 0, 0, 0, 0});
  one.sent.clear();
  for (ticket id = 1; id <= 10; ++id)
    BOOST_TEST(one.take(one.group.propose(id, "x")).append.empty());
  const effects out = one.take(one.group.flush());
  BOOST_TEST(out.append.size() == 10u);
  BOOST_TEST(out.messages.size() == 2u);
  BOOST_TEST(one.newest<raft::append_request>(2).entries.size() == 10u);
  one.take(one.group.persisted(11, 1));
  BOOST_TEST(one.last.done.empty()); // durable at one of three
  one.hear(3, 1, raft::append_answer{true, 11, 11, 0, 0, 0, 0});
  BOOST_TEST(one.last.apply.size() == 10u);
  BOOST_TEST(one.last.done.size() == 10u);
}

BOOST_AUTO_TEST_CASE(a_silent_member_costs_a_window_and_then_heartbeats_without_entries) {
  raft::settings small = of_three();
  small.append_bytes_max = 200;
  small.inflight_appends_max = 2;
  small.proposals_max = 100;
  member one{small};
  one.lead();
  one.sent.clear();
  for (ticket id = 1; id <= 50; ++id)
    one.take(one.group.propose(id, std::string(90, 'x')));
  one.take(one.group.flush());
  const auto appends = one.all<raft::append_request>(2);
  BOOST_REQUIRE_EQUAL(appends.size(), 2u);
  BOOST_TEST(appends[0].entries.size() == 1u); // 200 bytes
  one.sent.clear();
  for (time_ms now = 1'050; now < 1'500; now += 50)
    one.take(one.group.tick(now));
  for (const auto& beat : one.all<raft::append_request>(2))
    BOOST_TEST(beat.entries.empty());
}

BOOST_AUTO_TEST_CASE(an_entry_larger_than_an_append_travels_alone) {
  raft::settings small = of_three();
  small.append_bytes_max = 100;
  member one{small};
  one.lead();
  one.sent.clear();
  one.take(one.group.propose(1, std::string(1'000, 'x')));
  one.take(one.group.propose(2, "y"));
  one.take(one.group.flush());
  const auto appends = one.all<raft::append_request>(2);
  BOOST_REQUIRE_EQUAL(appends.size(), 2u);
  BOOST_TEST(appends[0].entries.size() == 1u);
}

BOOST_AUTO_TEST_CASE(too_much_is_refused_by_name) {
  raft::settings small = of_three();
  small.proposals_max = 2;
  small.proposal_bytes_max = 100;
  member one{small};
  BOOST_TEST((only(one.group.propose(1, "x")) == outcome::not_leader));
  one.lead();
  BOOST_TEST(
    (only(one.group.propose(1, std::string(broker::limits::raft_entry_max_bytes + 1, 'x'))) == outcome::refused));
  BOOST_TEST((only(one.group.propose(2, std::string(101, 'x'))) == outcome::overloaded));
  BOOST_TEST(one.group.propose(3, "x").done.empty());
  BOOST_TEST(one.group.propose(4, "x").done.empty());
  BOOST_TEST((only(one.group.propose(5, "x")) == outcome::overloaded));
  BOOST_TEST(one.group.outstanding() == 2u);
}

BOOST_AUTO_TEST_CASE(who_ceases_to_lead_answers_what_it_does_not_know_as_lost) {
  member one{of_three()};
  one.lead();
  one.take(one.group.propose(7, "x"));
  one.take(one.group.read_barrier(8));
  one.take(one.group.transfer(9, 2));
  const effects out = one.take(one.group.tick(2'000)); // nobody has answered for a second
  BOOST_REQUIRE_EQUAL(out.done.size(), 3u);
  BOOST_TEST((out.done[0].what == outcome::lost));
  BOOST_TEST((out.done[1].what == outcome::not_leader));
  BOOST_TEST((out.done[2].what == outcome::ok)); // it leads no more
}

BOOST_AUTO_TEST_CASE(logs_that_differ_in_a_hundred_entries_agree_after_two_rejections) {
  std::vector<entry> ours;
  for (uint64_t index = 1; index <= 120; ++index)
    ours.push_back(command(index, index <= 20 ? 1 : 5));
  member leader{of_three(), restart{{6, 0}, {}, ours}};
  leader.take(leader.group.tick(0));
  leader.take(leader.group.tick(1'000));
  leader.hear(2, 7, raft::vote_answer{true, true});
  leader.hear(2, 7, raft::vote_answer{false, true});
  std::vector<entry> theirs;
  for (uint64_t index = 1; index <= 150; ++index)
    theirs.push_back(command(index, index <= 20 ? 1 : 3));
  member follower{of_three(2), restart{{6, 0}, {}, theirs}};
  follower.self = 2;
  unsigned rejections = 0;
  for (int i = 0; i < 10; ++i) {
    follower.hear(1, 7, leader.newest<raft::append_request>(2));
    const auto answer = follower.newest<raft::append_answer>(1);
    if (answer.accepted)
      break;
    ++rejections;
    leader.hear(2, 7, answer);
  }
  BOOST_TEST(rejections <= 2u);
  BOOST_TEST(follower.newest<raft::append_answer>(1).match == 20u);
}

BOOST_AUTO_TEST_CASE(what_contradicts_committed_entries_is_ignored_and_reported) {
  member one{of_three()};
  one.hear(2, 3, raft::append_request{0, 0, 2, 0, {command(1, 3), command(2, 3)}});
  one.take(one.group.persisted(2, 3));
  BOOST_TEST(one.group.commit_index() == 2u);
  one.hear(3, 4, raft::append_request{1, 1, 0, 0, {}});
  BOOST_TEST(one.last.contradiction.has_value());
  one.hear(3, 4, raft::append_request{0, 0, 0, 0, {command(1, 1)}});
  BOOST_TEST(one.last.contradiction.has_value());
  one.hear(3, 4, raft::append_request{2, 3, 0, 0, {command(3, 4)}});
  BOOST_TEST(!one.last.contradiction);
  one.hear(3, 4, raft::append_request{2, 3, 0, 0, {command(3, 3), command(4, 4)}});
  BOOST_TEST(one.last.contradiction.has_value()); // a leader does not change its own term's entries
  BOOST_TEST(one.group.last_index() == 3u);
}

BOOST_AUTO_TEST_CASE(answers_to_what_was_never_asked_are_reported) {
  member one{of_three()};
  one.lead();
  one.hear(2, 1, raft::append_answer{true, 9, 9, 0, 0, 0, 0});
  BOOST_TEST(one.last.contradiction.has_value());
  one.hear(2, 1, raft::append_answer{true, 1, 1, 0, 0, 0, 99});
  BOOST_TEST(one.last.contradiction.has_value());
  one.hear(9, 1, raft::append_answer{true, 9, 9, 0, 0, 0, 0}); // not a member
  BOOST_TEST(!one.last.contradiction);
  one.hear(2, 1, raft::append_answer{false, 0, 0, 9, 0, 0, 0}); // beyond the log
  BOOST_TEST(!one.last.contradiction);
  BOOST_TEST(one.group.commit_index() == 1u);
}

BOOST_AUTO_TEST_CASE(messages_for_others_from_nobody_or_malformed_are_ignored) {
  member one{of_three()};
  one.sent.clear();
  one.take(one.group.recv(2, "garbage"));
  one.take(one.group.recv(2, raft::encode({7, 9, raft::vote_request{false, false, 0, 0}})));
  one.take(one.group.recv(1, raft::encode({1, 9, raft::vote_request{false, false, 0, 0}})));
  one.take(one.group.recv(0, raft::encode({1, 9, raft::vote_request{false, false, 0, 0}})));
  BOOST_TEST(one.sent.empty());
  BOOST_TEST(one.group.term() == 0u);
}

BOOST_AUTO_TEST_CASE(a_commit_is_told_at_once_not_with_the_next_heartbeat) {
  quiet_world world;
  server& leader = world.wait_for_leader();
  world.run_for(300);
  const uint64_t before = world.now();
  leader.propose("now");
  BOOST_REQUIRE(world.run_until([&] { return world.truth.acked() == 1 && world.all_equal(); }, 100));
  BOOST_TEST(world.now() - before <= 25u);
}

BOOST_AUTO_TEST_SUITE_END()

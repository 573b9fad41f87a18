#include "fixture.hpp"
#include "raft/log.hpp"

using namespace raft_test;

namespace snapshots {
namespace {

const snapshot_meta at_ten{10, 3, {{1, 2, 3}, {}}};

raft_sim::options often() {
  raft_sim::options out = quiet();
  out.snapshot_after = 10;
  out.trailing = 2;
  out.chunk_bytes = 40;
  return out;
}

raft::chunk_message chunk(uint64_t offset, std::string data, uint64_t size = 6) {
  return {at_ten, offset, size, std::move(data)};
}

/// Leads term 6 with a snapshot at 10 and one entry behind it; member 2 has nothing.
member leader_with_snapshot() {
  member one{of_three(), restart{{5, 0}, at_ten, {command(11, 4)}}};
  one.take(one.group.tick(0));
  one.take(one.group.tick(1'000));
  one.hear(3, 6, raft::vote_answer{true, true});
  one.hear(3, 6, raft::vote_answer{false, true});
  one.hear(2, 6, raft::append_answer{false, 0, 0, 11, 0, 0, 0});
  BOOST_REQUIRE_EQUAL(one.last.send_snapshot.size(), 1u);
  return one;
}

} // namespace
} // namespace snapshots

BOOST_AUTO_TEST_SUITE(snapshots)

BOOST_AUTO_TEST_CASE(a_member_that_is_too_far_behind_receives_a_snapshot_in_chunks) {
  quiet_world world{often()};
  server& late = world.follower();
  late.crash();
  for (int i = 0; i < 40; ++i)
    world.commit("entry " + std::to_string(i));
  unsigned chunks = 0;
  world.filter = [&](node_id, node_id, const std::string& bytes) {
    chunks += raft_sim::body_kind(bytes) == raft_sim::kind_chunk ? 1 : 0;
    return true;
  };
  late.boot();
  BOOST_REQUIRE(world.run_until([&] { return world.all_equal(); }, 5'000));
  BOOST_TEST(late.installs == 1u);
  BOOST_TEST(chunks >= 5u);
  world.commit("after");
}

BOOST_AUTO_TEST_CASE(a_receiver_that_dies_in_between_starts_again) {
  quiet_world world{often()};
  server& late = world.follower();
  late.crash();
  for (int i = 0; i < 40; ++i)
    world.commit("entry " + std::to_string(i));
  unsigned chunks = 0;
  world.filter = [&](node_id, node_id, const std::string& bytes) {
    chunks += raft_sim::body_kind(bytes) == raft_sim::kind_chunk ? 1 : 0;
    return true;
  };
  late.boot();
  BOOST_REQUIRE(world.run_until([&] { return chunks >= 2; }, 5'000));
  late.crash();
  late.boot();
  BOOST_REQUIRE(world.run_until([&] { return world.all_equal(); }, 10'000));
  BOOST_TEST(late.installs == 1u);
}

BOOST_AUTO_TEST_CASE(a_joiner_gets_the_snapshot_and_the_members_with_it) {
  quiet_world world{often()};
  for (int i = 0; i < 30; ++i)
    world.commit("entry " + std::to_string(i));
  world.add(4, {});
  world.leader()->ask(server::change::add, 4);
  BOOST_REQUIRE(world.run_until([&] { return world.all_equal() && world.at(4).state.index > 30; }, 5'000));
  BOOST_TEST(world.at(4).installs == 1u);
  BOOST_TEST((world.at(4).group->members() == membership{{1, 2, 3}, {4}}));
}

BOOST_AUTO_TEST_CASE(chunks_are_asked_for_one_at_a_time_and_again_when_lost) {
  member one = leader_with_snapshot();
  const snapshot_request first = one.last.send_snapshot[0];
  BOOST_TEST((first == snapshot_request{2, 10, 3, 0, broker::limits::raft_chunk_bytes}));
  one.take(one.group.snapshot_read(first, 6, "abc"));
  BOOST_TEST((one.newest<raft::chunk_message>(2) == chunk(0, "abc")));
  one.hear(2, 6, raft::chunk_answer{10, 3, 0}); // it has not come yet
  BOOST_TEST(one.last.send_snapshot.empty());
  one.hear(2, 6, raft::chunk_answer{10, 3, 3});
  BOOST_REQUIRE_EQUAL(one.last.send_snapshot.size(), 1u);
  BOOST_TEST(one.last.send_snapshot[0].offset == 3u);
  one.take(one.group.snapshot_read(first, 6, "abc")); // an old answer of the host
  BOOST_TEST(one.last.messages.empty());
  one.take(one.group.tick(1'200));
  BOOST_TEST(one.last.send_snapshot.empty());
  for (const node_id who : {2, 3})
    one.hear(who, 6, raft::chunk_answer{9, 3, 0}); // alive, about another snapshot
  one.take(one.group.tick(1'700));
  for (const node_id who : {2, 3})
    one.hear(who, 6, raft::chunk_answer{9, 3, 0});
  one.take(one.group.tick(2'100));
  BOOST_REQUIRE_EQUAL(one.last.send_snapshot.size(), 1u);
  BOOST_TEST(one.last.send_snapshot[0].offset == 3u);
  one.take(one.group.snapshot_read(one.last.send_snapshot[0], 6, "def"));
  one.hear(2, 6, raft::chunk_answer{10, 3, 6});
  BOOST_TEST(one.last.send_snapshot.empty()); // all there; now it installs
  one.hear(2, 6, raft::append_answer{true, 10, 10, 0, 0, 0, 0});
  BOOST_TEST(one.newest<raft::append_request>(2).prev_index == 10u);
  BOOST_TEST(one.newest<raft::append_request>(2).entries.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_snapshot_that_was_replaced_is_sent_anew) {
  member one = leader_with_snapshot();
  const snapshot_request first = one.last.send_snapshot[0];
  one.take(one.group.persisted(12, 6));
  one.hear(3, 6, raft::append_answer{true, 12, 12, 0, 0, 0, 0});
  one.take(one.group.applied(12));
  one.take(one.group.snapshot_stored(one.group.snapshot_point()));
  one.take(one.group.snapshot_read(first, 0, std::nullopt));
  BOOST_REQUIRE_EQUAL(one.last.send_snapshot.size(), 1u);
  BOOST_TEST(one.last.send_snapshot[0].index == 12u);
}

BOOST_AUTO_TEST_CASE(a_follower_installs_what_is_whole_and_answers_when_it_is_durable) {
  member one{of_three(), restart{{5, 0}, {}, {command(1, 1), command(2, 2)}}};
  one.hear(2, 6, chunk(3, "def")); // from the middle
  BOOST_TEST(!one.last.store_chunk);
  BOOST_TEST(one.newest<raft::chunk_answer>(2).next_offset == 0u);
  one.hear(2, 6, chunk(0, "abc"));
  BOOST_REQUIRE(one.last.store_chunk);
  BOOST_TEST(!one.last.store_chunk->last);
  one.hear(2, 6, chunk(0, "abc")); // repeated
  BOOST_TEST(!one.last.store_chunk);
  BOOST_TEST(one.newest<raft::chunk_answer>(2).next_offset == 3u);
  one.hear(2, 6, chunk(3, "def"));
  BOOST_REQUIRE(one.last.store_chunk);
  BOOST_TEST(one.last.store_chunk->last);
  // Frozen until it is installed.
  one.hear(2, 6, raft::append_request{0, 0, 0, 0, {command(1, 6)}});
  BOOST_TEST(one.newest<raft::append_answer>(2).match == 0u);
  BOOST_TEST(one.last.append.empty());
  one.take(one.group.tick(0));
  one.take(one.group.tick(9'000));
  BOOST_TEST((one.group.state() == role::follower));
  one.take(one.group.snapshot_installed(at_ten));
  BOOST_TEST(one.newest<raft::append_answer>(2).match == 10u);
  BOOST_TEST((one.group.snapshot_point() == at_ten));
  one.hear(2, 6, chunk(0, "abc")); // it has it
  BOOST_TEST(!one.last.store_chunk);
}

BOOST_AUTO_TEST_CASE(chunks_of_two_leaders_never_mix) {
  member one{of_three()};
  one.hear(2, 6, chunk(0, "abc"));
  one.hear(3, 7, chunk(3, "DEF")); // the same snapshot, in other bytes
  BOOST_TEST(!one.last.store_chunk);
  BOOST_TEST(one.newest<raft::chunk_answer>(3).next_offset == 0u);
  one.hear(2, 6, chunk(3, "def")); // the old leader
  BOOST_TEST(!one.last.store_chunk);
  one.hear(3, 7, chunk(0, "ABC"));
  BOOST_REQUIRE(one.last.store_chunk);
  BOOST_TEST(one.last.store_chunk->offset == 0u);
}

BOOST_AUTO_TEST_CASE(a_snapshot_that_was_installed_under_an_earlier_leader_vouches_for_nothing) {
  member one{of_three()};
  one.hear(2, 6, chunk(0, "abcdef"));
  BOOST_REQUIRE(one.last.store_chunk->last);
  one.hear(3, 7, raft::append_request{0, 0, 0, 0, {}});
  one.sent.clear();
  one.take(one.group.snapshot_installed(at_ten));
  BOOST_TEST(one.sent.empty());
  one.hear(3, 7, raft::append_request{10, 3, 10, 0, {}});
  BOOST_TEST(one.newest<raft::append_answer>(3).match == 10u);
}

BOOST_AUTO_TEST_CASE(what_is_in_the_log_already_is_not_installed) {
  std::vector<entry> log;
  for (uint64_t index = 1; index <= 12; ++index)
    log.push_back(command(index, 3));
  member one{of_three(), restart{{5, 0}, {}, log}};
  one.hear(2, 6, chunk(0, "abc"));
  BOOST_TEST(!one.last.store_chunk);
  BOOST_TEST(one.newest<raft::append_answer>(2).match == 10u);
  BOOST_TEST(one.group.commit_index() == 10u);
}

BOOST_AUTO_TEST_CASE(a_snapshot_names_the_members_of_its_own_point) {
  member one{of_three()};
  one.lead();
  one.take(one.group.applied(1));
  one.take(one.group.add_learner(1, 4)); // not committed
  BOOST_TEST((one.group.members() == membership{{1, 2, 3}, {4}}));
  BOOST_TEST((one.group.snapshot_point() == snapshot_meta{1, 1, {{1, 2, 3}, {}}}));
}

BOOST_AUTO_TEST_CASE(a_snapshot_is_asked_for_once_when_the_log_is_long) {
  raft::settings alone;
  alone.snapshot_after_entries = 3;
  member one{alone};
  one.settle(one.group.flush());
  one.take(one.group.persisted(1, 1));
  for (ticket id = 2; id <= 3; ++id) {
    one.take(one.group.propose(id, "x"));
    one.settle(one.group.flush());
  }
  BOOST_TEST(one.take(one.group.applied(3)).take_snapshot);
  BOOST_TEST(!one.take(one.group.applied(3)).take_snapshot);
  one.take(one.group.snapshot_stored(one.group.snapshot_point()));
  one.take(one.group.snapshot_stored({2, 1, {{1}, {}}})); // one that was overtaken
  BOOST_TEST(!one.take(one.group.applied(3)).take_snapshot);
}

BOOST_AUTO_TEST_CASE(a_restart_keeps_the_log_only_if_it_goes_on_from_the_snapshot) {
  const auto kept = [](std::vector<entry> log) {
    restart found{{5, 0}, at_ten, std::move(log)};
    raft::reconcile(found);
    return found.log.size();
  };
  BOOST_TEST(kept({}) == 0u);
  BOOST_TEST(kept({command(9, 3), command(10, 3), command(11, 4)}) == 1u);
  BOOST_TEST(kept({command(9, 2), command(10, 2), command(11, 2)}) == 0u); // another 10: the snapshot was installed
  BOOST_TEST(kept({command(7, 2), command(8, 2)}) == 0u);
  BOOST_TEST(kept({command(11, 4), command(12, 4)}) == 2u);
  BOOST_TEST(kept({command(11, 2)}) == 0u);
  restart whole{{5, 0}, {}, {command(1, 1)}};
  raft::reconcile(whole);
  BOOST_TEST(whole.log.size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

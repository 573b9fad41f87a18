// What the queue supervisor proposes when nodes come and go (R3, R6, S21, S22, U05): only what the metadata will take,
// a bounded part of it at a time, and nothing for queues that need nothing.
#include "metadata/queue_supervisor.hpp"
#include "placement_world.hpp"

using namespace metadata_test;

namespace queue_supervision {
namespace {

constexpr const char* two = R"({"ha-mode":"exactly","ha-params":2})";
constexpr const char* all = R"({"ha-mode":"all"})";

struct supervised : placed_world {
  explicit supervised(std::string_view letters, supervisor_settings how = {}) : placed_world(letters), supervisor(how) {
    supervisor.begin(now, *state.snapshot());
    changes.clear();
  }

  /// What it proposes after all that has happened since.
  supervision step(uint64_t after_ms = 0, const heard_of_replicas& heard = {}) {
    now += after_ms;
    const snapshot_ptr seen = state.snapshot();
    supervisor.follow(now, changes, *seen);
    changes.clear();
    supervision out = supervisor.step(now, *seen, heard);
    for (const change_placement& one : out.proposals)
      BOOST_TEST(would_apply(one), "proposed in vain");
    return out;
  }
  bool would_apply(const change_placement& what) const {
    repl::placement tried = *queue(what.name)->placement;
    return queue(what.name)->id == what.id
        && repl::apply(tried, node_table_of(tried, *state.snapshot()), what.what).ok();
  }
  /// Until there is nothing to be proposed; masters hand over as wished.
  void settle(uint64_t ms = 60'000) {
    for (const uint64_t end = now + ms; now < end; now += 100) {
      const supervision next = step();
      for (const change_placement& one : next.proposals)
        must(one);
      for (const master_move& one : next.moves)
        if (queue(one.name)->mastership == one.mastership)
          BOOST_REQUIRE(change(one.name, repl::hand_over{one.mastership, member(one.name, one.to)}).ok());
    }
  }
  std::map<std::string, size_t> masters() const {
    std::map<std::string, size_t> out;
    state.snapshot()->for_each_queue([&](const queue_ptr& one) { ++out[one->node]; });
    return out;
  }
  /// Queues that are mirrored on the letters, all of them in sync.
  void declare_many(size_t count, const std::string& at, const std::string& letters) {
    for (size_t i = 0; i < count; ++i) {
      const std::string name = "q" + at + std::to_string(i);
      declare(name, at);
      set_in_sync(name, letters);
    }
  }

  queue_supervisor supervisor;
  uint64_t now = 1'000'000;
};

const repl::promote* promotion(const supervision& in, size_t which = 0) {
  return which < in.proposals.size() ? std::get_if<repl::promote>(&in.proposals[which].what) : nullptr;
}

} // namespace
} // namespace queue_supervision

BOOST_AUTO_TEST_SUITE(queue_supervision)

BOOST_AUTO_TEST_CASE(every_queue_is_looked_at_a_part_with_each_step) {
  supervisor_settings how;
  how.walk_max = 4;
  supervised w{"abc", how};
  w.policy(all);
  w.declare_many(10, "a", "abc");
  w.settle();
  const auto before = w.masters();
  w.down("a");
  int steps = 0;
  supervision out = w.step();
  for (; w.supervisor.walking(); ++steps) {
    BOOST_TEST(out.proposals.empty()); // who has how many masters is not known yet
    BOOST_TEST(w.supervisor.next_step(w.now) == w.now);
    if (steps == 1)
      w.down("b"); // it begins anew
    out = w.step();
  }
  BOOST_TEST(steps >= 7); // ten queues, three times, and some of them twice
  BOOST_TEST(out.proposals.size() == 10u - before.at("c"));
  for (size_t i = 0; i < out.proposals.size(); ++i)
    BOOST_TEST(promotion(out, i) != nullptr);
}

BOOST_AUTO_TEST_CASE(quiet_queues_cost_nothing) {
  supervised w{"abc"};
  w.policy(all);
  w.declare("q", "a");
  w.set_in_sync("q", "abc");
  w.settle();
  BOOST_TEST(w.step().proposals.empty());
  BOOST_TEST(w.supervisor.next_step(w.now) == UINT64_MAX);
}

BOOST_AUTO_TEST_CASE(a_master_that_is_gone_is_followed_by_who_has_most_of_the_log) {
  supervised w{"abc"};
  w.policy(all);
  w.declare("q", "a");
  w.set_in_sync("q", "abc");
  w.down("a");
  const heard_of_replicas heard = [&](queue_id) { return std::vector<repl::progress>{{2, {1, 5}}, {3, {1, 6}}}; };
  const supervision first = w.step(0, heard);
  BOOST_REQUIRE(promotion(first) != nullptr);
  BOOST_TEST(promotion(first)->candidate == 3u);
  BOOST_TEST(first.proposals[0].id == w.queue("q")->id);
  BOOST_TEST(w.step(10, heard).proposals.empty()); // under way
  BOOST_TEST(w.supervisor.next_step(w.now) <= w.now + limits::replication_retry_ms);
  BOOST_TEST(w.step(limits::replication_retry_ms, heard).proposals.size() == 1u); // it was lost perhaps
  w.down("c");
  const supervision other = w.step(0, heard); // that one is of no use any more: do not wait
  BOOST_REQUIRE(promotion(other) != nullptr);
  BOOST_TEST(promotion(other)->candidate == 2u);
  w.must(other.proposals[0]);
  BOOST_TEST(w.step().proposals.empty());
}

BOOST_AUTO_TEST_CASE(a_master_whose_node_came_back_under_a_new_session_is_followed_by_a_mirror) {
  supervised w{"ab"};
  w.policy(all);
  w.declare("q", "a");
  w.set_in_sync("q", "ab");
  w.step();
  w.down("a");
  w.up("a");
  BOOST_REQUIRE(promotion(w.step()) != nullptr);
  w.settle();
  BOOST_TEST(w.master("q") == "b");
}

BOOST_AUTO_TEST_CASE(of_mirrors_that_are_as_far_the_one_whose_node_has_fewest_masters_is_next) {
  supervised w{"abc"};
  w.policy(all);
  w.declare_many(12, "a", "abc");
  w.declare_many(4, "b", "abc");
  w.down("a");
  for (const change_placement& one : w.step().proposals)
    w.must(one);
  BOOST_TEST(w.masters()["b"] == 8u);
  BOOST_TEST(w.masters()["c"] == 8u);
}

BOOST_AUTO_TEST_CASE(a_mirror_on_a_drained_node_is_next_only_if_there_is_no_other) {
  supervised w{"abc"};
  w.policy(all);
  w.declare_many(3, "a", "abc");
  w.declare("qalone", "a");
  w.set_in_sync("qalone", "ab");
  w.supervisor.drain({w.id("b")});
  w.down("a");
  const heard_of_replicas heard = [&](queue_id) { return std::vector<repl::progress>{{2, {1, 9}}, {3, {1, 6}}}; };
  for (const change_placement& one : w.step(0, heard).proposals)
    w.must(one);
  BOOST_TEST(w.masters()["c"] == 3u);
  BOOST_TEST(w.master("qalone") == "b");
}

BOOST_AUTO_TEST_CASE(copies_on_a_node_that_stays_away_are_made_on_the_node_with_fewest) {
  supervised w{"abcd"};
  w.policy(two);
  w.declare("plain", "c");
  w.declare("q", "a");
  w.set_in_sync("q", "ab");
  w.down("b");
  BOOST_TEST(w.step().proposals.empty()); // it is restarted perhaps
  BOOST_TEST(w.supervisor.next_step(w.now) == w.now + limits::replication_restore_ms);
  BOOST_TEST(w.step(limits::replication_restore_ms - 1).proposals.empty());
  const supervision then = w.step(1);
  BOOST_REQUIRE(then.proposals.size() == 1u);
  w.must(then.proposals[0]);
  BOOST_TEST(w.nodes("q") == "ad");
  w.start("b"); // and it is not moved back
  w.settle();
  BOOST_TEST(w.nodes("q") == "ad");
}

BOOST_AUTO_TEST_CASE(a_node_that_is_back_in_time_keeps_its_copies) {
  supervised w{"abc"};
  w.policy(two);
  w.declare("q", "a");
  w.step();
  w.down("b");
  w.step(9'000);
  w.start("b");
  w.settle();
  BOOST_TEST(w.nodes("q") == "ab");
}

BOOST_AUTO_TEST_CASE(copies_are_not_moved_where_the_policy_names_the_nodes) {
  supervised w{"abc"};
  w.policy(R"({"ha-mode":"nodes","ha-params":["a","b"]})");
  w.declare("q", "a");
  w.down("b");
  w.settle();
  BOOST_TEST(w.nodes("q") == "ab");
}

BOOST_AUTO_TEST_CASE(many_queues_that_lose_a_node_are_spread_over_the_others) {
  supervised w{"abcde"};
  w.policy(R"({"ha-mode":"exactly","ha-params":1})", "^q");
  w.must(put_policy{{"/", "two", "^q", "queues", 1, R"({"ha-mode":"nodes","ha-params":["a","b"]})"}, false});
  for (int i = 0; i < 30; ++i)
    w.declare("q" + std::to_string(i), "a");
  w.must(put_policy{{"/", "two", "^q", "queues", 1, two}, false});
  w.down("b");
  w.settle();
  std::map<std::string, int> copies;
  for (int i = 0; i < 30; ++i)
    ++copies[w.nodes("q" + std::to_string(i))];
  BOOST_TEST(copies["ac"] == 10);
  BOOST_TEST(copies["ad"] == 10);
  BOOST_TEST(copies["ae"] == 10);
}

BOOST_AUTO_TEST_CASE(proposals_without_outcome_are_bounded_and_all_get_their_turn) {
  supervisor_settings how;
  how.proposals_max = 7;
  supervised w{"ab", how};
  w.policy(all);
  w.declare_many(40, "a", "ab");
  w.down("a");
  const supervision first = w.step();
  BOOST_TEST(first.proposals.size() == 7u);
  BOOST_TEST(w.step().proposals.empty());
  for (const change_placement& one : first.proposals)
    w.must(one);
  size_t rounds = 1;
  for (; rounds < 20; ++rounds) {
    const supervision next = w.step();
    BOOST_TEST(next.proposals.size() <= 7u);
    if (next.proposals.empty())
      break;
    for (const change_placement& one : next.proposals)
      w.must(one);
  }
  BOOST_TEST(rounds == 6u);
  BOOST_TEST(w.masters()["b"] == 40u);
}

BOOST_AUTO_TEST_CASE(after_a_loss_of_power_it_waits_for_all_that_are_listed_or_the_grace) {
  supervised w{"abc"};
  w.policy(all);
  w.declare("q", "a");
  w.set_in_sync("q", "abc");
  w.step();
  for (const char* one : {"a", "b", "c"})
    w.down(one);
  w.step(5'000);
  w.start("b");
  w.start("c");
  BOOST_REQUIRE(w.change("q", repl::report_inventory{1, {w.member("b"), {1, 7}, true, false}}).ok());
  BOOST_REQUIRE(w.change("q", repl::report_inventory{1, {w.member("c"), {1, 8}, true, false}}).ok());
  BOOST_TEST(w.step().proposals.empty());
  BOOST_TEST(w.supervisor.next_step(w.now) == w.now + limits::recovery_grace_ms);
  BOOST_TEST(w.step(limits::recovery_grace_ms - 1).proposals.empty());
  const supervision then = w.step(1);
  BOOST_REQUIRE(then.proposals.size() == 1u);
  const auto* recovery = std::get_if<repl::recover>(&then.proposals[0].what);
  BOOST_REQUIRE(recovery != nullptr);
  BOOST_TEST(recovery->candidate == 3u);
  BOOST_TEST(recovery->grace_over);
  BOOST_TEST(!recovery->accept_data_loss);
}

BOOST_AUTO_TEST_CASE(without_a_grace_it_waits_for_all) {
  supervisor_settings how;
  how.wait_for_all = true;
  supervised w{"ab", how};
  w.policy(all);
  w.declare("q", "a");
  w.set_in_sync("q", "ab");
  w.down("a");
  w.down("b");
  w.start("b");
  BOOST_REQUIRE(w.change("q", repl::report_inventory{1, {w.member("b"), {1, 7}, true, false}}).ok());
  for (int i = 0; i < 10; ++i)
    BOOST_TEST(w.step(limits::recovery_grace_ms).proposals.empty());
  w.start("a");
  BOOST_REQUIRE(w.change("q", repl::report_inventory{1, {w.member("a"), {1, 6}, true, false}}).ok());
  const supervision then = w.step();
  BOOST_REQUIRE(then.proposals.size() == 1u);
  BOOST_TEST(std::get<repl::recover>(then.proposals[0].what).candidate == 2u);
}

// -- masters on the move ----------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(masters_are_moved_until_nodes_have_as_many_a_few_at_a_time) {
  supervised w{"abc"};
  w.policy(all);
  w.declare_many(30, "a", "abc");
  const supervision first = w.step(limits::master_rebalance_ms);
  BOOST_TEST(first.proposals.empty());
  BOOST_TEST(first.moves.size() == limits::master_moves_max);
  for (const master_move& one : first.moves) {
    BOOST_TEST(one.from == 1u);
    BOOST_TEST(one.to != 1u);
    BOOST_TEST(one.mastership == 1u);
    BOOST_TEST(one.id == w.queue(one.name)->id);
  }
  BOOST_TEST(w.step(1'000).moves.empty());                                             // they are not through
  BOOST_TEST(w.step(limits::master_move_ms).moves.size() == limits::master_moves_max); // nor will they be
  w.settle(120'000);
  BOOST_TEST((w.masters() == std::map<std::string, size_t>{{"a", 10}, {"b", 10}, {"c", 10}}));
  BOOST_TEST(w.supervisor.next_step(w.now) == UINT64_MAX);
}

BOOST_AUTO_TEST_CASE(a_master_is_moved_to_a_mirror_in_sync_only) {
  supervised w{"abc"};
  w.policy(all);
  for (int i = 0; i < 12; ++i) {
    w.declare("q" + std::to_string(i), "a");
    if (i % 2 == 0)
      w.set_in_sync("q" + std::to_string(i), "ac");
  }
  w.settle();
  BOOST_TEST((w.masters() == std::map<std::string, size_t>{{"a", 6}, {"c", 6}}));
}

BOOST_AUTO_TEST_CASE(no_master_is_moved_to_a_node_that_is_down_or_has_restarted) {
  supervised w{"abc"};
  w.policy(all);
  w.declare_many(6, "a", "abc");
  w.down("b");
  w.start("c"); // its old session is listed still
  w.settle();
  BOOST_TEST(w.masters()["a"] == 6u);
}

BOOST_AUTO_TEST_CASE(a_drained_node_keeps_no_master_and_gets_none) {
  supervised w{"abc"};
  w.policy(all);
  w.declare_many(9, "a", "abc");
  w.settle();
  w.supervisor.drain({w.id("a")});
  w.settle();
  BOOST_TEST(w.masters().size() == 2u);
  BOOST_TEST(w.masters()["a"] == 0u);
  w.supervisor.drain({});
  w.settle();
  BOOST_TEST(w.masters()["a"] == 3u);
}

BOOST_AUTO_TEST_CASE(a_drained_node_is_given_no_copies_in_the_place_of_lost_ones) {
  supervised w{"abcd"};
  w.policy(two);
  w.declare("busy", "d");
  w.declare("q", "a");
  w.supervisor.drain({w.id("c")});
  w.down("b");
  w.settle();
  BOOST_TEST(w.nodes("q") == "ad");
}

BOOST_AUTO_TEST_CASE(a_master_moves_to_a_node_its_policy_lists_when_that_is_in_sync) {
  supervised w{"abc"};
  w.policy(R"({"ha-mode":"nodes","ha-params":["b","c"]})");
  w.declare("q", "a");
  w.settle();
  BOOST_TEST(w.master("q") == "a");
  BOOST_TEST(w.nodes("q") == "abc");
  w.set_in_sync("q", "ac");
  w.settle();
  BOOST_TEST(w.master("q") == "c");
  BOOST_TEST(w.nodes("q") == "bc");
}

BOOST_AUTO_TEST_CASE(a_supervisor_that_begins_finds_what_is_to_be_done) {
  supervised w{"abc"};
  w.policy(two);
  w.declare("q", "a");
  w.declare("q2", "b");
  w.set_in_sync("q", "ab");
  w.down("a");
  w.settle();
  w.start("a");
  w.down("b");
  queue_supervisor other;
  other.begin(w.now, *w.state.snapshot());
  const supervision first = other.step(w.now, *w.state.snapshot());
  BOOST_REQUIRE(first.proposals.empty()); // q2 was on b alone, q has moved to b and c and waits for either
  BOOST_TEST(other.next_step(w.now) == w.now + limits::recovery_grace_ms);
}

BOOST_AUTO_TEST_SUITE_END()

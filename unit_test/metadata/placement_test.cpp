// Placements in the metadata: they follow policies and nodes, and the commands of the replication; a queue's node and
// mastership are always its placement's (docs/internals/replication.md).
#include "placement_world.hpp"

using namespace metadata_test;

namespace placements {
namespace {

constexpr const char* all = R"({"ha-mode":"all"})";
constexpr const char* two = R"({"ha-mode":"exactly","ha-params":2})";
constexpr const char* three = R"({"ha-mode":"exactly","ha-params":3})";

using kind = metadata_change::kind;

size_t count(const std::vector<metadata_change>& changes, kind what) {
  return static_cast<size_t>(
    std::count_if(changes.begin(), changes.end(), [&](const auto& one) { return one.what == what; }));
}

} // namespace
} // namespace placements

BOOST_AUTO_TEST_SUITE(placements)

// -- the switch -------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(without_replication_nothing_is_placed_and_sessions_are_runs) {
  placed_world w{"ab", false};
  w.policy(all);
  w.declare("q", "a");
  w.declare_quorum("quorum", "b");
  BOOST_TEST(!w.queue("q")->placement);
  BOOST_TEST(!w.queue("quorum")->placement);
  BOOST_TEST(w.refusal(change_placement{"/", "q", w.queue("q")->id, repl::promote{1, 1}})
             == "queue 'q' in vhost '/' is not replicated");
  w.down("b");
  w.up("b");
  BOOST_TEST(w.node("b")->session == w.node("b")->run);
  w.start("a");
  BOOST_TEST(w.node("a")->run == 3u);
}

BOOST_AUTO_TEST_CASE(queues_that_nothing_wants_copies_of_are_as_they_were) {
  placed_world w{"ab"};
  w.policy(all, "^mirrored");
  w.declare("q", "b");
  w.declare("transient", "b", false);
  BOOST_TEST(!w.queue("q")->placement);
  w.down("b");
  BOOST_TEST(!w.has_queue("transient"));
  BOOST_TEST(w.has_queue("q"));
  w.forget("b");
  BOOST_TEST(!w.has_queue("q"));
}

// -- what is wanted ---------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_new_queue_begins_with_its_master_in_sync_and_is_wanted_where_its_policy_says) {
  placed_world w{"abc"};
  w.policy(all);
  w.declare("q", "b");
  const repl::placement& placed = w.placement("q");
  BOOST_TEST(placed.queue == w.queue("q")->id);
  BOOST_TEST(placed.mastership == 1u);
  BOOST_TEST((placed.isr == std::vector<repl::member>{w.member("b")}));
  BOOST_TEST(w.nodes("q").size() == 3u);
  BOOST_TEST(w.nodes("q").front() == 'b');
  BOOST_TEST(placed.min_in_sync == 2u); // nothing is in it yet: no reason to begin with less
  BOOST_TEST(w.queue("q")->node == "b");
}

BOOST_AUTO_TEST_CASE(a_quorum_queue_has_three_copies_two_of_them_in_sync) {
  placed_world w{"abcde"};
  w.declare_quorum("orders", "c");
  BOOST_TEST(w.nodes("orders") == "cab");
  BOOST_TEST(w.placement("orders").min_in_sync == 2u);
  w.declare_quorum("more", "c");
  BOOST_TEST(w.nodes("more") == "cde"); // those with the fewest copies
  w.declare_quorum("single", "a", 1);
  BOOST_TEST(w.nodes("single") == "a");
  BOOST_TEST(w.placement("single").min_in_sync == 1u);
}

BOOST_AUTO_TEST_CASE(exclusive_queues_are_never_replicated_others_that_are_not_durable_are) {
  placed_world w{"ab"};
  w.policy(all);
  queue_record own = queue("q own");
  own.node = "a";
  own.exclusive = true;
  own.owner = 9;
  w.must(declare_queue{own});
  BOOST_TEST(!w.queue("q own")->placement);
  w.declare("q", "a", false);
  BOOST_TEST(w.nodes("q") == "ab");
}

BOOST_AUTO_TEST_CASE(a_declare_cannot_bring_a_placement_along) {
  placed_world w{"ab"};
  queue_record wanted = queue("plain");
  wanted.node = "a";
  wanted.copies = 9;
  repl::placement forged;
  forged.queue = 1;
  forged.master = 2;
  forged.isr = {{2, 2}};
  forged.nodes = {2};
  wanted.placement = std::make_shared<const repl::placement>(forged);
  w.must(*decode_command(encode_command(declare_queue{wanted})));
  BOOST_TEST(!w.queue("plain")->placement);
  BOOST_TEST(w.queue("plain")->copies == 0u);
}

BOOST_AUTO_TEST_CASE(a_policy_that_comes_makes_a_queue_replicated_without_stopping_it) {
  placed_world w{"abc"};
  w.declare("q", "a");
  w.changes.clear();
  w.policy(all);
  BOOST_TEST(count(w.changes, kind::queue_changed) == 1u);
  BOOST_TEST(w.in_sync("q") == "a");
  BOOST_TEST(w.placement("q").min_in_sync == 1u); // it is full perhaps: one copy must do until there are two
  w.set_in_sync("q", "ab");
  BOOST_TEST(w.placement("q").min_in_sync == 2u);
  w.set_in_sync("q", "a"); // and from then on two is what it takes
  BOOST_TEST(w.placement("q").min_in_sync == 2u);
}

BOOST_AUTO_TEST_CASE(a_policy_that_changes_moves_copies_but_nobody_in_sync_is_thrown_out_by_it) {
  placed_world w{"abc"};
  w.policy(all);
  w.declare("q", "a");
  w.set_in_sync("q", "abc");
  w.policy(two);
  BOOST_TEST(w.nodes("q") == "ab");
  BOOST_TEST(w.in_sync("q") == "abc");
  BOOST_TEST(w.placement("q").min_in_sync == 1u);
  w.policy(R"({"ha-mode":"nodes","ha-params":["c"]})");
  BOOST_TEST(w.nodes("q") == "ac");
  BOOST_REQUIRE(w.change("q", repl::hand_over{1, w.member("c")}).ok());
  BOOST_TEST(w.nodes("q") == "c"); // the old master was only wanted as long as it was master
  BOOST_TEST(w.queue("q")->node == "c");
  BOOST_TEST(w.queue("q")->mastership == 2u);
}

BOOST_AUTO_TEST_CASE(a_queue_that_shall_not_be_replicated_any_more_keeps_its_master_only) {
  placed_world w{"abc"};
  w.policy(all);
  w.declare("q", "b");
  w.set_in_sync("q", "abc");
  w.no_policy();
  BOOST_TEST(w.nodes("q") == "b");
  BOOST_TEST(w.in_sync("q") == "abc"); // its master takes them out
  BOOST_TEST(w.placement("q").min_in_sync == 1u);
  w.down("b"); // before it did
  w.promote("q", "c");
  BOOST_TEST(w.nodes("q") == "c");
  w.set_in_sync("q", "c");
  BOOST_TEST(w.placement("q").mastership == 2u);
  w.policy(three);
  BOOST_TEST(w.nodes("q").front() == 'c');
}

BOOST_AUTO_TEST_CASE(a_queue_whose_node_is_down_is_replicated_when_it_is_back) {
  placed_world w{"ab"};
  w.declare("q", "b");
  w.declare("q2", "b");
  w.down("b");
  w.policy(all);
  w.declare("q3", "b");
  for (const char* name : {"q", "q2", "q3"})
    BOOST_TEST(!w.queue(name)->placement, name);
  w.start("b");
  for (const char* name : {"q", "q2", "q3"})
    BOOST_TEST((w.placement(name).isr == std::vector<repl::member>{w.member("b")}), name);
  placed_world other{"ab"};
  other.declare("q", "b");
  other.down("b");
  other.policy(all);
  other.up("b");
  BOOST_TEST(other.nodes("q") == "ba");
}

BOOST_AUTO_TEST_CASE(a_node_that_joins_is_given_the_copies_that_are_missing) {
  placed_world w{"ab"};
  w.policy(all, "^all");
  w.must(put_policy{{"/", "three", "^some", "queues", 0, three}, false});
  w.declare("all", "a");
  w.declare("some", "b");
  w.declare_quorum("quorum", "b");
  w.declare("plain", "a");
  BOOST_TEST(w.nodes("some") == "ba");
  w.must(register_node{"c", "host", 1});
  BOOST_TEST(w.nodes("all") == "ab"); // a node that has never been up is none yet
  BOOST_REQUIRE(w.apply(register_node{"c", "host", 1}).ok());
  w.start("d");
  BOOST_TEST(w.nodes("all") == "abd");
  BOOST_TEST(w.nodes("some") == "bad");
  BOOST_TEST(w.nodes("quorum") == "bad");
  BOOST_TEST(!w.queue("plain")->placement);
}

// -- sessions ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_node_that_was_declared_down_comes_back_under_a_new_session) {
  placed_world w{"ab"};
  w.policy(all);
  w.declare("q", "a");
  w.set_in_sync("q", "ab");
  const repl::member before = w.member("a");
  const uint64_t run = w.node("a")->run;
  w.down("a");
  BOOST_TEST((w.member("a") == before)); // its session is over, there is no other yet
  BOOST_TEST(!sessions_of(*w.state.snapshot()).live(1));
  w.up("a");
  BOOST_TEST(w.member("a").inc > before.inc);
  BOOST_TEST(w.node("a")->run == run); // its connections are what they were
  const repl::node_table nodes = sessions_of(*w.state.snapshot());
  BOOST_TEST(nodes.live(1));
  BOOST_TEST(!nodes.current(before));
  // What it was listed as is gone for good: it is no master any more, and may not be made one.
  BOOST_TEST(w.in_sync("q") == "ab");
  BOOST_TEST(w.change("q", repl::hand_over{1, w.member("b")}).ok()); // the old master's last word, still safe
  BOOST_TEST(w.master("q") == "b");
  BOOST_TEST(w.change("q", repl::hand_over{2, before}).failure.text
             == "queue 'q' in vhost '/': the candidate is not alive");
  BOOST_TEST(w.change("q", repl::promote{2, 1}).failure.text == "queue 'q' in vhost '/': the master is alive");
  w.set_in_sync("q", "b");
  // Its old session cannot come back, the new one can.
  const repl::placement now = w.placement("q");
  BOOST_TEST(w.change("q", repl::alter_isr{2, now.version, {before, w.member("b")}}).ok());
  BOOST_TEST(w.in_sync("q") == "b");
  BOOST_TEST(w.placement("q").version == now.version + 1); // M2
  w.set_in_sync("q", "ab");
}

BOOST_AUTO_TEST_CASE(a_run_that_starts_ends_the_session_of_the_run_before) {
  placed_world w{"ab"};
  w.policy(all);
  w.declare("q", "a");
  w.set_in_sync("q", "ab");
  const repl::member before = w.member("a");
  w.start("a"); // nobody had noticed that it was gone
  BOOST_TEST(w.member("a").inc > before.inc);
  BOOST_TEST(w.in_sync("q") == "ab");
  w.promote("q", "b");
  BOOST_TEST(w.queue("q")->node == "b");
}

BOOST_AUTO_TEST_CASE(sessions_and_runs_are_numbered_by_one_count) {
  placed_world w{"ab"};
  w.down("b");
  w.up("b");
  const uint64_t session = w.node("b")->session;
  w.start("a");
  BOOST_TEST(w.node("a")->session == w.node("a")->run);
  BOOST_TEST(w.node("a")->run == session + 1);
}

// -- copies that are taken away and given back ------------------------------------------------------------------------

/// It has dropped its log when it was told, and what it acknowledged before may still be on its way to a master.
BOOST_AUTO_TEST_CASE(a_copy_that_is_given_back_is_another_incarnation) {
  placed_world w{"ab"};
  w.policy(all);
  w.declare("q", "a");
  w.set_in_sync("q", "ab");
  const repl::member before = w.member("q", w.id("b"));
  BOOST_TEST((before == w.member("b"))); // its session says it all, as long as it has its copy
  w.no_policy();
  BOOST_TEST((w.member("q", w.id("b")) == before)); // still listed: it keeps what it has
  w.set_in_sync("q", "a");
  w.policy(all);
  const repl::member after = w.member("q", w.id("b"));
  BOOST_TEST(after.inc > before.inc);
  BOOST_TEST((w.member("b") == before)); // to other queues nothing has changed
  BOOST_TEST((w.member("q", w.id("a")) == w.member("a")));
  // A master that has not heard of it proposes what it was, one that has what it is.
  const repl::placement now = w.placement("q");
  w.change("q", repl::alter_isr{1, now.version, {w.member("a"), before}});
  BOOST_TEST(w.in_sync("q") == "a");
  w.set_in_sync("q", "ab");
  BOOST_TEST(w.placement("q").lists(after));
  BOOST_TEST(!w.change("q", repl::hand_over{1, before}).ok());
  BOOST_TEST(w.change("q", repl::hand_over{1, after}).ok());
}

BOOST_AUTO_TEST_CASE(a_copy_that_is_given_back_before_it_left_the_in_sync_set_is_what_it_was) {
  placed_world w{"ab"};
  w.policy(all);
  w.declare("q", "a");
  w.set_in_sync("q", "ab");
  const repl::member before = w.member("q", w.id("b"));
  w.no_policy();
  w.policy(all);
  BOOST_TEST((w.member("q", w.id("b")) == before));
  w.set_in_sync("q", "a"); // it was slow, and keeps its place
  BOOST_TEST((w.member("q", w.id("b")) == before));
  BOOST_TEST(w.placement("q").lost.empty());
}

BOOST_AUTO_TEST_CASE(a_session_ends_the_incarnation_of_a_copy_that_was_given_back_as_any) {
  placed_world w{"ab"};
  w.policy(all);
  w.declare("q", "a");
  w.no_policy(); // it was never in sync
  w.policy(all);
  w.set_in_sync("q", "ab");
  const repl::member copy = w.member("q", w.id("b"));
  BOOST_TEST(w.placement("q").lists(copy));
  BOOST_TEST(copy.inc > w.member("b").inc);
  w.down("b");
  BOOST_TEST(!node_table_of(w.placement("q"), *w.state.snapshot()).live(copy.node));
  w.up("b");
  const repl::member next = w.member("q", w.id("b"));
  BOOST_TEST(next.inc > copy.inc);
  BOOST_TEST((next == w.member("b")));
  // What is over is not said for ever: when anybody loses a copy it goes.
  w.set_in_sync("q", "a");
  w.start("c");
  w.policy(R"({"ha-mode":"nodes","ha-params":["a","b"]})");
  BOOST_TEST((w.placement("q").lost == std::vector<repl::member>{w.member("q", w.id("c"))}));
}

BOOST_AUTO_TEST_CASE(a_master_on_a_copy_that_was_given_back_is_one) {
  placed_world w{"abc"};
  w.policy(all);
  w.declare("q", "a");
  w.no_policy();
  w.policy(all);
  w.set_in_sync("q", "abc");
  w.down("a");
  w.promote("q", "b");
  const repl::placement& now = w.placement("q");
  BOOST_TEST(has_master(now, node_table_of(now, *w.state.snapshot())));
  BOOST_TEST(may_take_over(now, w.id("c"), node_table_of(now, *w.state.snapshot())));
  BOOST_TEST(news_of_lost_masters(*w.state.snapshot(), *w.state.snapshot()).empty());
  world restored{replicating()};
  BOOST_REQUIRE(restored.state.restore(w.state.serialise()).ok());
  BOOST_TEST((*restored.state.snapshot()->find_queue("/", "q")->placement == now));
}

BOOST_AUTO_TEST_CASE(who_has_lost_a_copy_is_forgotten_with_its_node) {
  placed_world w{"abc"};
  w.policy(all);
  w.declare("q", "a");
  w.no_policy();
  BOOST_TEST(w.placement("q").lost.size() == 2u);
  w.down("c");
  w.forget("c");
  BOOST_TEST(w.placement("q").lost.size() == 1u);
  w.policy(all);
  w.down("b");
  w.forget("b"); // has a place, and had lost another
  BOOST_TEST(w.placement("q").lost.empty());
}

// -- commands ---------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_promotion_moves_the_queue_to_the_new_masters_node) {
  placed_world w{"abc"};
  w.policy(all);
  w.declare("q", "a");
  w.set_in_sync("q", "abc");
  w.down("a");
  BOOST_TEST(w.has_queue("q"));
  w.changes.clear();
  w.promote("q", "c");
  BOOST_REQUIRE(w.changes.size() == 1u);
  BOOST_TEST((w.changes[0].what == kind::queue_changed));
  BOOST_TEST(w.changes[0].queue->node == "c");
  BOOST_TEST(w.queue("q")->node == "c");
  BOOST_TEST(w.queue("q")->mastership == 2u);
  BOOST_TEST(w.in_sync("q") == "abc"); // M1
}

BOOST_AUTO_TEST_CASE(after_a_loss_of_power_the_queue_is_recovered_from_what_is_reported) {
  placed_world w{"ab"};
  w.policy(all);
  w.declare("q", "a");
  w.set_in_sync("q", "ab");
  w.down("a");
  w.down("b");
  w.start("b");
  BOOST_TEST(!w.change("q", repl::recover{1, 2, true, false}).ok());
  const repl::inventory report{w.member("b"), {1, 70}, true, false};
  BOOST_REQUIRE(w.change("q", repl::report_inventory{1, report}).ok());
  BOOST_TEST(w.placement("q").inventories.size() == 1u);
  BOOST_TEST(!w.change("q", repl::recover{1, 2, false, false}).ok()); // a may have more
  BOOST_REQUIRE(w.change("q", repl::recover{1, 2, true, false}).ok());
  BOOST_TEST(w.queue("q")->node == "b");
  BOOST_TEST(w.placement("q").inventories.empty());
}

BOOST_AUTO_TEST_CASE(what_is_refused_names_the_reason_and_changes_nothing) {
  placed_world w{"ab"};
  w.policy(all);
  w.declare("q", "a");
  w.declare("plain", "a");
  w.start("c");
  const std::string before = w.state.serialise();
  const queue_id id = w.queue("q")->id;
  const auto refusal_of = [&](const std::string& name, queue_id which, repl::placement_command what) {
    return w.refusal(change_placement{"/", name, which, std::move(what)});
  };
  BOOST_TEST(refusal_of("q", id + 9, repl::promote{1, 2})
             == "no queue 'q' in vhost '/' with id " + std::to_string(id + 9));
  BOOST_TEST(refusal_of("nope", id, repl::promote{1, 2})
             == "no queue 'nope' in vhost '/' with id " + std::to_string(id));
  BOOST_TEST(w.refusal(change_placement{"nope", "q", id, repl::promote{1, 2}}) != "");
  BOOST_TEST(refusal_of("plain", w.queue("plain")->id, repl::promote{1, 2})
             == "queue 'plain' in vhost '/' is not replicated");
  BOOST_TEST(refusal_of("q", id, repl::promote{1, 2}) == "queue 'q' in vhost '/': the master is alive");
  BOOST_TEST(refusal_of("q", id, repl::place{{2}, 1})
             == "the master's node holds a copy: another one must be master first");
  BOOST_TEST(refusal_of("q", id, repl::place{{1, 1}, 1}) == "a node holds one copy of a queue");
  BOOST_TEST(refusal_of("q", id, repl::place{{1, 9}, 1}) == "node 9 is not in the cluster");
  BOOST_TEST(refusal_of("q", id, repl::place{{}, 1}) != "");
  BOOST_TEST(refusal_of("q", id, repl::place{{1}, 2}) != "");
  BOOST_TEST(refusal_of("q", id, repl::alter_isr{1, 1, {w.member("a")}}) != ""); // V has moved when it was placed
  BOOST_TEST(w.state.serialise() == before);
}

BOOST_AUTO_TEST_CASE(a_quorum_queue_keeps_the_number_of_copies_an_operator_gives_it) {
  placed_world w{"abcde"};
  w.declare_quorum("q", "a");
  BOOST_REQUIRE(w.change("q", repl::place{{1, 2, 3, 4, 5}, 1}).ok());
  BOOST_TEST(w.nodes("q") == "abcde");
  BOOST_TEST(w.queue("q")->copies == 5u);
  BOOST_REQUIRE(w.change("q", repl::place{{1, 2}, 1}).ok());
  BOOST_TEST(w.nodes("q") == "ab");
  w.start("f"); // does not make a third one
  BOOST_TEST(w.nodes("q") == "ab");
  BOOST_REQUIRE(w.change("q", repl::place{{1, 5}, 1}).ok());
  BOOST_TEST(w.nodes("q") == "ae");
  w.down("e");
  w.forget("e");
  BOOST_TEST(w.nodes("q").size() == 2u); // another one in its place
  BOOST_TEST(w.queue("q")->copies == 2u);
}

BOOST_AUTO_TEST_CASE(who_proposes_where_copies_shall_be_does_not_lower_how_many_must_be_in_sync) {
  placed_world w{"abc"};
  w.declare_quorum("q", "a");
  BOOST_REQUIRE(w.placement("q").min_in_sync == 2u);
  BOOST_REQUIRE(w.change("q", repl::place{{1, 3, 2}, 1}).ok());
  BOOST_TEST(w.placement("q").min_in_sync == 2u); // though only the master is in sync
}

BOOST_AUTO_TEST_CASE(where_a_policy_says_which_nodes_nothing_else_does) {
  placed_world w{"abc"};
  w.policy(all);
  w.declare("q", "a");
  BOOST_REQUIRE(w.change("q", repl::place{{1, 2}, 1}).ok());
  BOOST_TEST(w.nodes("q") == "abc");
  BOOST_TEST(w.queue("q")->copies == 0u);
}

// -- nodes that go ----------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_node_that_is_down_changes_no_placement) {
  placed_world w{"abc"};
  w.policy(all);
  w.declare("q", "a");
  w.set_in_sync("q", "abc");
  const repl::placement before = w.placement("q");
  w.down("a");
  w.down("b");
  BOOST_TEST((w.placement("q") == before)); // M1
  w.start("b");
  BOOST_TEST((w.placement("q") == before));
}

BOOST_AUTO_TEST_CASE(a_queue_that_is_not_durable_lives_as_long_as_anyone_in_sync) {
  placed_world w{"abc"};
  w.policy(all);
  w.declare("q", "a", false);
  w.declare("q2", "a", false);
  w.set_in_sync("q", "ab");
  w.down("c"); // in neither
  BOOST_TEST(w.has_queue("q2"));
  w.down("a");
  BOOST_TEST(w.has_queue("q"));
  BOOST_TEST(!w.has_queue("q2"));
  w.start("a"); // has lost it all
  BOOST_TEST(w.has_queue("q"));
  w.start("b");
  BOOST_TEST(!w.has_queue("q"));
}

BOOST_AUTO_TEST_CASE(a_forgotten_node_leaves_every_placement_and_a_mirror_becomes_master) {
  placed_world w{"abcd"};
  w.policy(three);
  w.declare("q", "a");
  BOOST_TEST(w.nodes("q") == "abc");
  w.set_in_sync("q", "abc");
  w.declare("q mirrored there", "b");
  w.set_in_sync("q mirrored there", "ab");
  w.down("a");
  w.changes.clear();
  w.forget("a");
  BOOST_TEST(count(w.changes, kind::queue_deleted) == 0u);
  BOOST_TEST(w.master("q") == "b");
  BOOST_TEST(w.queue("q")->node == "b");
  BOOST_TEST(w.queue("q")->mastership == 2u);
  BOOST_TEST(w.in_sync("q") == "bc");
  BOOST_TEST(w.nodes("q") == "bcd"); // one more in its place
  BOOST_TEST(w.master("q mirrored there") == "b");
  BOOST_TEST(w.queue("q mirrored there")->mastership == 1u);
  BOOST_TEST(w.in_sync("q mirrored there") == "b");
}

BOOST_AUTO_TEST_CASE(a_forgotten_master_is_followed_by_a_mirror_that_is_alive) {
  placed_world w{"abc"};
  w.policy(R"({"ha-mode":"nodes","ha-params":["a","b","c"]})");
  w.declare("q", "a");
  w.set_in_sync("q", "abc");
  w.down("b"); // the first in line
  w.down("a");
  w.forget("a");
  BOOST_TEST(w.master("q") == "c");
  BOOST_TEST(w.in_sync("q") == "bc"); // M1
}

BOOST_AUTO_TEST_CASE(a_forgotten_node_takes_along_only_what_nobody_else_was_in_sync_with) {
  placed_world w{"abc"};
  w.policy(all);
  w.declare("q", "a");
  w.declare("q2", "a");
  w.set_in_sync("q2", "ab");
  w.down("b");
  w.down("a");
  w.forget("a");
  BOOST_TEST(!w.has_queue("q"));
  BOOST_REQUIRE(w.has_queue("q2")); // on b's disk
  BOOST_TEST(w.master("q2") == "b");
  BOOST_TEST(w.in_sync("q2") == "b");
  w.start("b");
  BOOST_REQUIRE(w.change("q2", repl::report_inventory{2, {w.member("b"), {1, 7}, true, false}}).ok());
  BOOST_TEST(w.change("q2", repl::recover{2, 2, false, false}).ok()); // nobody waits for a node that is none
}

BOOST_AUTO_TEST_CASE(a_forgotten_node_that_joins_again_is_another_one) {
  placed_world w{"ab"};
  w.policy(all);
  w.declare("q", "a");
  w.set_in_sync("q", "ab");
  w.down("b");
  w.forget("b");
  BOOST_TEST(w.nodes("q") == "a");
  w.start("b");
  BOOST_TEST(w.id("b") == 3u);
  BOOST_TEST(w.nodes("q") == "ab");
  BOOST_TEST(w.in_sync("q") == "a");
}

// -- bytes ------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_snapshot_has_placements_and_sessions_and_reports_what_is_different) {
  placed_world w{"abc"};
  w.policy(all);
  w.declare("q", "a");
  w.declare("q2", "b");
  w.declare_quorum("quorum", "a");
  w.set_in_sync("q", "abc");
  world behind{replicating()};
  BOOST_REQUIRE(behind.state.restore(w.state.serialise()).ok());
  BOOST_REQUIRE(w.change("quorum", repl::place{{1, 2}, 1}).ok());
  w.down("a");
  w.down("b");
  w.down("c");
  w.start("b");
  w.up("c");
  BOOST_REQUIRE(w.change("q", repl::report_inventory{1, {w.member("b"), {3, 9}, false, true}}).ok());
  BOOST_REQUIRE(w.change("q", repl::report_inventory{1, {w.member("c"), {4, 8}, true, false}}).ok());
  const std::string bytes = w.state.serialise();
  behind.receive(bytes);
  BOOST_TEST(behind.state.serialise() == bytes);
  BOOST_TEST(count(behind.changes, kind::queue_changed) == 2u); // q2 has not changed
  BOOST_TEST(count(behind.changes, kind::node_down) == 1u);
  BOOST_TEST(count(behind.changes, kind::node_up) == 2u);
  const queue_ptr restored = behind.state.snapshot()->find_queue("/", "q");
  BOOST_TEST((*restored->placement == w.placement("q")));
  BOOST_TEST(behind.state.snapshot()->find_queue("/", "quorum")->copies == 2u);
  BOOST_TEST(behind.state.snapshot()->find_node("c")->session == w.node("c")->session);
  world off;
  const auto refused_there = off.state.restore(bytes);
  BOOST_REQUIRE(!refused_there.ok());
  BOOST_TEST(refused_there.error().text
             == "not a metadata snapshot: queue 'q' is replicated, and this node replicates none");
}

/// Loads are counted, not serialised: what has been restored must go on as what has been applied.
BOOST_AUTO_TEST_CASE(a_restored_state_places_the_next_copies_as_the_others_do) {
  placed_world w{"abcd"};
  w.policy(two);
  for (int i = 0; i < 7; ++i)
    w.declare("q" + std::to_string(i), i % 2 == 0 ? "a" : "c");
  w.declare("plain", "b");
  world other{replicating()};
  BOOST_REQUIRE(other.state.restore(w.state.serialise()).ok());
  for (int i = 0; i < 9; ++i) {
    queue_record wanted = queue("q more " + std::to_string(i));
    wanted.node = i % 3 == 0 ? "a" : "d";
    w.must(declare_queue{wanted});
    other.must(declare_queue{wanted});
    w.must(delete_queue{"/", "q" + std::to_string(i), 0});
    other.must(delete_queue{"/", "q" + std::to_string(i), 0});
  }
  BOOST_TEST(w.state.serialise() == other.state.serialise());
}

BOOST_AUTO_TEST_CASE(a_snapshot_of_before_has_no_placements_and_its_sessions_are_runs) {
  placed_world old{"ab", false};
  old.down("b");
  old.up("b");
  old.policy(all);
  old.declare("q", "a");
  world now{replicating()};
  BOOST_REQUIRE(now.state.restore(old.state.serialise()).ok());
  BOOST_TEST(!now.state.snapshot()->find_queue("/", "q")->placement);
  BOOST_TEST(now.state.snapshot()->find_node("b")->session == 2u);
}

BOOST_AUTO_TEST_CASE(every_change_of_a_placement_survives_its_encoding) {
  const std::vector<repl::placement_command> every = {
    repl::alter_isr{3, 4, {{1, 10}, {2, 20}}},
    repl::promote{3, 2},
    repl::hand_over{3, {2, 20}},
    repl::report_inventory{3, {{2, 20}, {2, 99}, false, true}},
    repl::recover{3, 2, true, true},
    repl::place{{3, 1, 2}, 2},
  };
  BOOST_REQUIRE_EQUAL(every.size(), std::variant_size_v<repl::placement_command>);
  for (const repl::placement_command& one : every) {
    const auto back = decode_command(encode_command(change_placement{"v", "q", 7, one}));
    BOOST_REQUIRE(back.ok());
    const auto* what = std::get_if<change_placement>(&*back);
    BOOST_REQUIRE(what != nullptr);
    BOOST_TEST(what->vhost == "v");
    BOOST_TEST(what->name == "q");
    BOOST_TEST(what->id == 7u);
    BOOST_TEST((what->what == one));
  }
}

BOOST_AUTO_TEST_CASE(damaged_snapshots_of_placements_are_errors_not_crashes) {
  placed_world w{"abc"};
  w.policy(all);
  w.declare("q", "a");
  w.set_in_sync("q", "abc");
  const std::string bytes = w.state.serialise();
  random_source random{3};
  size_t read = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string damaged = bytes;
    damaged[random.below(damaged.size())] = static_cast<char>(random.next());
    world other{replicating()};
    if (!other.state.restore(damaged).ok())
      continue;
    ++read;
    other.apply(change_placement{"/", "q", 1, repl::promote{1, 2}});
    other.state.serialise();
  }
  BOOST_TEST(read > 0u);
}

BOOST_AUTO_TEST_SUITE_END()

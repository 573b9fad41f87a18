// A node that is removed for ever leaves a placement, and copies move off nodes that stay away.
#include <boost/test/unit_test.hpp>

#include "replication/placement.hpp"
#include "replication/supervise.hpp"

namespace forgotten_nodes {
namespace {

namespace repl = broker::replication;

/// Queue 1, mastered on node 1 in epoch 4, on nodes 1 to 3, all in sync under incarnation 10 + id.
repl::placement three() {
  repl::placement out;
  out.queue = 1;
  out.mastership = 4;
  out.version = 9;
  out.master = 1;
  out.isr = {{1, 11}, {2, 12}, {3, 13}};
  out.nodes = {1, 3, 2};
  out.min_in_sync = 2;
  return out;
}
repl::node_table table(std::vector<repl::node_status> nodes) {
  return {std::move(nodes)};
}

} // namespace
} // namespace forgotten_nodes

using namespace forgotten_nodes;

BOOST_AUTO_TEST_SUITE(forgotten_nodes)

BOOST_AUTO_TEST_CASE(a_mirror_that_is_forgotten_leaves_everything_and_the_master_stays) {
  repl::placement queue = three();
  BOOST_TEST(repl::concerns(queue, 2));
  BOOST_TEST(repl::forget(queue, table({{1, 11, true}, {3, 13, true}}), 2));
  BOOST_TEST((queue.isr == std::vector<repl::member>{{1, 11}, {3, 13}}));
  BOOST_TEST((queue.nodes == std::vector<repl::node_id>{1, 3}));
  BOOST_TEST(queue.master == 1u);
  BOOST_TEST(queue.mastership == 4u);
  BOOST_TEST(queue.version == 10u); // what the master has under way is decided anew
  BOOST_TEST(!repl::concerns(queue, 2));
}

BOOST_AUTO_TEST_CASE(a_master_that_is_forgotten_is_followed_by_who_is_alive_and_named_first) {
  repl::placement queue = three();
  BOOST_TEST(repl::forget(queue, table({{2, 12, true}, {3, 13, true}}), 1));
  BOOST_TEST(queue.master == 3u);
  BOOST_TEST(queue.mastership == 5u);
  BOOST_TEST(queue.version == 10u);
  queue = three();
  BOOST_TEST(repl::forget(queue, table({{2, 12, true}, {3, 13, false}}), 1));
  BOOST_TEST(queue.master == 2u);
  queue = three();
  BOOST_TEST(repl::forget(queue, table({{2, 22, true}, {3, 13, false}}), 1)); // one has restarted, one is down
  BOOST_TEST(queue.master == 3u);
  BOOST_TEST((queue.isr == std::vector<repl::member>{{2, 12}, {3, 13}}));
}

BOOST_AUTO_TEST_CASE(the_only_one_in_sync_takes_the_queue_along) {
  repl::placement queue = three();
  queue.isr = {{1, 11}};
  const repl::placement before = queue;
  BOOST_TEST(!repl::forget(queue, table({{2, 12, true}, {3, 13, true}}), 1));
  BOOST_TEST((queue == before));
}

BOOST_AUTO_TEST_CASE(what_it_reported_is_forgotten_too_and_the_others_are_not_asked_again_for_a_mirror) {
  repl::placement queue = three();
  queue.inventories = {{{2, 22}, {4, 7}, true, false}, {{3, 23}, {4, 6}, true, false}};
  repl::placement other = queue;
  BOOST_TEST(repl::forget(queue, table({{1, 11, false}, {3, 23, true}}), 2));
  BOOST_TEST(queue.inventories.size() == 1u);
  BOOST_TEST(repl::forget(other, table({{2, 22, true}, {3, 23, true}}), 1));
  BOOST_TEST(other.inventories.empty()); // they are of one mastership
}

BOOST_AUTO_TEST_CASE(a_placement_always_has_a_node_and_never_waits_for_more_than_it_has) {
  repl::placement queue = three();
  queue.nodes = {1};
  queue.min_in_sync = 1;
  BOOST_TEST(repl::forget(queue, table({{2, 12, true}, {3, 13, true}}), 1));
  BOOST_TEST((queue.nodes == std::vector<repl::node_id>{queue.master}));
  queue = three();
  queue.min_in_sync = 3;
  BOOST_TEST(repl::forget(queue, table({{2, 12, true}, {3, 13, true}}), 1));
  BOOST_TEST(queue.min_in_sync == 2u);
  BOOST_TEST(repl::is_sound(queue));
}

BOOST_AUTO_TEST_CASE(bytes_that_break_the_invariant_are_no_placement) {
  BOOST_TEST(repl::is_sound(three()));
  const auto broken = [](auto how) {
    repl::placement queue = three();
    how(queue);
    return !repl::is_sound(queue);
  };
  BOOST_TEST(broken([](auto& queue) { queue.isr.clear(); }));
  BOOST_TEST(broken([](auto& queue) { queue.master = 9; }));
  BOOST_TEST(broken([](auto& queue) { std::swap(queue.isr[0], queue.isr[1]); }));
  BOOST_TEST(broken([](auto& queue) { queue.isr[1] = queue.isr[0]; }));
  BOOST_TEST(broken([](auto& queue) { queue.mastership = 0; }));
  BOOST_TEST(broken([](auto& queue) { queue.version = 0; }));
  BOOST_TEST(broken([](auto& queue) { queue.min_in_sync = 0; }));
  BOOST_TEST(broken([](auto& queue) { queue.min_in_sync = 4; }));
}

BOOST_AUTO_TEST_CASE(copies_move_off_nodes_that_are_given_up_and_off_no_others) {
  const repl::metadata_view now{
    three(), table({{1, 11, false}, {2, 12, false}, {3, 13, false}, {4, 14, true}, {5, 15, false}, {6, 16, true}})};
  BOOST_TEST(!repl::restore_copies(now, {}, {4, 6}).has_value());
  BOOST_TEST(!repl::restore_copies(now, {1}, {4, 6}).has_value()); // never the master's
  BOOST_TEST(!repl::restore_copies(now, {2}, {5}).has_value());    // not to one that is down
  const auto moved = repl::restore_copies(now, {1, 2}, {5, 6, 4});
  BOOST_REQUIRE(moved.has_value());
  BOOST_TEST((moved->nodes == std::vector<repl::node_id>{1, 3, 6}));
  BOOST_TEST(moved->min_in_sync == 2u);
  const auto both = repl::restore_copies(now, {2, 3}, {5, 6, 4});
  BOOST_REQUIRE(both.has_value());
  BOOST_TEST((both->nodes == std::vector<repl::node_id>{1, 6, 4}));
}

BOOST_AUTO_TEST_SUITE_END()

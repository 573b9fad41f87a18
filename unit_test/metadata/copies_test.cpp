// What policies and queue types want of a queue (Q03, Q10, Q19, S22): pure, so that every rule is one table.
#include "placement_world.hpp"

using namespace metadata_test;

namespace queue_copies {
namespace {

/// Nodes by id from 1; named "n1" and so on; up unless `down` has them.
struct nodes {
  std::vector<copy_holder> holders;

  explicit nodes(const std::vector<uint64_t>& loads, const std::vector<uint64_t>& down = {}) {
    for (uint64_t id = 1; id <= loads.size(); ++id) {
      auto node = std::make_shared<node_record>();
      node->id = id;
      node->name = "n" + std::to_string(id);
      node->session = 10 + id;
      node->up = std::find(down.begin(), down.end(), id) == down.end();
      holders.push_back({node, loads[id - 1]});
    }
  }
  repl::placement placed(repl::node_id master, std::vector<repl::node_id> on,
                         const std::vector<repl::node_id>& in_sync) const {
    repl::placement out;
    out.master = master;
    out.nodes = std::move(on);
    for (const repl::node_id one : in_sync)
      out.isr.push_back({one, 10u + one});
    return out;
  }
};

using ids = std::vector<repl::node_id>;

queue_record with(mirroring_options how) {
  queue_record out = queue("q");
  out.id = 7;
  queue_options options;
  options.mirroring = std::move(how);
  out.options = std::make_shared<const queue_options>(std::move(options));
  return out;
}
queue_record exactly(uint64_t copies) {
  mirroring_options how;
  how.what = mirroring_options::mode::exactly;
  how.copies = copies;
  return with(how);
}
queue_record on_all() {
  mirroring_options how;
  how.what = mirroring_options::mode::all;
  return with(how);
}
queue_record on_nodes(std::vector<std::string> names) {
  mirroring_options how;
  how.what = mirroring_options::mode::nodes;
  how.nodes = std::move(names);
  return with(how);
}
queue_record quorum(uint64_t group_size = 0) {
  queue_record out = queue("q");
  queue_options options;
  options.type = queue_type::quorum;
  options.initial_group_size = group_size;
  out.options = std::make_shared<const queue_options>(std::move(options));
  return out;
}

std::string shown(const ids& all) {
  std::string out;
  for (const auto one : all)
    out += std::to_string(one) + " ";
  return out;
}
void wants(const queue_record& queue, const repl::placement& present, const nodes& in, const ids& expected,
           uint32_t min_in_sync) {
  const wanted_copies got = copies_of(queue, present, in.holders);
  BOOST_TEST(got.nodes == expected, "got " << shown(got.nodes) << "instead of " << shown(expected));
  BOOST_TEST(got.min_in_sync == min_in_sync);
  repl::placement then = present;
  then.nodes = got.nodes;
  const wanted_copies again = copies_of(queue, then, in.holders);
  BOOST_TEST(again.nodes == expected, "what is wanted is not what is kept");
}

} // namespace
} // namespace queue_copies

BOOST_AUTO_TEST_SUITE(queue_copies)

BOOST_AUTO_TEST_CASE(exactly_fills_up_with_the_nodes_that_have_fewest_copies_ties_by_id) {
  const nodes in{{9, 4, 2, 4, 2}};
  wants(exactly(1), in.placed(1, {1}, {1}), in, {1}, 1);
  wants(exactly(2), in.placed(1, {1}, {1}), in, {1, 3}, 1);
  wants(exactly(3), in.placed(1, {1}, {1}), in, {1, 3, 5}, 2);
  wants(exactly(4), in.placed(1, {1}, {1}), in, {1, 3, 5, 2}, 2);
  wants(exactly(99), in.placed(1, {1}, {1}), in, {1, 3, 5, 2, 4}, 2);
}

BOOST_AUTO_TEST_CASE(exactly_keeps_the_copies_there_are_even_on_nodes_that_are_down) {
  const nodes in{{9, 9, 9, 0}, {3}};
  wants(exactly(3), in.placed(2, {2, 3, 1}, {2}), in, {2, 3, 1}, 2);
}

BOOST_AUTO_TEST_CASE(exactly_makes_no_new_copy_on_a_node_that_is_down) {
  const nodes in{{0, 0, 0}, {2}};
  wants(exactly(2), in.placed(1, {1}, {1}), in, {1, 3}, 1);
  wants(exactly(3), in.placed(1, {1}, {1}), in, {1, 3}, 1);
}

BOOST_AUTO_TEST_CASE(of_too_many_the_master_stays_then_who_is_in_sync_then_who_is_up_then_who_has_fewest_copies) {
  const nodes in{{5, 5, 5, 5, 1}, {4}};
  const auto present = in.placed(3, {1, 2, 3, 4, 5}, {2, 3, 4});
  wants(exactly(1), present, in, {3}, 1);
  wants(exactly(2), present, in, {2, 3}, 1);
  wants(exactly(3), present, in, {2, 3, 5}, 2);
  wants(exactly(4), present, in, {1, 2, 3, 5}, 2);
}

BOOST_AUTO_TEST_CASE(a_master_that_was_not_placed_is_placed) {
  const nodes in{{0, 0, 0}};
  wants(exactly(2), in.placed(3, {1, 2}, {2, 3}), in, {3, 2}, 1);
}

BOOST_AUTO_TEST_CASE(nodes_that_are_none_any_more_hold_nothing) {
  const nodes in{{0, 0, 0}};
  wants(exactly(2), in.placed(1, {1, 9}, {1}), in, {1, 2}, 1);
}

BOOST_AUTO_TEST_CASE(all_is_every_node_up_or_down_and_queues_differ_in_who_comes_next) {
  const nodes in{{0, 0, 0, 0}, {4}};
  queue_record queue = on_all();
  queue.id = 0;
  wants(queue, in.placed(2, {2}, {2}), in, {2, 1, 3, 4}, 2);
  queue.id = 1;
  wants(queue, in.placed(2, {2}, {2}), in, {2, 3, 4, 1}, 2);
  wants(queue, in.placed(2, {4, 2, 3}, {2}), in, {4, 2, 3, 1}, 2);
}

BOOST_AUTO_TEST_CASE(nodes_are_the_listed_ones_and_the_master_as_long_as_it_is_another) {
  const nodes in{{0, 0, 0, 0}, {2}};
  const auto listed = on_nodes({"n3", "n2", "n3", "n77"});
  wants(listed, in.placed(1, {1}, {1}), in, {1, 3, 2}, 2);
  wants(listed, in.placed(1, {1, 3, 2}, {1, 3}), in, {1, 3, 2}, 2);
  wants(listed, in.placed(3, {1, 3, 2}, {1, 3}), in, {3, 2}, 1);
  wants(on_nodes({"n77"}), in.placed(1, {1, 2}, {1, 2}), in, {1}, 1);
}

BOOST_AUTO_TEST_CASE(a_quorum_queue_has_three_copies_and_needs_a_majority) {
  const nodes in{{3, 2, 1, 0, 4}};
  wants(quorum(), in.placed(1, {1}, {1}), in, {1, 4, 3}, 2);
  wants(quorum(5), in.placed(1, {1}, {1}), in, {1, 4, 3, 2, 5}, 3);
  wants(quorum(1), in.placed(1, {1}, {1}), in, {1}, 1);
  queue_record grown = quorum();
  grown.copies = 2;
  wants(grown, in.placed(1, {1}, {1}), in, {1, 4}, 2);
  const nodes two{{0, 0}};
  wants(quorum(), two.placed(1, {1}, {1}), two, {1, 2}, 2);
}

BOOST_AUTO_TEST_CASE(exclusive_and_hidden_queues_have_no_copies_queues_that_are_not_durable_may) {
  queue_record one = on_all();
  BOOST_TEST(asks_for_copies(one));
  one.durable = false;
  BOOST_TEST(asks_for_copies(one));
  one.exclusive = true;
  BOOST_TEST(!asks_for_copies(one));
  one.exclusive = false;
  one.delays_for = "x";
  BOOST_TEST(!asks_for_copies(one));
  BOOST_TEST(!asks_for_copies(with({})));
  BOOST_TEST(asks_for_copies(quorum()));
}

BOOST_AUTO_TEST_CASE(copies_move_off_dead_nodes_where_there_is_a_choice) {
  BOOST_TEST(copies_may_move(exactly(2)));
  BOOST_TEST(copies_may_move(quorum()));
  BOOST_TEST(!copies_may_move(on_all()));
  BOOST_TEST(!copies_may_move(on_nodes({"n1"})));
  BOOST_TEST(!copies_may_move(with({})));
}

BOOST_AUTO_TEST_CASE(min_in_sync_rises_when_so_many_are_in_sync_and_falls_with_what_is_wanted_only) {
  const nodes in{{0, 0, 0}};
  repl::placement present = in.placed(1, {1, 2, 3}, {1});
  BOOST_TEST(rising_min_in_sync(2, present) == 1u);
  present = in.placed(1, {1, 2, 3}, {1, 2});
  BOOST_TEST(rising_min_in_sync(2, present) == 2u);
  present.min_in_sync = 2;
  present.isr.pop_back();
  BOOST_TEST(rising_min_in_sync(2, present) == 2u);
  BOOST_TEST(rising_min_in_sync(1, present) == 1u);
}

BOOST_AUTO_TEST_CASE(a_new_mirrored_queue_does_not_wait_for_nodes_that_are_down_a_quorum_queue_does) {
  const nodes in{{0, 0, 0}, {2, 3}};
  BOOST_TEST(first_min_in_sync(on_all(), {{1, 2, 3}, 2}, in.holders) == 1u);
  BOOST_TEST(first_min_in_sync(quorum(), {{1, 2, 3}, 2}, in.holders) == 2u);
  const nodes two_up{{0, 0, 0}, {3}};
  BOOST_TEST(first_min_in_sync(on_all(), {{1, 2, 3}, 2}, two_up.holders) == 2u);
  BOOST_TEST(first_min_in_sync(on_all(), {{1, 2}, 1}, two_up.holders) == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

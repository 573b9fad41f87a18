// Masters that an operator wants spread (rabbitmq-queues rebalance; Q18, U05): only to copies in sync, only the queues
// that are meant, a few at a time.
#include "metadata/master_moves.hpp"
#include "placement_world.hpp"

using namespace metadata_test;

namespace masters_ordered {
namespace {

constexpr const char* all = R"({"ha-mode":"all"})";

struct balanced : placed_world {
  using placed_world::placed_world;

  void declare_many(size_t count, const std::string& at, const std::string& in_sync, const std::string& prefix = "q") {
    for (size_t i = 0; i < count; ++i) {
      const std::string name = prefix + at + std::to_string(i);
      declare(name, at);
      set_in_sync(name, in_sync);
    }
  }
  std::vector<master_move> moves(
    std::vector<repl::node_id> drained = {},
    const std::function<bool(const queue_record&)>& which = [](const queue_record&) { return true; }) const {
    return balancing_moves(*state.snapshot(), drained, which);
  }
  void make(const master_move& what) {
    BOOST_REQUIRE(change(what.name, repl::hand_over{what.mastership, member(what.name, what.to)}).ok());
  }
  std::map<std::string, size_t> masters(const std::string& prefix = "q") const {
    std::map<std::string, size_t> out;
    state.snapshot()->for_each_queue([&](const queue_ptr& one) { out[one->node] += one->name.starts_with(prefix); });
    return out;
  }
  uint64_t now = 1'000;
};

using counts = std::map<std::string, size_t>;

} // namespace
} // namespace masters_ordered

BOOST_AUTO_TEST_SUITE(masters_ordered)

BOOST_AUTO_TEST_CASE(nodes_have_as_many_masters_as_each_other_after_all_moves) {
  balanced w{"abc"};
  w.policy(all);
  w.declare_many(10, "a", "abc");
  w.declare_many(2, "b", "abc");
  for (const master_move& one : w.moves())
    w.make(one);
  BOOST_CHECK((w.masters() == counts{{"a", 4}, {"b", 4}, {"c", 4}}));
  BOOST_TEST(w.moves().empty());
}

BOOST_AUTO_TEST_CASE(one_more_or_less_is_no_reason_to_move) {
  balanced w{"ab"};
  w.policy(all);
  w.declare_many(2, "a", "ab");
  w.declare_many(1, "b", "ab");
  BOOST_TEST(w.moves().empty());
}

BOOST_AUTO_TEST_CASE(masters_move_to_copies_in_sync_on_nodes_that_are_up_and_not_drained) {
  balanced w{"abcd"};
  w.policy(all);
  w.declare_many(6, "a", "abd");
  w.down("d");
  BOOST_TEST(w.moves({w.id("b")}).empty()); // c has no copy in sync
  for (const master_move& one : w.moves({w.id("c")}))
    BOOST_TEST(one.to == w.id("b"));
  BOOST_TEST(w.moves({w.id("c")}).size() == 3u);
}

BOOST_AUTO_TEST_CASE(a_drained_node_keeps_no_master_that_can_go) {
  balanced w{"abc"};
  w.policy(all);
  w.declare_many(4, "a", "ab");
  BOOST_TEST(w.moves({w.id("a")}).size() == 4u);
}

BOOST_AUTO_TEST_CASE(only_the_queues_that_are_meant_count_and_move) {
  balanced w{"ab"};
  w.policy(all, "^[qr]");
  w.declare_many(4, "a", "ab");
  w.declare_many(4, "b", "ab", "r");
  BOOST_TEST(w.moves().empty());
  const auto some = w.moves({}, [](const queue_record& one) { return one.name.starts_with("q"); });
  BOOST_TEST(some.size() == 2u);
  for (const master_move& one : some)
    w.make(one);
  BOOST_CHECK((w.masters("q") == counts{{"a", 2}, {"b", 2}}));
  BOOST_CHECK((w.masters("r") == counts{{"a", 0}, {"b", 4}}));
}

BOOST_AUTO_TEST_CASE(a_few_move_at_a_time_and_one_that_does_not_move_is_given_up) {
  balanced w{"ab"};
  w.policy(all);
  w.declare_many(10, "a", "ab");
  master_moves under_way{2, 100};
  const auto plan = w.moves();
  BOOST_REQUIRE_EQUAL(plan.size(), 5u);
  under_way.plan({plan.begin(), plan.end()});
  const auto first = under_way.step(w.now, *w.state.snapshot());
  BOOST_REQUIRE_EQUAL(first.size(), 2u);
  BOOST_TEST(under_way.step(w.now + 50, *w.state.snapshot()).empty());
  w.make(first[0]);
  BOOST_TEST(under_way.step(w.now + 60, *w.state.snapshot()).size() == 1u);
  BOOST_TEST(under_way.step(w.now + 100, *w.state.snapshot()).size() == 1u); // first[1] took too long
  BOOST_TEST(under_way.step(w.now + 160, *w.state.snapshot()).size() == 1u);
  BOOST_TEST(!under_way.over());
  BOOST_TEST(under_way.step(w.now + 300, *w.state.snapshot()).empty());
  BOOST_TEST(under_way.over());
}

BOOST_AUTO_TEST_CASE(a_move_that_is_of_no_use_any_more_is_left_out) {
  balanced w{"ab"};
  w.policy(all);
  w.declare_many(4, "a", "ab");
  master_moves under_way;
  const auto plan = w.moves();
  under_way.plan({plan.begin(), plan.end()});
  w.down("b");
  BOOST_TEST(under_way.step(w.now, *w.state.snapshot()).empty());
  BOOST_TEST(under_way.over());
}

BOOST_AUTO_TEST_SUITE_END()

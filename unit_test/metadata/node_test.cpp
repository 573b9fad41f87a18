// Nodes in the metadata: starts, ends, joins, and proposals that are in the log more than once.
#include <boost/test/unit_test.hpp>

#include "fixture.hpp"
#include "sample.hpp"

using namespace metadata_test;

namespace metadata_nodes {
namespace {

struct nodes : world {
  node_started start_of(const std::string& name, uint64_t incarnation) {
    node_started out = first_start(name);
    out.incarnation = incarnation;
    out.cluster = 5;
    out.host = "host of " + name;
    return out;
  }
  /// Empty: not applied.
  std::optional<command_result> apply_from(const proposer& who, const command& what) {
    return state.apply(proposed_command{what, who}, changes);
  }
  std::vector<metadata_change::kind> node_changes() {
    std::vector<metadata_change::kind> out;
    for (const auto& one : changes)
      if (one.node)
        out.push_back(one.what);
    changes.clear();
    return out;
  }
  node_ptr node(const std::string& name) { return state.snapshot()->find_node(name); }
};

using kind = metadata_change::kind;
using kinds = std::vector<kind>;

} // namespace
} // namespace metadata_nodes

BOOST_FIXTURE_TEST_SUITE(metadata_nodes, nodes)

BOOST_AUTO_TEST_CASE(the_first_start_registers_the_node_and_seeds_the_cluster) {
  node_started start = start_of("a@x", 77);
  start.default_vhost = "main";
  const auto started = apply_from({1, 1, 1}, start);
  BOOST_REQUIRE(started.has_value());
  BOOST_REQUIRE_MESSAGE(started->ok(), started->failure.text);
  BOOST_TEST(started->number == 1u);
  BOOST_TEST(state.snapshot()->cluster() == 5u);
  BOOST_TEST(state.snapshot()->vhost_exists("main"));
  BOOST_TEST(!state.snapshot()->vhost_exists("/"));
  BOOST_REQUIRE(node("a@x") != nullptr);
  BOOST_TEST(node("a@x")->incarnation == 77u);
  BOOST_TEST(node("a@x")->host == "host of a@x");
  BOOST_TEST((node_changes() == kinds{kind::node_registered, kind::node_up}));
}

BOOST_AUTO_TEST_CASE(a_proposal_counts_once_in_its_place_and_in_its_run) {
  BOOST_TEST(!apply_from({1, 1, 1}, declare_queue{queue("too early")}).has_value());
  BOOST_REQUIRE(apply_from({1, 1, 1}, start_of("a@x", 77)).has_value());
  BOOST_TEST(!apply_from({1, 1, 3}, declare_queue{queue("behind a gap")}).has_value());
  BOOST_TEST(apply_from({1, 1, 2}, declare_queue{queue("q")})->created);
  BOOST_TEST(!apply_from({1, 1, 2}, declare_queue{queue("again")}).has_value());
  BOOST_TEST(!apply_from({2, 1, 1}, declare_queue{queue("a stranger's")}).has_value());
  BOOST_TEST(state.last_applied(1, 1) == 2u);
  BOOST_REQUIRE(apply_from({1, 2, 1}, start_of("a@x", 78)).has_value());
  BOOST_TEST(!apply_from({1, 1, 3}, declare_queue{queue("of the run before")}).has_value());
  BOOST_TEST(!apply_from({1, 1, 1}, start_of("a@x", 77)).has_value());
  BOOST_TEST(!apply_from({1, 2, 1}, start_of("a@x", 78)).has_value());
  BOOST_TEST(state.last_applied(1, 1) == 0u);
  BOOST_TEST(state.last_applied(1, 2) == 1u);
  BOOST_TEST(apply_from({1, 2, 2}, withdrawn{})->ok());
  BOOST_TEST(apply_from({1, 2, 3}, declare_queue{queue("r")})->created);
  for (const char* name : {"too early", "behind a gap", "again", "a stranger's", "of the run before"})
    BOOST_TEST(!has_queue(name), name);
}

BOOST_AUTO_TEST_CASE(a_refusal_uses_up_its_place_too) {
  apply_from({1, 1, 1}, start_of("a@x", 77));
  BOOST_TEST(!apply_from({1, 1, 2}, delete_vhost{"nope"})->ok());
  BOOST_TEST(apply_from({1, 1, 3}, declare_queue{queue("q")})->created);
}

BOOST_AUTO_TEST_CASE(a_node_under_another_name_or_a_known_name_under_another_id_does_not_start) {
  apply_from({1, 1, 1}, start_of("a@x", 77));
  BOOST_TEST(apply_from({1, 2, 1}, start_of("b@x", 78))->failure.text
             == "this is the metadata of node a@x, not of b@x");
  const std::string before = state.serialise();
  BOOST_TEST(apply_from({9, 1, 1}, start_of("a@x", 79))->failure.text
             == "node a@x is registered under another id: it must be reset and join again");
  BOOST_TEST(state.serialise() == before);
}

BOOST_AUTO_TEST_CASE(non_durable_exchanges_go_only_when_no_other_node_is_up) {
  apply_from({1, 1, 1}, start_of("a@x", 77));
  const auto b = apply_from({1, 1, 2}, register_node{"b@x", "h", 1})->number;
  BOOST_TEST(b == 2u);
  must(declare_exchange{exchange("x", "fanout", false)});
  apply_from({b, 1, 1}, start_of("b@x", 1));
  BOOST_TEST(has_exchange("x"));
  must(node_down{"a@x", 77});
  apply_from({b, 2, 1}, start_of("b@x", 2));
  BOOST_TEST(!has_exchange("x"));
}

BOOST_AUTO_TEST_CASE(down_and_up_are_of_one_incarnation) {
  apply_from({1, 1, 1}, start_of("a@x", 77));
  queue_record own = queue("own", false);
  own.node = "a@x";
  must(declare_queue{own});
  node_changes();
  must(node_down{"a@x", 76});
  BOOST_TEST(node("a@x")->up);
  must(node_down{"a@x", 77});
  BOOST_TEST(!node("a@x")->up);
  BOOST_TEST(!has_queue("own"));
  BOOST_TEST((node_changes() == kinds{kind::node_down}));
  must(node_up{"a@x", 76});
  BOOST_TEST(!node("a@x")->up);
  must(node_up{"a@x", 77});
  BOOST_TEST(node("a@x")->up);
  BOOST_TEST((node_changes() == kinds{kind::node_up}));
}

BOOST_AUTO_TEST_CASE(who_is_forgotten_takes_its_queues_along_and_its_id_never_comes_back) {
  apply_from({1, 1, 1}, start_of("a@x", 77));
  apply_from({1, 1, 2}, register_node{"b@x", "h", 1});
  apply_from({2, 1, 1}, start_of("b@x", 1));
  queue_record own = queue("of b");
  own.node = "b@x";
  must(declare_queue{own});
  BOOST_TEST(refusal(forget_node{"c@x"}) == "The node selected is not in the cluster.");
  BOOST_TEST(refusal(forget_node{"b@x"})
             == "RabbitMQ on node b@x must be stopped with 'rabbitmqctl -n b@x stop_app' before it can be removed");
  must(node_down{"b@x", 1});
  must(forget_node{"b@x"});
  BOOST_TEST(node("b@x") == nullptr);
  BOOST_TEST(!has_queue("of b"));
  BOOST_TEST(state.was_forgotten(2));
  BOOST_TEST(!state.was_forgotten(1));
  BOOST_TEST(!state.was_forgotten(3));
  BOOST_TEST(!apply_from({2, 2, 1}, start_of("b@x", 2)).has_value());
  BOOST_TEST(apply_from({1, 1, 3}, register_node{"b@x", "h", 1})->number == 3u);
  must(node_down{"a@x", 77});
  must(forget_node{"a@x"});
  BOOST_TEST(refusal(forget_node{"b@x"}) == "The last node of a cluster cannot be removed from it.");
}

BOOST_AUTO_TEST_CASE(a_snapshot_keeps_nodes_and_what_has_been_applied_of_them) {
  apply_from({1, 1, 1}, start_of("a@x", 77));
  apply_from({1, 1, 2}, register_node{"b@x", "h", 25672});
  apply_from({2, 4, 1}, start_of("b@x", 1));
  apply_from({2, 4, 2}, withdrawn{});
  world other;
  BOOST_REQUIRE(other.state.restore(state.serialise()).ok());
  BOOST_TEST(other.state.serialise() == state.serialise());
  BOOST_TEST(other.state.last_applied(2, 4) == 2u);
  BOOST_TEST(other.state.snapshot()->find_node("b@x")->run == 2u);
  BOOST_TEST(other.state.snapshot()->cluster() == 5u);
}

/// What changes report leads from one state to another, whether it comes by commands or by a snapshot.
BOOST_AUTO_TEST_CASE(a_received_snapshot_reports_what_is_different) {
  for (uint64_t seed = 1; seed <= sample::seeds(200); ++seed)
    BOOST_TEST_CONTEXT("seed " << seed) {
      command_source commands{seed};
      world ahead;
      world behind;
      for (int i = 0; i < 40; ++i) {
        const command what = commands.next();
        ahead.apply(what);
        behind.apply(what);
      }
      std::map<queue_id, queue_ptr> queues;
      behind.state.snapshot()->for_each_queue([&](const queue_ptr& one) { queues[one->id] = one; });
      for (int i = 0; i < 40; ++i)
        ahead.apply(commands.next());
      behind.changes.clear();
      behind.receive(ahead.state.serialise());
      for (const auto& one : behind.changes) {
        if (one.what == kind::queue_created)
          BOOST_REQUIRE(queues.emplace(one.queue->id, one.queue).second);
        if (one.what == kind::queue_deleted)
          BOOST_REQUIRE(queues.erase(one.queue->id) == 1);
        if (one.what == kind::queue_changed) {
          BOOST_REQUIRE(queues.contains(one.queue->id));
          queues[one.queue->id] = one.queue;
        }
      }
      size_t count = 0;
      behind.state.snapshot()->for_each_queue([&](const queue_ptr& one) {
        ++count;
        BOOST_REQUIRE(queues.contains(one->id));
        BOOST_REQUIRE(*queues[one->id]->options == *one->options);
        BOOST_REQUIRE(queues[one->id]->policy == one->policy);
      });
      BOOST_REQUIRE_EQUAL(count, queues.size());
      behind.changes.clear();
      behind.receive(ahead.state.serialise());
      BOOST_TEST(behind.changes.empty()); // nothing is different from itself
    }
}

BOOST_AUTO_TEST_SUITE_END()

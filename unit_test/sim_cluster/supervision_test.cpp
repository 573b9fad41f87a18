// The queue supervisor in a simulated cluster: who follows a master that is gone, how soon, and that no master may
// deliver any more when it has a successor.
#include <set>

#include <boost/test/unit_test.hpp>

#include "metadata/placements.hpp"
#include "sim_cluster.hpp"

namespace simulated_supervision {
namespace {

using namespace broker;
using namespace broker::sim;
using replication::member;
using replication::node_id;

struct fixture {
  fixture() : nodes(time, random_source{11}, plan(), "", told()) {
    nodes.form();
    BOOST_TEST_REQUIRE(run_until([&] {
      nodes.form();
      return nodes.formed();
    }));
    BOOST_TEST_REQUIRE(run_until([&] { return nodes.unsettled().empty(); }));
  }
  static cluster_plan plan() {
    cluster_plan how;
    how.nodes = 3;
    how.replication = true;
    return how;
  }
  sim_cluster::events told() {
    sim_cluster::events events;
    events.say = [](const std::string&) {};
    events.violation = [this](const std::string& what) { violations += what + "\n"; };
    events.mark = [](const std::string&) {};
    events.crashed = [] {};
    events.forgetting = [](const std::string&) {};
    events.forgot = [] {};
    events.moved = [](const queue_record&) {};
    events.session_over = [](const sim_node&, const std::string&) {};
    events.vanished = [](const std::string&) {};
    return events;
  }
  bool run_until(const std::function<bool()>& done, sim_ns longest = 30 * second) {
    for (const sim_ns until = time.now() + longest; time.now() < until;) {
      if (done())
        return true;
      nodes.step();
    }
    return done();
  }
  void run(sim_ns longest) {
    run_until([] { return false; }, longest);
  }
  sim_cluster::member& at(size_t which) { return *nodes.members()[which]; }
  queue_ptr find(size_t from, const std::string& name) { return at(from).node->metadata()->find_queue("/", name); }
  node_id id(size_t which) { return static_cast<node_id>(at(0).node->metadata()->find_node(at(which).name)->id); }

  /// A queue of three copies, mastered on that node.
  void declare(size_t which, const std::string& name) {
    declare_queue what;
    what.queue.vhost = "/";
    what.queue.name = name;
    what.queue.durable = true;
    what.queue.node = at(which).name;
    what.queue.arguments.set("x-queue-type", {amqp::longstr{"quorum"}});
    at(which).node->propose(what, [](const command_result&) {});
    BOOST_TEST_REQUIRE(run_until([&] { return find(0, name) && find(0, name)->placement; }));
  }
  /// As the master would propose it, if it has not.
  void bring_into_sync(const std::string& name) {
    const auto complete = [&] { return find(0, name)->placement->isr.size() == 3; };
    while (!complete()) {
      const auto metadata = at(0).node->metadata();
      const queue_ptr queue = find(0, name);
      replication::alter_isr what{queue->placement->mastership, queue->placement->version, {}};
      for (size_t which = 0; which < 3; ++which)
        what.isr.push_back({id(which), metadata->find_node(at(which).name)->session});
      std::sort(what.isr.begin(), what.isr.end());
      at(0).node->propose(change_placement{"/", name, queue->id, what}, [](const command_result&) {});
      run_until(complete, second);
    }
    BOOST_TEST_REQUIRE(run_until([&] { return nodes.unsettled().empty(); }));
  }
  std::string master(size_t from, const std::string& name) { return find(from, name)->node; }
  uint64_t valid_until(size_t which) { return at(which).node->shared().session_valid_until_ms; }
  uint64_t now_of(size_t which) { return at(which).node->shared().now_ms(); }

  virtual_time time;
  std::string violations;
  sim_cluster nodes;
};

} // namespace
} // namespace simulated_supervision

BOOST_FIXTURE_TEST_SUITE(simulated_supervision, fixture)

BOOST_AUTO_TEST_CASE(a_killed_master_has_a_successor_within_two_seconds) {
  for (const size_t which : {1u, 0u}) { // a node that follows the metadata's leader, and perhaps the leader
    const std::string name = "q" + std::to_string(which);
    declare(which, name);
    bring_into_sync(name);
    const size_t other = which == 0 ? 1 : 0;
    const sim_ns killed = time.now();
    nodes.power_cut(at(which), false);
    BOOST_TEST_REQUIRE(run_until([&] { return master(other, name) != at(which).name; }));
    BOOST_TEST(time.now() - killed <= 2 * second);
    BOOST_TEST(find(other, name)->mastership == 2u);
    nodes.start(at(which));
    BOOST_TEST_REQUIRE(run_until([&] { return nodes.unsettled().empty(); }));
  }
  BOOST_TEST(violations == "");
}

BOOST_AUTO_TEST_CASE(a_silent_master_has_a_successor_after_its_session_and_may_not_deliver_then) {
  declare(1, "q");
  bring_into_sync("q");
  BOOST_TEST_REQUIRE(run_until([&] { return valid_until(1) > now_of(1); }));
  const uint64_t before = valid_until(1);
  run(5 * second);
  BOOST_TEST(valid_until(1) > before); // renewed
  const sim_ns stopped = time.now();
  at(1).node->pause();
  // Its clock goes on; what it would read is what counts.
  BOOST_TEST_REQUIRE(run_until([&] { return master(0, "q") != at(1).name; }));
  const sim_ns took = time.now() - stopped;
  BOOST_TEST(took >= (limits::session_ms - 500) * (second / 1000));
  BOOST_TEST(took <= (limits::session_ms + 1000) * (second / 1000));
  BOOST_TEST(valid_until(1) <= now_of(1));
  at(1).node->resume();
  const uint64_t session = at(0).node->metadata()->find_node(at(1).name)->session;
  BOOST_TEST_REQUIRE(run_until([&] { return valid_until(1) > now_of(1); }));
  BOOST_TEST_REQUIRE(run_until([&] { return at(1).node->metadata()->find_node(at(1).name)->up; }));
  BOOST_TEST(at(1).node->metadata()->find_node(at(1).name)->session > session);
  BOOST_TEST(violations == "");
}

BOOST_AUTO_TEST_CASE(masters_leave_a_drained_node) {
  declare(1, "q");
  bring_into_sync("q");
  run(5 * second);
  BOOST_TEST(master(0, "q") == at(1).name); // nothing to balance
  for (size_t which = 0; which < 3; ++which)
    at(which).node->shared().bridges.set_drained({at(1).name});
  BOOST_TEST(run_until([&] { return master(0, "q") != at(1).name; }));
  BOOST_TEST(violations == "");
}

// Tools count leaders when a rebalance has ended: in the snapshot that its node's actors read.
BOOST_AUTO_TEST_CASE(who_ordered_a_rebalance_sees_its_moves_when_it_is_over) {
  for (const char* name : {"q0", "q1", "q2"}) {
    declare(0, name);
    bring_into_sync(name);
  }
  std::set<std::string> masters;
  const auto over = [&](const result<void>& how) {
    BOOST_TEST(how.ok());
    at(0).node->metadata()->for_each_queue([&](const queue_ptr& queue) { masters.insert(queue->node); });
  };
  const auto every = [](const queue_record&) { return true; };
  caf::anon_send(at(0).node->shared().metadata, metadata_rebalance_msg{{every, over}});
  BOOST_TEST_REQUIRE(run_until([&] { return !masters.empty(); }));
  BOOST_TEST(masters.size() == 3u);
  BOOST_TEST(violations == "");
}

// A replica that gives its log up waits for it, and says nothing any more until then (simulator, seed 32 of three
// nodes, one minute).
BOOST_AUTO_TEST_CASE(a_session_that_is_wanted_while_nobody_leads_comes_when_somebody_does) {
  const uint64_t session = at(0).node->metadata()->find_node(at(0).name)->session;
  for (const size_t which : {1u, 2u})
    nodes.power_cut(at(which), false);
  at(0).node->shared().session_wanted = true;
  run(3 * limits::metadata_proposal_ms * (second / 1000));
  for (const size_t which : {1u, 2u})
    nodes.start(at(which));
  BOOST_TEST_REQUIRE(run_until([&] { return nodes.unsettled().empty(); }));
  BOOST_TEST(run_until([&] { return at(0).node->metadata()->find_node(at(0).name)->session > session; }));
  const uint64_t fresh = at(0).node->metadata()->find_node(at(0).name)->session;
  run(3 * limits::metadata_proposal_ms * (second / 1000));
  BOOST_TEST(at(0).node->metadata()->find_node(at(0).name)->session == fresh); // once is enough
  BOOST_TEST(violations == "");
}

BOOST_AUTO_TEST_SUITE_END()

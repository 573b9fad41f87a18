// Copies of queues in a simulated cluster: what simulated runs and reviews have found once.
#include <boost/test/unit_test.hpp>

#include "sim_cluster.hpp"

namespace simulated_copies {
namespace {

using namespace broker;
using namespace broker::sim;

struct fixture {
  fixture() : nodes(time, random_source{5}, plan(), "", told()) {
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
  sim_cluster::member& at(size_t which) { return *nodes.members()[which]; }
  queue_ptr find(const std::string& name) { return at(0).node->metadata()->find_queue("/", name); }
  void declare(size_t which, const std::string& name) {
    declare_queue what;
    what.queue.vhost = "/";
    what.queue.name = name;
    what.queue.durable = true;
    what.queue.node = at(which).name;
    propose(what);
    BOOST_TEST_REQUIRE(run_until([&] { return find(name) != nullptr; }));
  }
  void propose(command what) {
    bool done = false;
    at(0).node->propose(std::move(what), [&](const command_result& how) { done = how.ok(); });
    BOOST_TEST_REQUIRE(run_until([&] { return done; }));
  }
  void mirror(const std::string& definition) {
    policy_record policy;
    policy.vhost = "/";
    policy.name = "copies";
    policy.pattern = ".*";
    policy.apply_to = "queues";
    policy.definition = definition;
    propose(put_policy{policy, false});
  }
  bool in_sync(const std::string& name, size_t copies) {
    const auto queue = find(name);
    return queue->placement && queue->placement->isr.size() == copies && queue->placement->nodes.size() == copies;
  }
  /// Every copy is there, and they hold the same.
  bool agree() {
    nodes.unsettled_copies();
    run_until([] { return false; }, second);
    return nodes.unsettled_copies().empty();
  }

  virtual_time time;
  std::string violations;
  sim_cluster nodes;
};

} // namespace
} // namespace simulated_copies

BOOST_FIXTURE_TEST_SUITE(simulated_copies, fixture)

BOOST_AUTO_TEST_CASE(a_policy_gives_every_node_a_copy) {
  declare(0, "q");
  mirror(R"({"ha-mode":"all"})");
  BOOST_TEST_REQUIRE(run_until([&] { return in_sync("q", 3); }));
  BOOST_TEST(run_until([&] { return agree(); }));
  BOOST_TEST(violations == "");
}

/// A node that stood still hears of both changes at once: it went on with the replica that was about to end, and had
/// none afterwards, for ever.
BOOST_AUTO_TEST_CASE(a_node_that_hears_late_that_its_copy_was_taken_and_is_wanted_again_has_one) {
  declare(0, "q");
  mirror(R"({"ha-mode":"all"})");
  BOOST_TEST_REQUIRE(run_until([&] { return in_sync("q", 3); }));
  at(2).node->pause();
  mirror(R"({"ha-mode":"nodes","ha-params":["rabbit@n1","rabbit@n2"]})");
  BOOST_TEST_REQUIRE(run_until([&] { return in_sync("q", 2); }));
  mirror(R"({"ha-mode":"all"})");
  at(2).node->resume();
  BOOST_TEST(run_until([&] { return in_sync("q", 3); }));
  BOOST_TEST(run_until([&] { return agree(); }));
  BOOST_TEST(violations == "");
}

/// Its log was never written, so the node held itself for one that had lost it, and nobody could be the master, for
/// ever.
BOOST_AUTO_TEST_CASE(a_queue_declared_just_before_the_power_of_all_went_has_a_master_again) {
  mirror(R"({"ha-mode":"all"})");
  at(0).node->set_disk_latency(5 * second, 0);
  declare(0, "q");
  for (size_t which : {0, 1, 2})
    nodes.power_cut(at(which), true);
  for (size_t which : {0, 1, 2})
    nodes.start(at(which));
  BOOST_TEST_REQUIRE(run_until([&] { return nodes.unsettled().empty(); }));
  BOOST_TEST_REQUIRE(find("q") != nullptr);
  BOOST_TEST(run_until([&] { return in_sync("q", 3); }, 60 * second));
  BOOST_TEST(run_until([&] { return agree(); }));
  BOOST_TEST(violations == "");
}

/// What it acknowledged before must not count for the empty log, so it is another incarnation (T19); the node's session
/// and with it its masters and other copies stay as they are.
BOOST_AUTO_TEST_CASE(a_copy_that_was_dropped_comes_back_as_another_incarnation) {
  declare(0, "q");
  mirror(R"({"ha-mode":"all"})");
  BOOST_TEST_REQUIRE(run_until([&] { return in_sync("q", 3); }));
  const auto session = at(0).node->metadata()->find_node(at(2).name)->session;
  const auto listed = [&] { return find("q")->placement->listed(3)->inc; };
  BOOST_TEST_REQUIRE(at(0).node->metadata()->find_node(at(2).name)->id == 3u);
  BOOST_TEST(listed() == session);
  mirror(R"({"ha-mode":"nodes","ha-params":["rabbit@n1","rabbit@n2"]})");
  BOOST_TEST_REQUIRE(run_until([&] { return in_sync("q", 2); }));
  mirror(R"({"ha-mode":"all"})");
  BOOST_TEST(run_until([&] { return in_sync("q", 3); }));
  BOOST_TEST(listed() > session);
  BOOST_TEST(at(0).node->metadata()->find_node(at(2).name)->session == session);
  BOOST_TEST(run_until([&] { return agree(); }));
  BOOST_TEST(violations == "");
}

BOOST_AUTO_TEST_SUITE_END()

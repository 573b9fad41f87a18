// A simulated cluster by hand: nodes join, serve, are forgotten; a run repeats itself; and what simulated runs have
// found once.
#include <boost/test/unit_test.hpp>

#include "actors/channel.hpp"
#include "run.hpp"
#include "sim_cluster.hpp"

namespace simulated_clusters {
namespace {

using namespace broker;
using namespace broker::sim;

struct fixture {
  explicit fixture(uint32_t count = 3) : nodes(time, random_source{7}, plan_of(count), "", told()) {
    nodes.form();
    BOOST_TEST_REQUIRE(run_until([&] {
      nodes.form();
      return nodes.formed();
    }));
  }
  static cluster_plan plan_of(uint32_t count) {
    cluster_plan plan;
    plan.nodes = count;
    plan.break_limit_ms = plan.node_down_ms = 4'000;
    return plan;
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
  queue_ptr declare(size_t which, const std::string& name) {
    declare_queue what;
    what.queue.vhost = "/";
    what.queue.name = name;
    what.queue.durable = true;
    what.queue.node = at(which).name;
    at(which).node->propose(what, [](const command_result&) {});
    BOOST_TEST_REQUIRE(run_until([&] { return nodes.unsettled().empty() && find(name) != nullptr; }));
    return find(name);
  }
  queue_ptr find(const std::string& name) { return at(0).node->metadata()->find_queue("/", name); }

  virtual_time time;
  std::string violations;
  sim_cluster nodes;
};

struct two_nodes : fixture {
  two_nodes() : fixture(2) {}
};

} // namespace
} // namespace simulated_clusters

BOOST_AUTO_TEST_SUITE(simulated_clusters)

BOOST_FIXTURE_TEST_CASE(nodes_form_a_cluster_and_agree, fixture) {
  BOOST_TEST_REQUIRE(run_until([&] { return nodes.unsettled().empty(); }));
  declare(1, "q");
  BOOST_TEST(violations == "");
}

BOOST_FIXTURE_TEST_CASE(a_removed_node_is_forgotten_and_the_others_settle_without_it, fixture) {
  declare(2, "q");
  nodes.remove(at(2));
  BOOST_TEST_REQUIRE(run_until([&] { return at(2).forgotten; }));
  BOOST_TEST(find("q") == nullptr);
  nodes.calm();
  BOOST_TEST_REQUIRE(run_until([&] { return nodes.unsettled().empty(); }, 60 * second));
  BOOST_TEST(violations == "");
}

/// Its links are up before it has heard of the metadata: what comes meanwhile waited for ever.
BOOST_FIXTURE_TEST_CASE(a_node_that_starts_answers_what_others_asked_before_its_first_metadata, two_nodes) {
  const auto queue = declare(0, "q");
  nodes.power_cut(at(0), false);
  auto& asks = *at(1).node;
  BOOST_TEST_REQUIRE(run_until([&] { return !asks.links().front().connected; }));
  nodes.start(at(0));
  const auto is_down = [&] { return asks.shared().bridges.is_down(at(0).name); };
  BOOST_TEST_REQUIRE(run_until(is_down));                    // the session of its last run is over
  BOOST_TEST_REQUIRE(run_until([&] { return !is_down(); })); // and another one has begun
  BOOST_TEST_REQUIRE(!at(0).node->serves());
  bool answered = false;
  const caf::actor asker = asks.system().spawn([&](caf::event_based_actor*) {
    return caf::behavior{
      [&](queue_events_msg&) { answered = true; },
      [](queue_unreachable_msg&) {},
      [](queue_gone_msg) {},
    };
  });
  const channel_ref channel{new local_channel{999, asker}};
  caf::anon_send(asks.shared().queues_by_id.find(queue->id),
                 queue_request_msg{{queue->id, queue_request{status_request{channel}}}});
  BOOST_TEST(run_until([&] { return answered; }));
  caf::anon_send_exit(asker, caf::exit_reason::kill);
}

/// Its first change was applied within a snapshot that it received, so that nobody saw the answer: it never served.
BOOST_AUTO_TEST_CASE(a_node_whose_start_comes_back_in_a_snapshot_serves) {
  for (const auto& [seed, count] : {std::pair{201u, 5u}, {2009u, 5u}, {2082u, 6u}, {2171u, 5u}}) {
    run_options options;
    options.seed = seed;
    options.nodes = count;
    options.minutes = 0.3;
    BOOST_TEST(simulate(options).violations.empty());
  }
}

/// It was under way when its queue became mirrored. The queue's replica answered it, and the channel asked again
/// because the queue had moved: what the second answer held was with nobody (seed 10814).
BOOST_AUTO_TEST_CASE(a_get_of_a_queue_that_becomes_mirrored_takes_one_message) {
  run_options options;
  options.seed = 10814;
  options.nodes = 2;
  options.minutes = 0.15;
  options.only_faults = std::set<uint32_t>{};
  options.only_clients = std::set<uint32_t>{1, 2, 3, 4, 5};
  BOOST_TEST(simulate(options).violations.empty());
}

/// Two nodes are told late that a third, which has restarted meanwhile, is no queue's master any more. What is under
/// way to the queue's next master is not sent again for that.
BOOST_AUTO_TEST_CASE(a_dead_letter_under_way_to_the_next_master_comes_once) {
  run_options options;
  options.seed = 3;
  options.nodes = 5;
  options.minutes = 0.112;
  options.only_faults = std::set<uint32_t>{3, 5, 6};
  options.only_clients = std::set<uint32_t>{1, 3, 4, 5, 6, 7, 10};
  BOOST_TEST(simulate(options).violations.empty());
}

BOOST_AUTO_TEST_CASE(the_same_seed_gives_the_same_run) {
  uint64_t delivered = 0;
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    run_options options;
    options.seed = seed;
    options.nodes = 2 + static_cast<uint32_t>(seed);
    options.minutes = 0.1;
    const auto once = simulate(options), again = simulate(options);
    BOOST_TEST(once.violations.empty());
    BOOST_TEST(once.trace == again.trace);
    BOOST_TEST(once.changes > 0u);
    delivered += once.delivered;
  }
  BOOST_TEST(delivered > 0u);
}

BOOST_AUTO_TEST_SUITE_END()

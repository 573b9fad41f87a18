// Copies of queues as rabbitmqctl and rabbitmq-queues show and change them; texts are those of RabbitMQ 3.10.8.
#include <sstream>

#include "lab.hpp"
#include "replication/placement.hpp"

namespace replicas_of_queues {
namespace {

using namespace broker;
using replication::member;
using replication::node_id;

/// rabbit@test, and two others: mq is mirrored, qq a quorum queue, alone a mirrored one without mirrors.
struct mirrored_lab : test::lab {
  mirrored_lab() {
    metadata_settings settings = test::fake_settings();
    settings.replication = true;
    node.view.state_of_cluster.emplace(settings);
    node.view.members.all = {{"rabbit@test", true}, {"rabbit@node2", true}, {"rabbit@node3", true}};
    start("rabbit@test");
    start("rabbit@node2");
    start("rabbit@node3");
    policy("ha", "^mq", R"({"ha-mode":"all"})");
    policy("one", "^alone", R"({"ha-mode":"exactly","ha-params":1})");
    declare("alone");
    declare("mq");
    declare("plain");
    node.view.declare_quorum("qq");
    in_sync("mq", {"rabbit@test", "rabbit@node3"});
    in_sync("qq", {"rabbit@test", "rabbit@node2", "rabbit@node3"});
  }

  void start(const std::string& name) {
    const uint64_t id = ++started == 1 ? 1 : node.view.apply(register_node{name, "host", 1}).number;
    node_started what;
    what.node = name;
    what.incarnation = 100 + started;
    what.cluster = 5;
    what.default_user.name = "guest";
    what.default_user.password_hash = hash_password("guest", "salt");
    what.default_rights = {".*", ".*", ".*"};
    BOOST_REQUIRE(node.view.state_of_cluster->apply(proposed_command{what, {id, started, 1}}, node.view.changes)->ok());
  }
  void down(const std::string& name) { node.view.apply(node_down{name, node_of(name)->incarnation}); }
  void policy(const std::string& name, const std::string& pattern, const std::string& definition) {
    BOOST_REQUIRE(node.view.apply(put_policy{{"/", name, pattern, "queues", 0, definition}, false}).ok());
  }
  void declare(const std::string& name) {
    declare_queue what;
    what.queue.vhost = "/";
    what.queue.name = name;
    what.queue.durable = true;
    what.queue.node = "rabbit@test";
    BOOST_REQUIRE(node.view.apply(what).ok());
  }
  node_ptr node_of(const std::string& name) { return node.view.metadata()->find_node(name); }
  queue_ptr queue(const std::string& name) { return node.view.metadata()->find_queue("/", name); }
  void in_sync(const std::string& name, const std::vector<std::string>& nodes) {
    const auto& now = *queue(name)->placement;
    replication::alter_isr what{now.mastership, now.version, {}};
    for (const auto& each : nodes)
      what.isr.push_back({static_cast<node_id>(node_of(each)->id), node_of(each)->session});
    std::sort(what.isr.begin(), what.isr.end());
    BOOST_REQUIRE(node.view.apply(change_placement{"/", name, queue(name)->id, what}).ok());
  }
  std::string process(const std::string& of, const std::string& name) {
    const std::string id = std::to_string(queue(name)->id);
    const std::string run = of == "rabbit@test" ? "1795415102" : of == "rabbit@node2" ? "9" : "0"; // unknown: 0
    return "<" + of + "." + run + "." + id + ".0>";
  }
  test::answer queues(std::vector<const char*> arguments) { return run_as("rabbitmq-queues", arguments); }
  void expect_queues(std::vector<const char*> arguments, const std::string& out, int code = 0,
                     const std::string& err = "") {
    const auto got = queues(std::move(arguments));
    BOOST_TEST(got.out == out);
    BOOST_TEST(got.err == err);
    BOOST_TEST(got.code == code);
  }
  /// Rows of a framed table, without frame and blanks.
  static std::vector<std::string> cells(const std::string& page) {
    std::vector<std::string> rows;
    std::istringstream lines{page};
    for (std::string line; std::getline(lines, line);) {
      if (!line.starts_with("\x1b(0x"))
        continue;
      std::string row;
      const std::string bar = "\x1b(0x\x1b(B";
      for (size_t at = line.find(bar); at != std::string::npos; at = line.find(bar))
        line.replace(at, bar.size(), "|");
      for (const char c : line)
        if (c != ' ')
          row += c;
      rows.push_back(row);
    }
    return rows;
  }

  uint64_t started = 0;
};

using lines = std::vector<std::string>;

} // namespace
} // namespace replicas_of_queues

BOOST_FIXTURE_TEST_SUITE(replicas_of_queues, mirrored_lab)

BOOST_AUTO_TEST_CASE(mirrors_are_listed_as_rabbitmq_lists_them) {
  const auto row = [&](const char* name, const std::string& rest) {
    return std::string{name} + "\t" + process("rabbit@test", name) + "\t" + rest + "\n";
  };
  const std::string two = process("rabbit@node2", "mq"), three = process("rabbit@node3", "mq");
  // Copies begin on another node for each queue.
  const bool second_first = queue("mq")->placement->nodes.at(1) == 2;
  const std::string mirrors = second_first ? two + ", " + three : three + ", " + two;
  BOOST_TEST(run({"-q", "list_queues", "name", "pid", "slave_pids", "synchronised_slave_pids", "policy"}).out
             == "name\tpid\tslave_pids\tsynchronised_slave_pids\tpolicy\n" + row("alone", "[]\t[]\tone")
                  + row("mq", "[" + mirrors + "]\t[" + three + "]\tha") + row("plain", "\t\t") + row("qq", "\t\t"));
  down("rabbit@node3"); // RabbitMQ shows mirrors that run
  BOOST_TEST(run({"-s", "list_queues", "name", "slave_pids", "synchronised_slave_pids"}).out
             == "alone\t[]\t[]\nmq\t[" + two + "]\t[]\nplain\t\t\nqq\t\t\n");
}

BOOST_AUTO_TEST_CASE(quorum_queues_show_leader_members_and_who_is_online) {
  down("rabbit@node2");
  const auto got = run({"-s", "list_queues", "name", "leader", "members", "online"}).out;
  const bool second_first = queue("qq")->placement->nodes.at(1) == 2;
  const std::string members =
    second_first ? "[rabbit@test, rabbit@node2, rabbit@node3]" : "[rabbit@test, rabbit@node3, rabbit@node2]";
  BOOST_TEST(got
             == "alone\t\t\t\nmq\t\t\t\nplain\t\t\t\nqq\trabbit@test\t" + members + "\t[rabbit@test, rabbit@node3]\n");
}

BOOST_AUTO_TEST_CASE(synchronising_is_accepted_for_mirrored_queues_and_needs_no_asking) {
  BOOST_TEST(run({"sync_queue", "mq"}).out == "Synchronising queue 'mq' in vhost '/' ...\n");
  BOOST_TEST(run({"cancel_sync_queue", "mq"}).out
             == "Stopping synchronising queue 'mq' in vhost '/' ...\nnot_syncing\n");
  BOOST_TEST(run({"cancel_sync_queue", "plain"}).code == 0);
  const auto refused = [&](const char* command, const char* name, const std::string& why) {
    const auto got = run({command, name});
    BOOST_TEST(got.err == "Error:\n" + why + "\n");
    BOOST_TEST(got.code == 69);
  };
  refused("sync_queue", "plain", "not_mirrored");
  refused("sync_queue", "qq", "quorum_queue_not_supported");
  refused("sync_queue", "nosuch", "not_found");
  refused("cancel_sync_queue", "qq", "quorum_queue_not_supported");
  refused("cancel_sync_queue", "nosuch", "not_found");
}

BOOST_AUTO_TEST_CASE(the_status_of_a_quorum_queue_tells_who_leads_and_who_follows) {
  down("rabbit@node3");
  auto got = cells(queues({"quorum_status", "qq"}).out);
  std::sort(got.begin() + 1, got.end());
  BOOST_TEST(
    got
      == (lines{"|NodeName|RaftState|LogIndex|CommitIndex|SnapshotIndex|Term|MachineVersion|",
                "|rabbit@node2|follower|undefined|undefined|undefined|1|undefined|", "|rabbit@node3|noproc||||||",
                "|rabbit@test|leader|undefined|undefined|undefined|1|undefined|"}),
    boost::test_tools::per_element());
  const std::string banner = "Status of quorum queue plain on node rabbit@test ...\n";
  expect_queues({"quorum_status", "plain"}, banner, 69, "Error:\nCannot get quorum status of a classic queue\n");
  BOOST_TEST(queues({"quorum_status", "nosuch"}).err == "Error:\nnot_found\n");
  BOOST_TEST(diagnose({"-q", "quorum_status", "qq"}).code == 0);
}

BOOST_AUTO_TEST_CASE(members_are_added_and_removed_one_by_one) {
  const auto nodes = [&] { return queue("qq")->placement->nodes.size(); };
  expect_queues({"delete_member", "qq", "rabbit@node3"}, "Removing a replica of queue qq on node rabbit@node3...\n");
  BOOST_TEST(nodes() == 2u);
  expect_queues({"-q", "delete_member", "qq", "rabbit@node3"}, "");
  expect_queues({"-q", "delete_member", "qq", "rabbit@nosuch"}, "");
  expect_queues({"add_member", "qq", "rabbit@node3"}, "Adding a replica for queue qq on node rabbit@node3...\n");
  expect_queues({"-q", "add_member", "qq", "rabbit@node3"}, "");
  BOOST_TEST(nodes() == 3u);
  expect_queues({"-q", "add_member", "qq", "rabbit@nosuch"}, "", 69, "Error:\nnode_not_running\n");
  expect_queues({"-q", "add_member", "plain", "rabbit@node2"}, "", 69,
                "Error:\nCannot add members to a classic queue\n");
  expect_queues({"-q", "delete_member", "plain", "rabbit@node2"}, "", 69,
                "Error:\nCannot add members to a classic queue\n");
  expect_queues({"-q", "add_member", "nosuch", "rabbit@node2"}, "", 69, "Error:\nnot_found\n");
  expect_queues({"-q", "delete_member", "qq", "rabbit@test"}, "", 69,
                "Error:\nthe leader of the queue is there: drain the node, or rebalance, first\n");
  queues({"delete_member", "qq", "rabbit@node2"});
  queues({"delete_member", "qq", "rabbit@node3"});
  expect_queues({"-q", "delete_member", "qq", "rabbit@test"}, "", 69, "Error:\nlast_node\n");
}

BOOST_AUTO_TEST_CASE(all_quorum_queues_grow_and_shrink) {
  node.view.declare_quorum("qr");
  const std::string shrinking = "Shrinking quorum queues on rabbit@node2...\n";
  expect_queues({"shrink", "rabbit@node2"}, shrinking + "vhost\tname\tsize\tresult\n/\tqq\t2\tok\n/\tqr\t2\tok\n");
  expect_queues({"shrink", "rabbit@node2"}, shrinking + "\n");
  expect_queues({"shrink", "rabbit@nosuch"}, "Shrinking quorum queues on rabbit@nosuch...\n\n");
  expect_queues({"-s", "shrink", "rabbit@test"},
                "/\tqq\t2\terror: the leader of the queue is there: drain the node, or rebalance, first\n"
                "/\tqr\t2\terror: the leader of the queue is there: drain the node, or rebalance, first\n");
  expect_queues({"grow", "rabbit@node2", "all", "--queue-pattern", "^qr"},
                "Growing all quorum queues on rabbit@node2...\nvhost\tname\tsize\tresult\n/\tqr\t3\tok\n");
  expect_queues({"-s", "grow", "rabbit@node2", "even"}, "/\tqq\t3\tok\n");
  expect_queues({"-s", "grow", "rabbit@node2", "all", "--errors-only"}, "\n");
  expect_queues({"-s", "grow", "rabbit@nosuch", "all"}, "\n");
  const auto odd = queues({"grow", "rabbit@node2", "odd"});
  BOOST_TEST(odd.code == 64);
  BOOST_TEST((odd.out + odd.err).find("\"strategy 'odd' is not recognised.\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_node_is_critical_for_queues_that_nobody_else_has_in_sync) {
  const std::string asks =
    "Checking if node rabbit@test is critical for data safety of any classic mirrored queues ...\n";
  const auto lost = [](const char* name) {
    return std::string{"queue '"} + name
         + "' in vhost '/' would lose its only synchronised replica (master) if node rabbit@test is stopped\n";
  };
  auto got = queues({"check_if_node_is_mirror_sync_critical"});
  BOOST_TEST(got.code == 69);
  BOOST_TEST(got.out + got.err == asks + lost("alone"));
  down("rabbit@node3");
  got = queues({"check_if_node_is_mirror_sync_critical"});
  BOOST_TEST(got.out + got.err == asks + lost("alone") + lost("mq"));
  got = queues({"check_if_node_is_quorum_critical"}); // two of three are left
  BOOST_TEST(got.code == 69);
  BOOST_TEST((got.out + got.err).find("queue 'qq' in vhost '/' would lose quorum if node rabbit@test is stopped\n")
             != std::string::npos);
}

BOOST_AUTO_TEST_CASE(masters_of_both_kinds_are_counted_by_node) {
  const auto rows = cells(queues({"-q", "rebalance", "all"}).out);
  BOOST_TEST(rows
               == (lines{"|Nodename|Numberofquorumqueues|Numberofreplicatedclassicqueues|", "|rabbit@node2|0|0|",
                         "|rabbit@node3|0|0|", "|rabbit@test|1|2|"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(rebalancing_is_about_the_queues_that_were_named) {
  const auto ordered = [&] { return node.view.rebalanced; };
  queues({"-q", "rebalance", "all"});
  BOOST_TEST(ordered() == (lines{"alone", "mq", "qq"}), boost::test_tools::per_element());
  BOOST_TEST(cells(queues({"-q", "rebalance", "quorum"}).out).at(3) == "|rabbit@test|1|0|");
  BOOST_TEST(ordered() == (lines{"qq"}), boost::test_tools::per_element());
  BOOST_TEST(cells(queues({"-q", "rebalance", "classic", "--queue-pattern", "^mq"}).out).at(3) == "|rabbit@test|0|1|");
  BOOST_TEST(ordered() == (lines{"mq"}), boost::test_tools::per_element());
  queues({"-q", "rebalance", "all", "--vhost-pattern", "^nope"});
  BOOST_TEST(ordered().empty());
  node.view.refusal = {0, "rebalance_in_progress"};
  expect_queues({"-q", "rebalance", "all"}, "", 69, "Error:\nrebalance_in_progress\n");
}

BOOST_AUTO_TEST_CASE(a_queue_without_a_master_is_down_and_shows_what_a_copy_has) {
  node.view.without_master = {"mq", "plain"};
  node.view.copied = {"mq"};
  node.view.below_minimum = {"qq"};
  BOOST_TEST(run({"-s", "list_queues", "name", "messages", "messages_unacknowledged", "consumers", "state"}).out
             == "alone\t1\t1\t0\trunning\nmq\t7\t\t\tdown\nplain\t\t\t\tdown\nqq\t4\t1\t0\tminority\n");
}

BOOST_AUTO_TEST_SUITE_END()

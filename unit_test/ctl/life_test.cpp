// The app's life and the cluster's verbs, word for word as RabbitMQ 3.10's rabbitmqctl (transcripts; features.md O01,
// O12).
#include <boost/test/unit_test.hpp>

#include <sstream>

#include "control_client.hpp"
#include "lab.hpp"

namespace life {
namespace {

std::string wrong_state(const std::string& state, const std::string& given, const std::string& usage) {
  return "Error: this command requires the 'rabbit' app to be " + state + ".\nArguments given:\n\t" + given
       + "\n\nUsage\n\nrabbitmqctl [--node <node>] [--longnames] [--quiet] " + usage + "\n";
}

const char* const must_run = "running on the target node. Start it with 'rabbitmqctl start_app'";
const char* const must_stop = "stopped on the target node. Stop it with 'rabbitmqctl stop_app'";

} // namespace
} // namespace life

BOOST_FIXTURE_TEST_SUITE(life, test::lab)

BOOST_AUTO_TEST_CASE(the_app_stops_and_starts_any_number_of_times) {
  for (int i = 0; i < 2; ++i) {
    expect({"stop_app"}, "Stopping rabbit application on node rabbit@test ...\n");
    expect({"stop_app"}, "Stopping rabbit application on node rabbit@test ...\n");
    BOOST_CHECK(node.view.app == broker::app_state::stopped);
    expect({"start_app"}, "Starting node rabbit@test ...\n");
    expect({"start_app"}, "Starting node rabbit@test ...\n");
    BOOST_CHECK(node.view.app == broker::app_state::running);
  }
}

BOOST_AUTO_TEST_CASE(a_start_that_fails_says_why) {
  expect({"stop_app"}, "Stopping rabbit application on node rabbit@test ...\n");
  node.view.refusal = {0, "cannot listen on :::5672: Address already in use"};
  expect_failure({"start_app"}, 69, "Error:\ncannot listen on :::5672: Address already in use\n");
}

BOOST_AUTO_TEST_CASE(commands_say_when_the_app_must_run) {
  node.view.app = broker::app_state::stopped;
  const auto got = run({"cluster_status"});
  BOOST_TEST(got.code == 64);
  BOOST_TEST(got.out == "");
  BOOST_TEST(got.err == wrong_state(must_run, "cluster_status", "cluster_status [--timeout <timeout>]"));
  for (const char* command : {"status", "list_users", "list_queues", "report", "await_online_nodes"})
    BOOST_TEST(run({command, command == std::string{"await_online_nodes"} ? "1" : "-q"}).code == 64);
}

BOOST_AUTO_TEST_CASE(arguments_are_judged_before_the_app) {
  node.view.app = broker::app_state::stopped;
  BOOST_TEST(run({"add_user"}).err.starts_with("Error (argument validation): not enough arguments.\n"));
}

BOOST_AUTO_TEST_CASE(commands_say_when_the_app_must_be_stopped) {
  for (const char* command : {"reset", "force_reset", "force_boot"})
    expect_failure({command}, 64, wrong_state(must_stop, command, command));
  expect_failure({"join_cluster", "rabbit@node1"}, 64,
                 wrong_state(must_stop, "join_cluster rabbit@node1",
                             "join_cluster [--disc|--ram] "
                             "<existing_cluster_member>"));
  expect_failure({"change_cluster_node_type", "disc"}, 64,
                 wrong_state(must_stop, "change_cluster_node_type disc", "change_cluster_node_type <disc | ram>"));
  BOOST_TEST(node.view.resets == "");
}

BOOST_AUTO_TEST_CASE(a_starting_or_stopping_app_is_neither) {
  for (const auto state : {broker::app_state::starting, broker::app_state::stopping}) {
    node.view.app = state;
    BOOST_TEST(run({"list_users"}).code == 64);
    BOOST_TEST(run({"reset"}).code == 64);
  }
}

BOOST_AUTO_TEST_CASE(the_node_refuses_by_itself_too) {
  using namespace std::chrono_literals;
  node.view.app = broker::app_state::stopped;
  broker::control::control_client client{broker::control::control_client::clock::now() + 5s};
  BOOST_REQUIRE(client.connect("127.0.0.1", node.port).ok());
  BOOST_REQUIRE(client.authenticate("SECRET", "tool@test", "rabbit@test").ok());
  const auto refused = client.call({"add_user", {"a", "b"}, {}, {}});
  BOOST_REQUIRE(refused.ok());
  BOOST_TEST(refused->exit_code == 64);
  BOOST_TEST(refused->error == std::string{"this command requires the 'rabbit' app to be "} + must_run + ".");
}

BOOST_AUTO_TEST_CASE(what_concerns_the_process_needs_no_app) {
  node.view.app = broker::app_state::stopped;
  for (const char* command : {"ping", "environment", "rotate_logs", "version"})
    BOOST_TEST_CONTEXT(command) BOOST_TEST(run({command}).code == 0);
  for (const char* command : {"erlang_cookie_hash", "log_tail", "log_location", "server_version"})
    BOOST_TEST_CONTEXT(command) BOOST_TEST(diagnose({command}).code == 0);
}

BOOST_AUTO_TEST_CASE(reset_is_plain_or_forced) {
  node.view.app = broker::app_state::stopped;
  expect({"reset"}, "Resetting node rabbit@test ...\n");
  expect({"force_reset"}, "Forcefully resetting node rabbit@test ...\n");
  BOOST_TEST(node.view.resets == "plain forced ");
  node.view.refusal = {0, "You cannot leave a cluster if no online nodes are present."};
  expect_failure({"reset"}, 69, "Error:\nYou cannot leave a cluster if no online nodes are present.\n");
}

BOOST_AUTO_TEST_CASE(checks_tell_the_state_of_the_app) {
  const std::string asking = "Asking node rabbit@test for its status ...\n";
  const std::string runs = "RabbitMQ on node rabbit@test is fully booted and running\n";
  const std::string not_running =
    "RabbitMQ on node rabbit@test is not running or has not fully booted yet (check with is_booting)\n";
  BOOST_TEST(diagnose({"is_running"}).out == asking + runs);
  BOOST_TEST(diagnose({"check_running"}).code == 0);
  node.view.app = broker::app_state::stopped;
  BOOST_TEST(diagnose({"is_running"}).out == asking + not_running);
  BOOST_TEST(diagnose({"check_running"}).code == 69);
  BOOST_TEST(diagnose({"check_running"}).err == "Error:\n" + not_running);
  BOOST_TEST(diagnose({"is_booting", "-q"}).out
             == "RabbitMQ on node rabbit@test is fully booted (check with is_running), stopped or has not started "
                "booting yet\n");
  node.view.app = broker::app_state::starting;
  BOOST_TEST(diagnose({"is_booting", "-q"}).out == "RabbitMQ on node rabbit@test is booting\n");
}

BOOST_AUTO_TEST_CASE(await_startup_waits_for_the_app_not_for_the_process) {
  node.view.app = broker::app_state::starting;
  BOOST_TEST(run({"await_startup", "-t", "0.3"}).code == 75);
  node.view.app = broker::app_state::running;
  BOOST_TEST(run({"await_startup", "-t", "5"}).code == 0);
}

BOOST_AUTO_TEST_CASE(an_unreachable_node_is_found_out_before_the_banner) {
  node.stop();
  const auto got = run({"list_users"});
  BOOST_TEST(got.code == 69);
  BOOST_TEST(got.out == "");
  BOOST_TEST(got.err.starts_with("Error: unable to perform an operation on node 'rabbit@test'."));
}

// -- cluster
// --------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_node_does_not_join_itself) {
  node.view.app = broker::app_state::stopped;
  const auto got = run({"join_cluster", "rabbit@test"});
  BOOST_TEST(got.code == 70);
  BOOST_TEST(got.out + got.err
             == "Clustering node rabbit@test with rabbit@test\nError:\nError: cannot cluster node with itself: "
                "rabbit@test\n");
}

BOOST_AUTO_TEST_CASE(a_node_joins_once) {
  node.view.app = broker::app_state::stopped;
  expect({"join_cluster", "rabbit@node1"}, "Clustering node rabbit@test with rabbit@node1\n");
  expect({"join_cluster", "rabbit@node1"},
         "Clustering node rabbit@test with rabbit@node1\nThe node is already a member of this cluster\n");
  node.view.refusal = {69, "node rabbit@nosuch cannot be reached: nosuch port 25672: Name or service not known"};
  const auto got = run({"join_cluster", "rabbit@nosuch", "--ram"});
  BOOST_TEST(got.code == 69);
  BOOST_TEST(got.err
             == "Note: every node keeps its data on disk; a RAM node is a disc node here.\nError:\nnode rabbit@nosuch "
                "cannot be reached: nosuch port 25672: Name or service not known\n");
}

BOOST_AUTO_TEST_CASE(members_are_forgotten_by_a_running_node) {
  expect({"forget_cluster_node", "rabbit@node2"}, "Removing node rabbit@node2 from the cluster\n");
  BOOST_TEST(node.view.members.forgotten == "rabbit@node2");
  node.view.members.refusal = {69, "{:not_a_cluster_node, 'The node selected is not in the cluster.'}"};
  const auto got = run({"forget_cluster_node", "rabbit@nosuch"});
  BOOST_TEST(got.code == 69);
  BOOST_TEST(
    got.out + got.err
    == "Removing node rabbit@nosuch from the cluster\nError:\n{:not_a_cluster_node, 'The node selected is not in "
       "the cluster.'}\n");
  node.view.app = broker::app_state::stopped;
  BOOST_TEST(run({"forget_cluster_node", "rabbit@node2"}).code == 64);
}

BOOST_AUTO_TEST_CASE(members_are_forgotten_offline_by_a_stopped_node) {
  const auto refused = run({"forget_cluster_node", "--offline", "rabbit@node2"});
  BOOST_TEST(refused.code == 64);
  BOOST_TEST(refused.err.find("requires the 'rabbit' app to be stopped") != std::string::npos);
  node.view.app = broker::app_state::stopped;
  expect({"forget_cluster_node", "--offline", "rabbit@node2"},
         "Removing node rabbit@node2 from the cluster. Warning: quorum queues cannot be shrunk in offline mode\n");
  BOOST_TEST(node.view.members.forgotten_offline == "rabbit@node2");
  BOOST_TEST(node.view.members.forgotten == "");
  node.view.members.refusal = {69, "{:not_a_cluster_node, 'The node selected is not in the cluster.'}"};
  BOOST_TEST(run({"forget_cluster_node", "--offline", "rabbit@nosuch"}).code == 69);
}

BOOST_AUTO_TEST_CASE(force_boot_makes_a_node_the_only_member) {
  node.view.app = broker::app_state::stopped;
  expect({"force_boot"}, "");
  BOOST_TEST(node.view.members.forced);
}

BOOST_AUTO_TEST_CASE(cluster_status_shows_every_member) {
  node.view.members.all = {{"rabbit@node2", true}, {"rabbit@node3", false}, {"rabbit@test", true}};
  const auto page = run({"cluster_status"}).out;
  BOOST_TEST(node.view.asked == "own_status");
  for (const char* part :
       {"\nDisk Nodes\n\nrabbit@node2\nrabbit@node3\nrabbit@test\n", "\nRunning Nodes\n\nrabbit@node2\nrabbit@test\n",
        "\nAlarms\n\nMemory alarm on node rabbit@node2\n",
        "Node: rabbit@node2, status: not under maintenance\nNode: rabbit@test, status: not under maintenance\n",
        "Node: rabbit@node2, interface: [::], port: 5672, protocol: amqp"})
    BOOST_TEST(page.find(part) != std::string::npos, std::string{part} + " is not in\n" + page);
  BOOST_TEST(
    run({"cluster_status", "--formatter", "json"}).out.find("\"running_nodes\":[\"rabbit@node2\",\"rabbit@test\"]")
    != std::string::npos);
  BOOST_TEST(run({"await_online_nodes", "2"}).code == 0);
  BOOST_TEST(page.find("\nNetwork Partitions\n\n(none)\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(cluster_status_says_that_there_is_no_majority) {
  node.view.members.all = {{"rabbit@node2", false}, {"rabbit@node3", false}, {"rabbit@test", true}};
  node.view.minority = true;
  node.view.out_of_reach = {"rabbit@node2", "rabbit@node3"};
  const auto page = run({"cluster_status"}).out;
  BOOST_TEST(page.find("\nNetwork Partitions\n\nNode rabbit@test cannot communicate with rabbit@node2, rabbit@node3\n"
                       "Node rabbit@test has no majority of the cluster's nodes: until it has, users, virtual hosts, "
                       "policies, queues, exchanges and bindings cannot be changed there\n")
               != std::string::npos,
             page);
  const auto json = run({"cluster_status", "--formatter", "json"}).out;
  BOOST_TEST(json.find("\"minority\":[\"rabbit@test\"],\"partitions\":{\"rabbit@test\":[\"rabbit@node2\","
                       "\"rabbit@node3\"]}")
               != std::string::npos,
             json);
  node.view.minority = false; // a node that is merely down is no partition
  BOOST_TEST(run({"cluster_status", "--formatter", "json"}).out.find("\"minority\":[],\"partitions\":{}")
             != std::string::npos);
}

BOOST_AUTO_TEST_CASE(join_and_forget_need_a_node) {
  expect_failure({"join_cluster"}, 64,
                 "Error (argument validation): not enough arguments.\nArguments given:\n\tjoin_cluster\n\nUsage\n\n"
                 "rabbitmqctl [--node <node>] [--longnames] [--quiet] join_cluster [--disc|--ram] "
                 "<existing_cluster_member>\n");
  expect_failure(
    {"forget_cluster_node"}, 64,
    "Error (argument validation): not enough arguments.\nArguments given:\n\tforget_cluster_node\n\nUsage\n"
    "\nrabbitmqctl [--node <node>] [--longnames] [--quiet] forget_cluster_node [--offline] "
    "<existing_cluster_member_node>\n");
  node.view.app = broker::app_state::stopped;
  BOOST_TEST(run({"join_cluster", "--ram", "--disc", "rabbit@node1"}).code == 65);
}

BOOST_AUTO_TEST_CASE(node_types_are_accepted_and_explained) {
  node.view.app = broker::app_state::stopped;
  expect({"change_cluster_node_type", "disc"}, "Turning rabbit@test into a disc node\n");
  const auto ram = run({"change_cluster_node_type", "ram"});
  BOOST_TEST(ram.code == 0);
  BOOST_TEST(ram.err == "Note: every node keeps its data on disk; a RAM node is a disc node here.\n");
  BOOST_TEST(run({"change_cluster_node_type", "tape"}).code == 65);
}

BOOST_AUTO_TEST_CASE(what_is_not_supported_is_refused_by_name) {
  BOOST_TEST(run({"rename_cluster_node", "rabbit@a", "rabbit@b"}).code == 69);
  BOOST_TEST(run({"rename_cluster_node", "rabbit@a", "rabbit@b"}).err.find("rename_cluster_node is not supported")
             != std::string::npos);
  BOOST_TEST(run({"rename_cluster_node", "rabbit@a", "rabbit@b", "rabbit@c"}).code == 65);
}

BOOST_AUTO_TEST_CASE(the_clusters_name_is_a_global_parameter) {
  expect({"set_cluster_name", "lab \"1\""}, "Setting cluster name to lab \"1\" ...\n");
  BOOST_TEST(run({"-q", "list_global_parameters"}).out == "name\tvalue\ncluster_name\t\"lab \\\"1\\\"\"\n");
}

BOOST_AUTO_TEST_CASE(enough_online_nodes_are_not_waited_for) {
  expect({"await_online_nodes", "1"},
         "Will wait for at least 1 nodes to join the cluster of rabbit@test. Timeout: 300 seconds.\n");
  const auto got = run({"await_online_nodes", "2", "-t", "1"});
  BOOST_TEST(got.code == 75);
  BOOST_TEST(got.err == "Error:\nError: timed out while waiting. Not enough nodes joined rabbit@test's cluster.\n");
  BOOST_TEST(run({"await_online_nodes", "none"}).code == 65);
}

BOOST_AUTO_TEST_CASE(rebalance_answers_with_leaders_by_node_as_rabbitmqs) {
  node.view.members.all = {{"rabbit@node2", true}, {"rabbit@node3", false}, {"rabbit@test", true}};
  node.view.declare_quorum("qq");
  const auto rows = [&](std::vector<const char*> arguments) {
    std::string text;
    std::istringstream lines{run_as("rabbitmq-queues", arguments).out};
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("\x1b(0") && !line.starts_with("\x1b(0x"))
        continue; // a rule
      const std::string bar = "\x1b(0x\x1b(B";
      for (size_t at = line.find(bar); at != std::string::npos; at = line.find(bar))
        line.replace(at, bar.size(), "|");
      text += line + "\n";
    }
    return text;
  };
  const std::string heading = "| Node name    | Number of quorum queues | Number of replicated classic queues |\n"
                              "| rabbit@node2 | 0                       | 0                                   |\n";
  const std::string one = "| rabbit@test  | 1                       | 0                                   |\n";
  const std::string none = "| rabbit@test  | 0                       | 0                                   |\n";
  BOOST_TEST(rows({"rebalance", "all"}) == "Re-balancing leaders of all replicated queues...\n" + heading + one);
  BOOST_TEST(rows({"-q", "rebalance", "classic"}) == heading + none);
  BOOST_TEST(rows({"-q", "rebalance", "quorum", "--queue-pattern", "^x"}) == heading + none);
  BOOST_TEST(run_as("rabbitmq-queues", {"rebalance", "quorum", "--queue-pattern", "["}).code == 65);
  const auto stream = run_as("rabbitmq-queues", {"rebalance", "stream"});
  BOOST_TEST(stream.code == 69);
  BOOST_TEST(stream.err.find("type stream is not supported. Try one of all, classic, quorum.") != std::string::npos);
  node.view.other_nodes["rabbit@node2"].drained = true;
  BOOST_TEST(run_as("rabbitmq-queues", {"rebalance", "all"}).out.find("node2") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_single_node_is_critical_for_nothing) {
  for (const char* check : {"check_if_node_is_quorum_critical", "check_if_node_is_mirror_sync_critical"}) {
    const auto got = diagnose({"-q", check});
    BOOST_TEST(got.code == 0);
    BOOST_TEST(got.out
               == "Node rabbit@test seems to be the only one in a single node cluster, the check does not apply\n");
  }
  const auto awaited = run_as("rabbitmq-upgrade", {"await_online_quorum_plus_one"});
  BOOST_TEST(awaited.code == 0);
  BOOST_TEST(awaited.out
             == "Will wait for a quorum + 1 of nodes to be online for all quorum queues for 120 seconds...\n"
                "Target node seems to be the only one in a single node cluster, the command does not apply\n");
}

BOOST_AUTO_TEST_CASE(what_would_lose_its_quorum_is_named) {
  node.view.members.all = {{"rabbit@node2", true}, {"rabbit@node3", true}, {"rabbit@test", true}};
  node.view.group.voters = {"rabbit@node2", "rabbit@node3", "rabbit@test"};
  BOOST_TEST(run_as("rabbitmq-queues", {"check_if_node_is_quorum_critical"}).out
             == "Checking if node rabbit@test is critical for quorum of any quorum queues ...\n"
                "Node rabbit@test reported no quorum queues with minimum quorum\n");
  BOOST_TEST(run_as("rabbitmq-queues", {"check_if_node_is_mirror_sync_critical"}).out
             == "Checking if node rabbit@test is critical for data safety of any classic mirrored queues ...\n"
                "Node rabbit@test reported no classic mirrored queues without online synchronised mirrors\n");
  BOOST_TEST(run_as("rabbitmq-upgrade", {"-q", "await_online_quorum_plus_one"}).code == 0);
  node.view.declare_quorum("qq");
  node.view.members.all[1].running = false; // two of three are left
  const auto got = run_as("rabbitmq-queues", {"-q", "check_if_node_is_quorum_critical"});
  BOOST_TEST(got.code == 69);
  BOOST_TEST(got.err
             == "queue 'qq' in vhost '/' would lose quorum if node rabbit@test is stopped\n"
                "the metadata of the cluster would lose quorum if node rabbit@test is stopped\n");
  const auto awaited = run_as("rabbitmq-upgrade", {"-q", "await_online_quorum_plus_one", "-t", "0.1"});
  BOOST_TEST(awaited.code == 69);
  BOOST_TEST(awaited.err
             == "Error:\ntime is up, no quorum + 1 online replicas came online for at least some quorum queues\n");
}

BOOST_AUTO_TEST_CASE(maintenance_mode_is_shown) {
  const auto drained = run_as("rabbitmq-upgrade", {"drain"});
  BOOST_TEST(drained.code == 0);
  BOOST_TEST(drained.out
             == "Will put node rabbit@test into maintenance mode. The node will no longer serve any client traffic!\n");
  BOOST_TEST(run({"cluster_status"}).out.find("Node: rabbit@test, status: marked for maintenance")
             != std::string::npos);
  BOOST_TEST(run({"status"}).out.find("Is under maintenance?: true") != std::string::npos);
  BOOST_TEST(run_as("rabbitmq-upgrade", {"revive"}).code == 0);
  BOOST_TEST(run({"cluster_status"}).out.find("status: not under maintenance") != std::string::npos);
  BOOST_TEST(run({"drain"}).code == 64); // not rabbitmqctl's
}

BOOST_AUTO_TEST_SUITE_END()

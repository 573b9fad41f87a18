// rabbitmq-diagnostics (features.md O08), word for word.
#include "lab.hpp"

BOOST_FIXTURE_TEST_SUITE(ctl_health, test::lab)

BOOST_AUTO_TEST_CASE(a_tool_has_only_its_own_commands) {
  BOOST_TEST(diagnose({"add_user", "a", "b"}).code == 64);
  BOOST_TEST(run({"check_running"}).code == 64);
  BOOST_TEST(run_as("warrenctl", {"check_running"}).code == 0);
  BOOST_TEST(diagnose({"list_queues"}).code == 0);
  BOOST_TEST(
    diagnose({"check_running"}).out
    == "Checking if RabbitMQ is running on node rabbit@test ...\nRabbitMQ on node rabbit@test is fully booted and "
       "running\n");
  BOOST_TEST(diagnose({"check_running", "--formatter", "json"}).out
             == "{\"message\":\"RabbitMQ on node rabbit@test is fully booted and running\"}\n");
}

BOOST_AUTO_TEST_CASE(alarms_are_listed_and_fail_checks) {
  BOOST_TEST(diagnose({"-q", "alarms"}).out == "Node rabbit@test reported no alarms, local or clusterwide\n");
  BOOST_TEST(diagnose({"-q", "check_local_alarms"}).out == "Node rabbit@test reported no local alarms\n");
  node.view.alarms = {"Memory alarm on node rabbit@test"};
  BOOST_TEST(diagnose({"alarms"}).out
             == "Asking node rabbit@test to report any known resource alarms ...\nMemory alarm on node rabbit@test\n");
  const auto failed = diagnose({"-q", "check_alarms"});
  BOOST_TEST(failed.code == 69);
  BOOST_TEST(failed.err == "Memory alarm on node rabbit@test\n");
  BOOST_TEST(diagnose({"-q", "check_local_alarms"}).err == "Error:\nMemory alarm on node rabbit@test\n");
  BOOST_TEST(diagnose({"check_alarms", "--formatter", "json"}).out
             == "{\"global\":[],\"local\":[\"Memory alarm on node rabbit@test\"],\"message\":\"Memory alarm on node "
                "rabbit@test\",\"result\":\"error\"}\n");
}

BOOST_AUTO_TEST_CASE(alarms_of_other_nodes_are_clusterwide_and_not_local) {
  node.view.other_nodes["rabbit@other"] = {true, false};
  BOOST_TEST(diagnose({"-q", "alarms"}).out == "Memory alarm on node rabbit@other\n");
  BOOST_TEST(diagnose({"-q", "check_alarms"}).code == 69);
  BOOST_TEST(diagnose({"-q", "check_local_alarms"}).code == 0);
  BOOST_TEST(diagnose({"-q", "check_local_alarms"}).out == "Node rabbit@test reported no local alarms\n");
  BOOST_TEST(diagnose({"check_alarms", "--formatter", "json"}).out
             == "{\"global\":[\"Memory alarm on node rabbit@other\"],\"local\":[],\"message\":\"Memory alarm on node "
                "rabbit@other\",\"result\":\"error\"}\n");
  BOOST_TEST(run({"cluster_status"}).out.find("\nAlarms\n\nMemory alarm on node rabbit@other\n") != std::string::npos);
  BOOST_TEST(run({"status"}).out.find("\nAlarms\n\n(none)\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(listeners_are_found_by_port_and_protocol) {
  BOOST_TEST(diagnose({"listeners"}).out
             == "Asking node rabbit@test to report its protocol listeners ...\nInterface: [::], port: 5672, protocol: "
                "amqp, purpose: AMQP 0-9-1 and AMQP 1.0\n");
  BOOST_TEST(diagnose({"-q", "check_port_listener", "5672"}).out
             == "A listener for port 5672 is running on node rabbit@test.\n");
  const auto port = diagnose({"-q", "check_port_listener", "1"});
  BOOST_TEST(port.code == 69);
  BOOST_TEST(port.err
             == "No listener for port 1 is active on node rabbit@test. Found listeners that use the following "
                "ports: 5672\n");
  BOOST_TEST(diagnose({"check_port_listener", "abc"}).code == 65);
  BOOST_TEST(diagnose({"-q", "check_protocol_listener", "amqp"}).code == 0);
  const auto protocol = diagnose({"-q", "check_protocol_listener", "mqtt"});
  BOOST_TEST(protocol.code == 69);
  BOOST_TEST(protocol.err
             == "Error:\nNo listener for protocol mqtt is active on node rabbit@test. Found listeners for "
                "the following protocols: amqp\n");
}

BOOST_AUTO_TEST_CASE(ports_are_tried) {
  node.view.port = node.port; // somebody listens there
  BOOST_TEST(diagnose({"-q", "check_port_connectivity"}).code == 0);
  node.view.port = 1;
  const auto got = diagnose({"-q", "check_port_connectivity"});
  BOOST_TEST(got.code == 69);
  BOOST_TEST(got.err.find("failed on node rabbit@test: 1") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(vhosts_run) {
  BOOST_TEST(diagnose({"check_virtual_hosts"}).out
             == "Checking if all vhosts are running on node rabbit@test ...\nNode rabbit@test reported all vhosts as "
                "running\n");
}

BOOST_AUTO_TEST_CASE(memory_is_broken_down) {
  BOOST_TEST(diagnose({"memory_breakdown"}).out
             == "Reporting memory breakdown on node rabbit@test...\nmessages: 0.05 gb (25.0%)\nother: 0.15 gb "
                "(75.0%)\n\n");
  BOOST_TEST(diagnose({"-q", "memory_breakdown", "--unit", "MB"}).out
             == "messages: 50.0 mb (25.0%)\nother: 150.0 mb (75.0%)\n\n");
  BOOST_TEST(diagnose({"memory_breakdown", "--unit", "stones"}).code == 65);
}

BOOST_AUTO_TEST_CASE(facts_are_told) {
  BOOST_TEST(diagnose({"-q", "server_version"}).out == "3.13.7\n");
  BOOST_TEST(diagnose({"erlang_cookie_hash"}).out
             == "Asking node rabbit@test its Erlang cookie hash...\nOQLufhSeuDE6NHV+ieIa9g==\n");
  BOOST_TEST(diagnose({"log_tail", "-N", "2"}).out == "Last 2 log lines on node rabbit@test ...\ntwo\nthree\n");
  BOOST_TEST(diagnose({"log_tail", "-N", "none"}).code == 65);
}

BOOST_AUTO_TEST_SUITE_END()

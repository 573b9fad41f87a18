// What operators do to connections, queues and settings (features.md O05, O10, O46), word for word as rabbitmqctl.
#include "lab.hpp"

BOOST_FIXTURE_TEST_SUITE(ctl_operations, test::lab)

BOOST_AUTO_TEST_CASE(a_connection_is_closed_by_its_pid) {
  expect({"close_connection", "<rabbit@test.1795415102.7.0>", "why"},
         "Closing connection <rabbit@test.1795415102.7.0>, reason: why...\n");
  BOOST_TEST(node.view.connections.empty());
  BOOST_TEST(node.view.closed_because == "CONNECTION_FORCED - why");
  expect_failure({"close_connection", "<rabbit@test.1795415102.7.0>", "why"}, 69,
                 "Error:\nError:\n{:not_a_connection_pid, \"<rabbit@test.1795415102.7.0>\"}\n");
  expect_failure({"close_connection", "<0.1.0>", "why"}, 69, "Error:\nError:\n{:invalid_pid_syntax, \"<0.1.0>\"}\n");
  expect_failure({"close_connection", "<rabbit@test.1.7.0>", "of an earlier run"}, 69,
                 "Error:\nError:\n{:invalid_pid_syntax, \"<rabbit@test.1.7.0>\"}\n");
}

BOOST_AUTO_TEST_CASE(all_connections_of_a_vhost_a_user_or_the_node_are_closed) {
  for (broker::connection_id id = 8; id < 12; ++id)
    node.view.connections.push_back(test::fake_view::connection(id, id < 10 ? "guest" : "other"));
  expect({"close_all_connections", "-p", "/nope", "why"},
         "Closing all connections in vhost /nope, reason: why...\nClosed 0 connections\n");
  expect({"close_all_connections", "--limit", "1", "why"},
         "Closing all connections in vhost /, reason: why...\nClosed 1 connections\n");
  expect({"close_all_user_connections", "other", "why"}, "Closing connections of user other, reason: why...\n");
  BOOST_TEST(node.view.connections.size() == 2u);
  expect({"close_all_connections", "--global", "why"}, "Closing all connections to node rabbit@test (across all "
                                                       "vhosts), reason: why...\nClosed 2 connections\n");
}

BOOST_AUTO_TEST_CASE(a_queue_is_purged_and_deleted) {
  expect({"purge_queue", "q0"}, "Purging queue 'q0' in vhost '/' ...\n");
  expect_failure({"purge_queue", "nosuch"}, 69, "Error:\nnot_found\n");
  expect_failure({"delete_queue", "q0", "--if-empty"}, 69,
                 "Error:\nPRECONDITION_FAILED - queue 'q0' in vhost '/' is not empty\n");
  BOOST_TEST(run({"delete_queue", "q0", "-e", "-u"})
               .out.starts_with("Deleting queue 'q0' on vhost '/' if queue is empty and if queue is unused ...\n"));
  expect({"delete_queue", "q0"},
         "Deleting queue 'q0' on vhost '/' ...\nQueue was successfully deleted with 4 ready messages\n");
  expect_failure({"delete_queue", "q0"}, 64, "Error:\nQueue not found\n");
}

BOOST_AUTO_TEST_CASE(the_memory_watermark_is_a_share_or_bytes) {
  expect({"set_vm_memory_high_watermark", "0.4"}, "Setting memory threshold on rabbit@test to 0.4 ...\n");
  BOOST_TEST(node.view.memory_watermark == 400'000'000u);
  expect({"set_vm_memory_high_watermark", "absolute", "1GB"},
         "Setting memory threshold on rabbit@test to 1GB bytes ...\n");
  BOOST_TEST(node.view.memory_watermark == 1'000'000'000u);
  expect({"set_vm_memory_high_watermark", "0"}, "Setting memory threshold on rabbit@test to 0 ...\n");
  BOOST_TEST(node.view.memory_watermark == 0u);
}

BOOST_AUTO_TEST_CASE(the_disk_limit_is_a_multiple_of_the_memory_or_bytes) {
  expect({"set_disk_free_limit", "50MB"}, "Setting disk free limit on rabbit@test to 50MB bytes ...\n");
  BOOST_TEST(node.view.disk_free_limit == 50'000'000u);
  expect({"set_disk_free_limit", "mem_relative", "1.5"},
         "Setting disk free limit on rabbit@test to 1.5 times the total RAM ...\n");
  BOOST_TEST(node.view.disk_free_limit == 1'500'000'000u);
}

BOOST_AUTO_TEST_CASE(bad_limits_are_refused_before_anything_is_asked) {
  struct refusal {
    std::vector<const char*> arguments;
    int code;
    const char* text;
  };
  const refusal cases[] = {
    {{"set_vm_memory_high_watermark", "2.0"},
     65,
     "Bad argument: The threshold should be a fraction between 0.0 and 1.0\n"},
    {{"set_vm_memory_high_watermark", "-1"},
     65,
     "Bad argument: The threshold should be a fraction between 0.0 and 1.0\n"},
    {{"set_vm_memory_high_watermark", "abc"}, 65, "Bad argument.\n"},
    {{"set_vm_memory_high_watermark", "absolute", "1XB"}, 65, "Bad argument: Invalid units.\n"},
    {{"set_vm_memory_high_watermark", "absolute"}, 64, "not enough arguments.\n"},
    {{"set_disk_free_limit", "mem_relative", "x"}, 65, "Bad argument.\n"},
    {{"set_disk_free_limit", "mem_relative"}, 64, "not enough arguments.\n"},
    {{"set_disk_free_limit", "abc"}, 65, "Bad argument.\n"},
  };
  for (const auto& each : cases) {
    const auto got = run(each.arguments);
    BOOST_TEST(got.code == each.code);
    BOOST_TEST(got.out == "");
    BOOST_TEST(got.err.starts_with("Error (argument validation): " + std::string{each.text}), got.err);
  }
  BOOST_TEST(node.view.memory_watermark == 1u);
}

BOOST_AUTO_TEST_CASE(exported_definitions_make_another_node_the_same) {
  run({"add_user", "alice", "secret"});
  run({"add_vhost", "v1"});
  run({"set_policy", "p1", "^a", "{\"max-length\":5}"});
  const std::string file = folder + "/definitions.json";
  expect({"export_definitions", file.c_str()}, "Exporting definitions in JSON to a file at \"" + file + "\" ...\n");
  test::lab other;
  other.expect({"import_definitions", file.c_str()}, "Importing definitions in JSON from a file at \"" + file
                                                       + "\" ...\nSuccessfully imported definitions\n");
  BOOST_TEST(other.run({"authenticate_user", "alice", "secret"}).code == 0);
  other.expect({"-s", "list_vhosts"}, "/\nv1\n");
  other.expect({"-s", "list_policies"}, "/\tp1\t^a\tall\t{\"max-length\":5}\t0\n");
}

BOOST_AUTO_TEST_CASE(definitions_travel_by_pipe) {
  const auto exported = run({"export_definitions", "-"});
  BOOST_TEST(exported.code == 0);
  BOOST_TEST(exported.out.starts_with("{"));
  piped = exported.out;
  BOOST_TEST(run({"import_definitions"}).code == 0);
  piped = "nonsense";
  const auto bad = run({"import_definitions"});
  BOOST_TEST(bad.code == 69);
  BOOST_TEST(bad.err.starts_with("Error:\n"));
}

BOOST_AUTO_TEST_CASE(definition_files_that_are_not_there_are_bad_arguments) {
  const auto missing = run({"import_definitions", "/nonexistent/x.json"});
  BOOST_TEST(missing.code == 65);
  BOOST_TEST(
    missing.err.starts_with("Error (argument validation): Bad argument: File /nonexistent/x.json does not exist\n"));
  const auto folderless = run({"export_definitions", "/nonexistent/x.json"});
  BOOST_TEST(folderless.code == 65);
  BOOST_TEST(
    folderless.err.starts_with("Error (argument validation): Bad argument: Directory /nonexistent does not exist\n"));
  BOOST_TEST(run({"export_definitions", "-", "--format", "erlang"}).code == 64);
}

BOOST_AUTO_TEST_CASE(the_log_is_tuned_and_reopened) {
  expect({"set_log_level", "debug"}, "Setting log level to \"debug\" ...\n");
  BOOST_TEST((node.view.level == broker::log_level::debug));
  expect_failure({"set_log_level", "bogus"}, 69,
                 "Error:\nlevel bogus is not supported. Try one of debug, info, notice, warning, error, critical, "
                 "none\n");
  BOOST_TEST(run({"rotate_logs"}).code == 0);
  BOOST_TEST(node.view.reopened);
}

BOOST_AUTO_TEST_CASE(feature_flags_are_all_enabled) {
  const auto listed = run({"list_feature_flags"});
  BOOST_TEST(
    listed.out.starts_with("Listing feature flags ...\nname\tstate\nclassic_mirrored_queue_version\tenabled\n"));
  expect({"enable_feature_flag", "quorum_queue"}, "Enabling feature flag \"quorum_queue\" ...\n");
  expect({"enable_feature_flag", "all"}, "Enabling all feature flags ...\n");
  expect_failure({"enable_feature_flag", "bogus"}, 64,
                 "Error:\nThis feature flag is not supported by node rabbit@test\n");
}

BOOST_AUTO_TEST_CASE(the_expressions_of_clients_tests_are_answered) {
  expect({"eval", "rabbit_alarm:set_alarm({{resource_limit, memory, node()}, []})."}, "ok\n");
  BOOST_TEST(node.view.alarms.size() == 1u);
  expect({"eval", "rabbit_alarm:clear_alarm({resource_limit, memory, node()})."}, "ok\n");
  BOOST_TEST(node.view.alarms.empty());
  expect({"eval", "application:set_env(rabbit, channel_max, 2048)."}, "ok\n");
  BOOST_TEST(node.view.channel_max == 2048u);
  expect({"eval", "application:get_env(rabbit, loopback_users)."}, "{ok,[<<\"guest\">>]}\n");
  expect({"eval", "application:set_env(rabbit, loopback_users, [])."}, "ok\n");
  expect({"eval", "application:get_env(rabbit, loopback_users)."}, "{ok,[]}\n");
  expect({"eval", "application:set_env(rabbit, loopback_users, [<<\"guest\">>])."}, "ok\n");
  BOOST_TEST(!node.view.loopback_free);
}

BOOST_AUTO_TEST_CASE(other_expressions_are_refused) {
  for (const char* expression :
       {"1+1.", "application:set_env(rabbit, channel_max, 70000).", "application:set_env(rabbit, channel_max, 0).",
        "application:set_env(rabbit, loopback_users, [<<\"other\">>]).", "init:stop()."})
    expect_failure({"eval", expression}, 69,
                   "Error:\nthere is no Erlang here: eval answers only what clients' tests ask\n");
}

BOOST_AUTO_TEST_CASE(the_environment_is_erlang_terms) {
  expect({"environment"}, "Application environment of node rabbit@test ...\n[{rabbit,\n     [{channel_max,2047},\n"
                          "      {default_user,<<\"guest\">>},\n      {loopback_users,[<<\"guest\">>]}]}]\n");
}

BOOST_AUTO_TEST_SUITE_END()

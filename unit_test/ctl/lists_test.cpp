// What there is: columns and layouts of the lists (features.md O05), as rabbitmqctl prints them.
#include "lab.hpp"

BOOST_FIXTURE_TEST_SUITE(ctl_lists, test::lab)

BOOST_AUTO_TEST_CASE(arguments_look_like_erlang_terms_and_have_their_types_in_json) {
  expect({"-s", "list_queues", "name", "arguments"},
         "q0\t[{\"x-max-length\",5}]\nq1\t[{\"x-max-length\",5}]\nq2\t[{\"x-max-length\",5}]\n");
  const auto json = run({"list_queues", "--formatter", "json", "arguments"});
  BOOST_TEST(json.out.starts_with("[\n{\"arguments\":[[\"x-max-length\",\"signedint\",5]]}\n,"));
}

BOOST_AUTO_TEST_CASE(the_effective_policy_is_what_policy_and_operator_policy_say_together) {
  run({"set_policy", "p", "^q[01]", R"({"max-length":9,"message-ttl":100,"ha-mode":"exactly","ha-params":2})"});
  run({"set_operator_policy", "o", "^q1", R"({"max-length":3,"expires":5000,"ha-mode":"all"})"});
  expect({"list_queues", "--formatter", "json", "name", "effective_policy_definition"},
         R"([
{"name":"q0","effective_policy_definition":{"ha-mode":"exactly","ha-params":2,"max-length":9,"message-ttl":100}}
,{"name":"q1","effective_policy_definition":{"expires":5000,"ha-mode":"all","max-length":3,"message-ttl":100}}
,{"name":"q2","effective_policy_definition":{}}
]
)");
}

BOOST_AUTO_TEST_CASE(csv_quotes_every_cell) {
  const auto csv = run({"list_queues", "--formatter", "csv", "name", "arguments", "messages"});
  BOOST_TEST(csv.out.starts_with("\"name\",\"arguments\",\"messages\"\n\"q0\",\"[{\"\"x-max-length\"\",5}]\",\"1\"\n"));
}

BOOST_AUTO_TEST_CASE(a_pretty_table_has_a_frame) {
  expect({"list_users", "--formatter", "pretty_table"},
         "Listing users ...\n"
         "\033(0lqqqqqqqwqqqqqqqqqqqqqqqk\033(B\n"
         "\033(0x\033(B user  \033(0x\033(B tags          \033(0x\033(B\n"
         "\033(0tqqqqqqqnqqqqqqqqqqqqqqqu\033(B\n"
         "\033(0x\033(B guest \033(0x\033(B administrator \033(0x\033(B\n"
         "\033(0mqqqqqqqvqqqqqqqqqqqqqqqj\033(B\n");
}

BOOST_AUTO_TEST_CASE(lists_of_a_vhost_that_does_not_exist_are_empty) {
  expect({"list_queues", "-p", "/nope"}, "Timeout: 60.0 seconds ...\nListing queues for vhost /nope ...\n");
  expect({"list_queues", "-p", "/nope", "--formatter", "json"}, "[\n]\n");
  expect({"list_exchanges", "-p", "/nope"}, "Listing exchanges for vhost /nope ...\n");
  expect({"list_bindings", "-p", "/nope"}, "Listing bindings for vhost /nope...\n");
  expect({"list_consumers", "-p", "/nope"}, "Listing consumers in vhost /nope ...\n");
}

BOOST_AUTO_TEST_CASE(exchanges_have_their_properties) {
  const auto all = run({"-s", "list_exchanges", "name", "type", "durable", "auto_delete", "internal", "arguments"});
  for (const char* line : {"\tdirect\ttrue\tfalse\tfalse\t[]\n", "amq.topic\ttopic\ttrue\tfalse\tfalse\t[]\n",
                           "amq.match\theaders\ttrue\tfalse\tfalse\t[]\n"})
    BOOST_TEST(all.out.find(line) != std::string::npos, line);
  BOOST_TEST(run({"list_exchanges"}).out.starts_with("Listing exchanges for vhost / ...\nname\ttype\n"));
}

BOOST_AUTO_TEST_CASE(every_queue_is_bound_to_the_default_exchange) {
  node.view.apply(broker::bind{"/", {"amq.topic", "q1", false, "a.b", {}}});
  expect({"list_bindings"},
         "Listing bindings for vhost /...\n"
         "source_name\tsource_kind\tdestination_name\tdestination_kind\trouting_key\targuments\n"
         "\texchange\tq0\tqueue\tq0\t[]\n\texchange\tq1\tqueue\tq1\t[]\n\texchange\tq2\tqueue\tq2\t[]\n"
         "amq.topic\texchange\tq1\tqueue\ta.b\t[]\n");
}

BOOST_AUTO_TEST_CASE(consumers_name_their_channel) {
  expect({"list_consumers"}, "Listing consumers in vhost / ...\n"
                             "queue_name\tchannel_pid\tconsumer_tag\tack_required\tprefetch_count\tactive\targuments\n"
                             "q0\t<rabbit@test.1795415102.458753.0>\tct1\ttrue\t10\ttrue\t[{\"x-priority\",3}]\n");
  expect({"-s", "list_consumers", "activity_status"}, "up\n");
  expect({"-s", "list_channels", "pid"}, "<rabbit@test.1795415102.458753.0>\n");
}

BOOST_AUTO_TEST_CASE(flow_is_visible) {
  expect({"-s", "list_queues", "name", "state"}, "q0\trunning\nq1\trunning\nq2\tflow\n");
  expect({"-s", "list_channels", "user", "state"}, "guest\tflow\n");
}

BOOST_AUTO_TEST_CASE(options_of_other_commands_are_refused) {
  const auto got = run({"list_queues", "name", "--bogus=3", "--priority", "3"});
  BOOST_TEST(got.code == 64);
  BOOST_TEST(got.err.starts_with("Error (argument validation): Invalid options for this command:\n--bogus : \n"));
}

BOOST_AUTO_TEST_CASE(queues_that_do_not_answer_in_time_are_a_temporary_failure) {
  expect({"list_unresponsive_queues"}, "Listing unresponsive queues for vhost / ...\n");
  node.view.silent = true;
  BOOST_TEST(run({"list_queues", "-t", "0.2"}).code == 75);
}

BOOST_AUTO_TEST_CASE(a_report_is_every_page_and_list) {
  const auto got = run({"report"});
  BOOST_TEST(got.code == 0);
  for (const char* part :
       {"Reporting server status of node rabbit@test ...\n\n", "Status of node rabbit@test ...\nRuntime\n",
        "Cluster status of node rabbit@test ...\nBasics\n", "Application environment of node rabbit@test ...\n",
        "Listing queues for vhost / ...\nname\tdurable\t", "Listing permissions for vhost \"/\" ...\n",
        "Listing global runtime parameters ...\n"})
    BOOST_TEST(got.out.find(part) != std::string::npos, part);
  BOOST_TEST(run({"report", "--formatter", "json"}).code == 64);
}

BOOST_AUTO_TEST_SUITE_END()

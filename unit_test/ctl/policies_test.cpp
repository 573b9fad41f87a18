// Policies, operator policies and parameters (features.md O04), word for word as rabbitmqctl.
#include "lab.hpp"

BOOST_FIXTURE_TEST_SUITE(ctl_policies, test::lab)

BOOST_AUTO_TEST_CASE(a_policy_is_set_listed_and_cleared) {
  expect({"set_policy", "p1", "^a", "{\"max-length\":5,\"expires\":1000}", "--priority", "3", "--apply-to", "queues"},
         "Setting policy \"p1\" for pattern \"^a\" to \"{\"max-length\":5,\"expires\":1000}\" with priority \"3\" for "
         "vhost \"/\" ...\n");
  expect({"list_policies"},
         "Listing policies for vhost \"/\" ...\nvhost\tname\tpattern\tapply-to\tdefinition\tpriority\n"
         "/\tp1\t^a\tqueues\t{\"expires\":1000,\"max-length\":5}\t3\n");
  expect({"list_policies", "--formatter", "json"},
         "[\n{\"vhost\":\"/\",\"name\":\"p1\",\"pattern\":\"^a\",\"apply-to\":\"queues\",\"definition\":"
         "\"{\\\"expires\\\":1000,\\\"max-length\\\":5}\",\"priority\":3}\n]\n");
  expect({"clear_policy", "p1"}, "Clearing policy \"p1\" on vhost \"/\" ...\n");
  expect_failure({"clear_policy", "p1"}, 69, "Error:\nParameter does not exist\n");
  expect({"list_policies"}, "Listing policies for vhost \"/\" ...\n\n");
}

BOOST_AUTO_TEST_CASE(an_operator_policy_is_its_own_list) {
  expect({"set_operator_policy", "o1", "^a", "{\"max-length\":5}", "--priority", "1", "--apply-to", "queues"},
         "Setting operator policy override \"o1\" for pattern \"^a\" to \"{\"max-length\":5}\" with priority \"1\" for "
         "vhost \"/\" ...\n");
  expect({"-s", "list_operator_policies"}, "/\to1\t^a\tqueues\t{\"max-length\":5}\t1\n");
  expect({"-s", "list_policies"}, "\n");
  expect({"clear_operator_policy", "o1"}, "Clearing operator policy \"o1\" on vhost \"/\" ...\n");
  expect_failure({"clear_operator_policy", "o1"}, 69, "Error:\nParameter does not exist\n");
}

BOOST_AUTO_TEST_CASE(a_policy_of_a_queue_is_shown_with_it) {
  run({"set_policy", "p1", "^q1", "{\"max-length\":7}"});
  expect({"-s", "list_queues", "name", "policy"}, "q0\t\nq1\tp1\nq2\t\n");
}

BOOST_AUTO_TEST_CASE(policies_are_refused_with_rabbitmqs_words) {
  const auto priority = run({"set_policy", "p1", "^a", "{\"max-length\":5}", "--priority", "x"});
  BOOST_TEST(priority.code == 64);
  BOOST_TEST(
    priority.err.starts_with("Error (argument validation): Invalid options for this command:\n--priority : x\n"));
  expect_failure({"set_policy", "-p", "/nope", "p1", "^a", "{\"max-length\":5}"}, 65,
                 "Virtual host '/nope' does not exist\n");
  expect_failure({"set_policy", "p1", "^a", "notjson"}, 69, "Error:\nJSON decoding error. Reason: badarg\n");
  for (const char* definition : {"{\"nosuch\":1}", "{\"max-length\":\"x\"}", "{}"}) {
    const auto got = run({"set_policy", "p1", "^a", definition});
    BOOST_TEST(got.code == 69);
    BOOST_TEST(got.err.starts_with("Error:\nValidation failed\n\n"), got.err);
  }
}

BOOST_AUTO_TEST_CASE(global_parameters_are_set_listed_and_cleared) {
  expect({"set_global_parameter", "cluster_tags", "{\"a\":\"b\"}"},
         "Setting global runtime parameter \"cluster_tags\" to \"{\"a\":\"b\"}\" ...\n");
  const auto listed = run({"list_global_parameters"});
  BOOST_TEST(listed.out.starts_with("Listing global runtime parameters ...\nname\tvalue\n"));
  BOOST_TEST(listed.out.find("cluster_tags\t{\"a\":\"b\"}\n") != std::string::npos);
  expect({"clear_global_parameter", "cluster_tags"}, "Clearing global runtime parameter \"cluster_tags\" ...\n");
  expect_failure({"clear_global_parameter", "cluster_tags"}, 69, "Error:\nParameter does not exist\n");
  expect_failure({"set_global_parameter", "x", "notjson"}, 69, "Error:\nJSON decoding error. Reason: badarg\n");
}

BOOST_AUTO_TEST_CASE(parameters_of_unknown_components_are_refused) {
  expect_failure({"set_parameter", "nosuch", "x", "{}"}, 69,
                 "Error:\nValidation failed\n\ncomponent nosuch not found\n");
  expect_failure({"set_parameter", "nosuch", "x", "notjson"}, 69, "Error:\nJSON decoding error. Reason: badarg\n");
  expect_failure({"clear_parameter", "nosuch", "x"}, 69, "Error:\nParameter does not exist\n");
  expect({"list_parameters"}, "Listing runtime parameters for vhost \"/\" ...\n\n");
  expect_failure({"list_parameters", "-p", "/nope"}, 65, "Virtual host '/nope' does not exist\n");
}

BOOST_AUTO_TEST_SUITE_END()

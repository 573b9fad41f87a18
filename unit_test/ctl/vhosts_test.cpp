// Virtual hosts, their limits and tracing (features.md O03), word for word as rabbitmqctl.
#include "lab.hpp"

BOOST_FIXTURE_TEST_SUITE(ctl_vhosts, test::lab)

BOOST_AUTO_TEST_CASE(a_vhost_is_added_described_and_deleted) {
  expect({"add_vhost", "v1", "--description", "my vhost", "--tags", "a,b", "--default-queue-type", "quorum"},
         "Adding vhost \"v1\" ...\n");
  expect({"-q", "list_vhosts", "name", "description", "tags", "default_queue_type", "tracing", "cluster_state"},
         "name\tdescription\ttags\tdefault_queue_type\ttracing\tcluster_state\n"
         "/\tDefault virtual host\t[]\tundefined\tfalse\t[{rabbit@test, running}]\n"
         "v1\tmy vhost\t[a, b]\tquorum\tfalse\t[{rabbit@test, running}]\n");
  expect({"set_vhost_tags", "v1", "c", "d"}, "Setting tags for virtual host \"v1\" to [c, d] ...\n");
  expect({"add_vhost", "v1"}, "Adding vhost \"v1\" ...\n");
  expect({"-s", "list_vhosts", "name", "tags"}, "/\t[]\nv1\t[c, d]\n");
  expect({"delete_vhost", "v1"}, "Deleting vhost \"v1\" ...\n");
  expect_failure({"delete_vhost", "v1"}, 65, "Virtual host 'v1' does not exist\n");
}

BOOST_AUTO_TEST_CASE(what_a_vhost_cannot_have_is_refused_by_name) {
  expect_failure({"add_vhost", "v1", "--default-queue-type", "nosuch"}, 69, "Error:\ninvalid_queue_type\n");
  expect_failure({"set_vhost_tags", "nosuch", "a"}, 65, "Error:\nVirtual host \"nosuch\" does not exist\n");
  BOOST_TEST(run({"list_vhosts", "bogus"}).code == 64);
}

BOOST_AUTO_TEST_CASE(vhost_limits_are_replaced_listed_and_cleared) {
  run({"add_vhost", "v1"});
  expect({"set_vhost_limits", "-p", "v1", "{\"max-connections\": 10, \"max-queues\": 5}"},
         "Setting vhost limits to \"{\"max-connections\": 10, \"max-queues\": 5}\" for vhost \"v1\" ...\n");
  expect({"list_vhost_limits", "-p", "v1"},
         "Listing limits for vhost \"v1\" ...\n{\"max-connections\":10,\"max-queues\":5}\n");
  expect(
    {"list_vhost_limits", "-p", "v1", "--formatter", "json"},
    "{\"node\":\"rabbit@test\",\"result\":\"ok\",\"value\":\"{\\\"max-connections\\\":10,\\\"max-queues\\\":5}\"}\n");
  expect({"list_vhost_limits", "--global"},
         "Listing limits for all vhosts ...\nvhost\tlimits\nv1\t{\"max-connections\":10,\"max-queues\":5}\n");
  expect({"list_vhost_limits"}, "Listing limits for vhost \"/\" ...\n\n");
  expect({"clear_vhost_limits", "-p", "v1"}, "Clearing vhost \"v1\" limits ...\n");
  expect_failure({"clear_vhost_limits", "-p", "v1"}, 69, "Error:\nParameter does not exist\n");
}

BOOST_AUTO_TEST_CASE(vhost_limits_are_refused_with_rabbitmqs_words) {
  expect_failure({"set_vhost_limits", "{\"bogus\": 10}"}, 69,
                 "Error:\nValidation failed\n\nUnrecognised terms [{<<\"bogus\">>,10}] in limits\n\n");
  expect_failure({"set_vhost_limits", "notjson"}, 69, "Error:\nJSON decoding error. Reason: badarg\n");
  expect_failure({"set_vhost_limits", "-p", "/nope", "{}"}, 65, "Virtual host '/nope' does not exist\n");
  expect_failure({"list_vhost_limits", "-p", "/nope"}, 65, "Virtual host '/nope' does not exist\n");
}

BOOST_AUTO_TEST_CASE(tracing_is_switched_per_vhost) {
  expect({"trace_on"}, "Starting tracing for vhost \"/\" ...\nTrace enabled for vhost /\n");
  expect({"-s", "list_vhosts", "name", "tracing"}, "/\ttrue\n");
  expect({"trace_off"}, "Stopping tracing for vhost \"/\" ...\nTrace disabled for vhost /\n");
  expect({"-s", "list_vhosts", "name", "tracing"}, "/\tfalse\n");
}

BOOST_AUTO_TEST_CASE(a_vhost_that_runs_needs_no_restart) {
  expect({"restart_vhost"}, "Trying to restart vhost '/' on node 'rabbit@test' ...\nVhost '/' is already running on "
                            "node 'rabbit@test'\n");
  expect_failure({"restart_vhost", "-p", "/nope"}, 70,
                 "Error:\nFailed to start vhost '/nope' on node 'rabbit@test'Reason: {:no_such_vhost, \"/nope\"}\n");
}

BOOST_AUTO_TEST_SUITE_END()

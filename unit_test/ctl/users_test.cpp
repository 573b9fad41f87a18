// Users, permissions, topic permissions and user limits (features.md O02, O10), word for word as rabbitmqctl.
#include "lab.hpp"

BOOST_FIXTURE_TEST_SUITE(ctl_users, test::lab)

BOOST_AUTO_TEST_CASE(an_empty_name_is_a_bad_argument) {
  const auto got = run({"add_user", "", "p"});
  BOOST_TEST(got.code == 65);
  BOOST_TEST(got.err.starts_with("Error (argument validation): Bad argument: user cannot be an empty string\n"));
}

BOOST_AUTO_TEST_CASE(a_cleared_password_lets_nobody_in) {
  run({"add_user", "u1", "p1"});
  expect({"authenticate_user", "u1", "p1"}, "Authenticating user \"u1\" ...\nSuccess\n");
  expect({"clear_password", "u1"}, "Clearing password for user \"u1\" ...\n");
  BOOST_TEST(run({"authenticate_user", "u1", "p1"}).code == 65);
  BOOST_TEST(run({"authenticate_user", "u1", ""}).code == 65);
  expect_failure({"clear_password", "nobody"}, 69, "Error:\n{:no_such_user, \"nobody\"}\n");
}

BOOST_AUTO_TEST_CASE(a_changed_password_keeps_the_tags) {
  run({"add_user", "u1", "p1"});
  expect({"set_user_tags", "u1", "management", "policymaker"},
         "Setting tags for user \"u1\" to [management, policymaker] ...\n");
  run({"change_password", "u1", "p2"});
  expect({"-q", "list_users"}, "user\ttags\nguest\t[administrator]\nu1\t[management, policymaker]\n");
  BOOST_TEST(run({"authenticate_user", "u1", "p2"}).code == 0);
  expect({"set_user_tags", "u1"}, "Setting tags for user \"u1\" to [] ...\n");
}

BOOST_AUTO_TEST_CASE(a_hash_is_one_that_the_node_accepts) {
  const auto hash = run({"-q", "hash_password", "secret"});
  BOOST_TEST(hash.code == 0);
  std::string text = hash.out;
  text.pop_back();
  BOOST_TEST(run({"add_user", "hashed", text.c_str(), "--pre-hashed-password"}).code == 0);
  BOOST_TEST(run({"authenticate_user", "hashed", "secret"}).code == 0);
  BOOST_TEST(run({"authenticate_user", "hashed", text.c_str()}).code == 65);
}

BOOST_AUTO_TEST_CASE(permissions_of_a_user_without_any_are_an_empty_line) {
  run({"add_user", "u1", "p1"});
  expect({"list_user_permissions", "u1"}, "Listing permissions for user \"u1\" ...\n\n");
  expect({"list_user_permissions", "u1", "--formatter", "json"}, "[]\n");
  expect({"set_permissions", "u1", "^a", "", ".*"}, "Setting permissions for user \"u1\" in vhost \"/\" ...\n");
  expect({"list_user_permissions", "u1"},
         "Listing permissions for user \"u1\" ...\nvhost\tconfigure\twrite\tread\n/\t^a\t\t.*\n");
  expect_failure({"list_user_permissions", "nobody"}, 69, "Error:\n{:no_such_user, \"nobody\"}\n");
  expect_failure({"clear_permissions", "nobody"}, 67, "Error:\nUser nobody does not exist\n");
}

BOOST_AUTO_TEST_CASE(topic_permissions_are_set_listed_and_cleared) {
  run({"add_user", "u1", "p1"});
  expect({"set_topic_permissions", "u1", "amq.topic", "^a", "^b"},
         "Setting topic permissions on \"amq.topic\" for user \"u1\" in vhost \"/\" ...\n");
  run({"set_topic_permissions", "u1", "other", "^c", "^d"});
  expect({"-q", "list_topic_permissions"}, "user\texchange\twrite\tread\nu1\tamq.topic\t^a\t^b\nu1\tother\t^c\t^d\n");
  expect({"clear_topic_permissions", "u1", "other"},
         "Clearing topic permissions on \"other\" for user \"u1\" in vhost \"/\" ...\n");
  expect({"-s", "list_user_topic_permissions", "u1"}, "/\tamq.topic\t^a\t^b\n");
  expect({"clear_topic_permissions", "u1"}, "Clearing topic permissions for user \"u1\" in vhost \"/\" ...\n");
  expect({"list_topic_permissions"}, "Listing topic permissions for vhost \"/\" ...\n\n");
}

BOOST_AUTO_TEST_CASE(topic_permissions_are_refused_with_rabbitmqs_words) {
  expect_failure({"set_topic_permissions", "nobody", "amq.topic", "", ""}, 67, "Error:\nUser nobody does not exist\n");
  expect_failure({"set_topic_permissions", "-p", "/nope", "guest", "amq.topic", "", ""}, 69,
                 "Error:\nVirtual host /nope does not exist\n");
  expect_failure({"set_topic_permissions", "guest", "amq.topic", "[", ""}, 69,
                 "Error:\n{:invalid_regexp, \"[\", {'missing terminating ] for character class', 1}}\n");
  expect_failure({"list_topic_permissions", "-p", "/nope"}, 65, "Virtual host '/nope' does not exist\n");
  expect_failure({"list_user_topic_permissions", "nobody"}, 69, "Error:\n{:no_such_user, \"nobody\"}\n");
}

BOOST_AUTO_TEST_CASE(user_limits_are_set_one_by_one) {
  expect({"set_user_limits", "guest", "{\"max-connections\": 10}"},
         "Setting user limits to \"{\"max-connections\": 10}\" for user \"guest\" ...\n");
  run({"set_user_limits", "guest", "{\"max-channels\": 5}"});
  expect({"list_user_limits", "--user", "guest"},
         "Listing limits for user \"guest\" ...\n{\"max-channels\":5,\"max-connections\":10}\n");
  expect({"list_user_limits", "--global"},
         "Listing limits for all users ...\nuser\tlimits\nguest\t{\"max-channels\":5,\"max-connections\":10}\n");
  expect({"clear_user_limits", "guest", "max-channels"}, "Clearing \"max-channels\" limit for user \"guest\" ...\n");
  expect({"-q", "list_user_limits"}, "{\"max-connections\":10}\n");
  expect({"clear_user_limits", "guest", "all"}, "Clearing all limits for user \"guest\" ...\n");
  expect({"-q", "list_user_limits"}, "{}\n");
}

BOOST_AUTO_TEST_CASE(user_limits_are_refused_with_rabbitmqs_words) {
  expect_failure({"set_user_limits", "guest", "{\"bogus\": 10}"}, 69,
                 "Error:\nUnrecognised terms [{<<\"bogus\">>,10}] in user-limits\n");
  expect_failure({"set_user_limits", "guest", "{\"max-channels\": \"x\"}"}, 69,
                 "Error:\nmax-channels should be a number, actually was <<\"x\">>\n");
  expect_failure({"set_user_limits", "guest", "x"}, 69, "Error:\nJSON decoding error. Reason: badarg\n");
  expect_failure({"set_user_limits", "nobody", "{}"}, 69, "Error:\n{:no_such_user, \"nobody\"}\n");
  expect_failure({"list_user_limits", "--user", "nobody"}, 69, "Error:\n{:no_such_user, \"nobody\"}\n");
}

BOOST_AUTO_TEST_SUITE_END()

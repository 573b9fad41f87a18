#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

using namespace metadata_test;

namespace access_control {
namespace {

std::string refusal(const result<void>& what) {
  return what.ok() ? "" : what.error().text;
}

} // namespace
} // namespace access_control

BOOST_AUTO_TEST_SUITE(access_control)

BOOST_AUTO_TEST_CASE(hashes_are_rabbitmqs) {
  // Salt 90 8D C6 0A and password "test12", the worked example of RabbitMQ's documentation on password hashing.
  BOOST_TEST(hash_password("test12", "\x90\x8d\xc6\x0a") == "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR");
}

BOOST_AUTO_TEST_CASE(only_the_right_password_logs_in) {
  world w;
  w.must(first_start());
  w.must(put_user{{"nopass", "", {}}});
  w.must(put_user{{"broken", "not a hash", {}}});
  w.must(put_user{{"blank", hash_password("", "salt"), {}}});
  const snapshot_ptr now = w.state.snapshot();
  const auto guest = now->authenticate("guest", "guest", true);
  BOOST_REQUIRE(guest.ok());
  BOOST_TEST(guest->user == "guest");
  BOOST_TEST(guest->has_tag("administrator"));
  BOOST_TEST(!guest->has_tag("monitoring"));
  const std::pair<const char*, const char*> wrong[] = {{"guest", "Guest"}, {"guest", ""}, {"nobody", "guest"},
                                                       {"nopass", ""},     {"blank", ""}, {"broken", "not a hash"}};
  for (const auto& [user, password] : wrong)
    BOOST_TEST_CONTEXT(user << "/" << password) {
      const auto refused = now->authenticate(user, password, true);
      BOOST_REQUIRE(!refused.ok());
      BOOST_TEST(refused.error().code == 403);
      BOOST_TEST(refused.error().text == "user '" + std::string{user} + "' - invalid credentials");
    }
}

BOOST_AUTO_TEST_CASE(guest_comes_from_loopback_only) {
  world w;
  w.must(first_start());
  w.must(put_user{{"ann", hash_password("secret", "salt"), {}}});
  const snapshot_ptr now = w.state.snapshot();
  const auto remote = now->authenticate("guest", "guest", false);
  BOOST_REQUIRE(!remote.ok());
  BOOST_TEST(remote.error().text == "user 'guest' can only connect via localhost");
  BOOST_TEST(now->authenticate("guest", "wrong", false).error().text == "user 'guest' - invalid credentials");
  BOOST_TEST(now->authenticate("ann", "secret", false).ok());
}

BOOST_AUTO_TEST_CASE(a_vhost_opens_only_with_a_permission_row) {
  world w;
  w.must(first_start());
  w.must(put_user{{"ann", hash_password("secret", "salt"), {}}});
  const login ann{"ann", {}};
  BOOST_TEST(refusal(w.state.snapshot()->open_vhost({"guest", {}}, "/")) == "");
  BOOST_TEST(refusal(w.state.snapshot()->open_vhost(ann, "v1")) == "NOT_ALLOWED - vhost v1 not found");
  BOOST_TEST(refusal(w.state.snapshot()->open_vhost(ann, "/"))
             == "NOT_ALLOWED - access to vhost '/' refused for user 'ann'");
  w.must(set_permission{"/", "ann", {"", "", ""}});
  BOOST_TEST(refusal(w.state.snapshot()->open_vhost(ann, "/")) == "");
  w.must(clear_permission{"/", "ann"});
  BOOST_TEST(!w.state.snapshot()->open_vhost(ann, "/").ok());
}

BOOST_AUTO_TEST_CASE(expressions_are_unanchored_and_an_empty_one_means_nothing) {
  world w;
  w.must(put_user{{"ann", "", {}}});
  w.must(set_permission{"/", "ann", {"", "^a\\.", "q"}});
  const snapshot_ptr now = w.state.snapshot();
  const login ann{"ann", {}};
  const auto may = [&](const char* name, broker::access how) {
    return now->authorise(ann, "/", resource_kind::queue, name, how).ok();
  };
  BOOST_TEST(!may("a.q", broker::access::configure));
  BOOST_TEST(may("", broker::access::configure)); // ^$ matches the empty name
  BOOST_TEST(may("a.q", broker::access::write));
  BOOST_TEST(!may("ba.q", broker::access::write));
  BOOST_TEST(may("xqx", broker::access::read));
  BOOST_TEST(!may("x", broker::access::read));
  BOOST_TEST(refusal(now->authorise(ann, "/", resource_kind::queue, "x", broker::access::read))
             == "ACCESS_REFUSED - read access to queue 'x' in vhost '/' refused for user 'ann'");
  BOOST_TEST(refusal(now->authorise(ann, "/", resource_kind::exchange, "", broker::access::write))
             == "ACCESS_REFUSED - write access to exchange 'amq.default' in vhost '/' refused for user 'ann'");
  BOOST_TEST(!now->authorise({"nobody", {}}, "/", resource_kind::queue, "q", broker::access::read).ok());
  BOOST_TEST(!now->authorise(ann, "v1", resource_kind::queue, "q", broker::access::read).ok());
}

BOOST_AUTO_TEST_CASE(names_are_octets_to_expressions) {
  world w;
  w.must(put_user{{"ann", "", {}}});
  w.must(set_permission{"/", "ann", {".*", "^.$", ".*"}});
  const login ann{"ann", {}};
  const std::string odd("\xff", 1);
  BOOST_TEST(w.state.snapshot()->authorise(ann, "/", resource_kind::queue, odd, broker::access::write).ok());
  BOOST_TEST(w.state.snapshot()->authorise(ann, "/", resource_kind::queue, "a\nb", broker::access::configure).ok());
}

BOOST_AUTO_TEST_CASE(operators_are_answered_in_rabbitmqctls_words) {
  world w;
  w.must(put_user{{"ann", "", {}}, true});
  BOOST_TEST(w.refusal(put_user{{"ann", "", {}}, true}) == "User \"ann\" already exists");
  BOOST_TEST(w.refusal(put_user{{"bob", "", {}}, false, true}) == "User \"bob\" does not exist");
  BOOST_TEST(w.refusal(delete_user{"bob"}) == "User \"bob\" does not exist");
  BOOST_TEST(w.refusal(set_permission{"/", "bob", {".*", ".*", ".*"}}) == "User bob does not exist");
  BOOST_TEST(w.refusal(set_permission{"/nope", "ann", {".*", ".*", ".*"}}) == "Virtual host /nope does not exist");
  BOOST_TEST(w.refusal(set_permission{"/", "ann", {"[", ".*", ".*"}}).substr(0, 23) == "{:invalid_regexp, '[', ");
  BOOST_TEST(w.refusal(clear_permission{"/", "ann"}) == "");
}

BOOST_AUTO_TEST_CASE(tags_and_passwords_change_apart) {
  world w;
  w.must(put_user{{"ann", hash_password("one", "salt"), {"monitoring"}}, true});
  w.must(put_user{{"ann", hash_password("two", "salt"), {}}, false, true, false, true}); // change_password
  w.must(put_user{{"ann", "", {"management"}}, false, true, true, false});               // set_user_tags
  const auto ann = w.state.snapshot()->authenticate("ann", "two", true);
  BOOST_REQUIRE(ann.ok());
  BOOST_TEST(ann->tags == std::vector<std::string>{"management"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_deleted_user_loses_its_permissions_and_stays_deleted) {
  world w;
  w.must(first_start());
  w.must(delete_user{"guest"});
  w.must(first_start());
  BOOST_TEST(!w.state.snapshot()->authenticate("guest", "guest", true).ok());
  w.must(put_user{{"guest", "", {}}});
  BOOST_TEST(!w.state.snapshot()->open_vhost({"guest", {}}, "/").ok());
}

BOOST_AUTO_TEST_CASE(imported_hashes_of_other_algorithms_are_understood) {
  world w;
  user_record ann{"ann", "", {}};
  // salt "salt", password "secret"
  ann.hashing = "rabbit_password_hashing_sha512";
  ann.password_hash = "c2FsdJkBhH/4x2vV+0c7e9Lk9N3REDMqUqiI/WnesnZhOIXd84LlzxIQ7Q3s24AQrjmUMxqeBjnDyn6eixEN1Ql4znY=";
  w.must(put_user{ann});
  const auto may_enter = [&](const char* password) {
    return w.state.snapshot()->authenticate("ann", password, true).ok();
  };
  BOOST_TEST(may_enter("secret"));
  BOOST_TEST(!may_enter("Secret"));
  ann.hashing = "rabbit_password_hashing_md5";
  ann.password_hash = "c2FsdNQqD3Qv/Bvk4cwIRcJCnJc=";
  w.must(put_user{ann});
  BOOST_TEST(may_enter("secret"));
  BOOST_TEST(!may_enter("other"));
  ann.password_hash = "c2FsdA==";
  w.must(put_user{ann});
  BOOST_TEST(!may_enter("secret")); // not a hash
  ann.hashing = "rot13";
  BOOST_TEST(w.refusal(put_user{ann}) == "Hashing algorithm rot13 is not known");
}

BOOST_AUTO_TEST_CASE(topic_permissions_filter_routing_keys_of_one_exchange) {
  world w;
  w.must(put_user{{"a.nn", "", {}}});
  w.must(set_topic_permission{"/", "a.nn", {"amq.topic", "^{username}\\.out$", ""}});
  const snapshot_ptr now = w.state.snapshot();
  const exchange_ptr topic = now->find_exchange("/", "amq.topic");
  const login ann{"a.nn", {}};
  BOOST_TEST(now->authorise_topic(ann, *topic, broker::access::write, "a.nn.out").ok());
  BOOST_TEST(!now->authorise_topic(ann, *topic, broker::access::write, "axnn.out").ok()); // a name is no pattern
  BOOST_TEST(now->authorise_topic({"bob", {}}, *topic, broker::access::write, "x").ok());
  BOOST_TEST(now->authorise_topic(ann, *now->find_exchange("/", "amq.direct"), broker::access::write, "x").ok());
  BOOST_TEST(refusal(now->authorise_topic(ann, *topic, broker::access::read, "k"))
             == "ACCESS_REFUSED - read access to topic 'k' in exchange 'amq.topic' in vhost '/' refused for "
                "user 'a.nn'");
  BOOST_TEST(w.refusal(set_topic_permission{"/", "a.nn", {"x", "[", ""}}).starts_with("{:invalid_regexp, '['"));
}

BOOST_AUTO_TEST_CASE(a_client_id_stands_for_itself_only_where_there_is_one) {
  world w;
  w.must(put_user{{"ann", "", {}}});
  w.must(set_topic_permission{"/", "ann", {"amq.topic", "^{client_id}-", ".*"}});
  const exchange_ptr topic = w.state.snapshot()->find_exchange("/", "amq.topic");
  const auto may = [&](const std::string& client, const std::string& key) {
    return w.state.snapshot()->authorise_topic({"ann", {}, client}, *topic, broker::access::write, key).ok();
  };
  BOOST_TEST(may("c1", "c1-x"));
  BOOST_TEST(!may("c1", "c2-x"));
  BOOST_TEST(!may("", "-x"));
}

BOOST_AUTO_TEST_CASE(a_vhosts_queues_are_limited) {
  world w;
  w.must(set_vhost_limits{"/", {{"max-queues", 1}}});
  w.must(declare_queue{queue("q")});
  w.must(declare_queue{queue("q")});
  BOOST_TEST(w.refusal(declare_queue{queue("r")})
             == "PRECONDITION_FAILED - cannot declare queue 'r': queue limit in vhost '/' (1) is reached");
  w.must(set_vhost_limits{"/", {}});
  w.must(declare_queue{queue("r")});
}

BOOST_AUTO_TEST_SUITE_END()

// Virtual hosts, limits, parameters and topic permissions (features.md O28-O34).
#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

using namespace metadata_test;

namespace vhosts {
namespace {

put_vhost vhost_of(std::string name) {
  put_vhost out;
  out.vhost.name = std::move(name);
  return out;
}

} // namespace
} // namespace vhosts

BOOST_AUTO_TEST_SUITE(vhosts)

BOOST_AUTO_TEST_CASE(a_new_vhost_has_its_built_in_exchanges_and_nobody_may_enter) {
  world w;
  w.must(first_start());
  w.changes.clear();
  BOOST_TEST(w.apply(vhost_of("v")).created);
  BOOST_TEST(w.state.snapshot()->find_exchange("v", "amq.topic") != nullptr);
  BOOST_TEST(!w.state.snapshot()->open_vhost({"guest", {}}, "v").ok());
  BOOST_REQUIRE_EQUAL(w.changes.size(), 1u);
  BOOST_TEST((w.changes[0].what == metadata_change::kind::vhost_created && w.changes[0].name == "v"));
  put_vhost again = vhost_of("v");
  again.vhost.description = "words";
  BOOST_TEST(!w.apply(again).created);
  BOOST_TEST(w.state.snapshot()->find_vhost("v")->description == "words");
  again.must_be_new = true;
  BOOST_TEST(w.refusal(again) == "Virtual host \"v\" already exists");
}

BOOST_AUTO_TEST_CASE(a_deleted_vhost_takes_everything_with_it) {
  world w;
  w.must(first_start());
  w.must(vhost_of("v"));
  queue_record q = queue("q");
  q.vhost = "v";
  q.exclusive = true;
  q.owner = 4;
  w.must(declare_queue{q});
  w.must(bind{"v", binding("amq.topic", "q", "a"), 4});
  w.must(set_permission{"v", "guest", {".*", ".*", ".*"}});
  w.changes.clear();
  w.must(delete_vhost{"v"});
  BOOST_TEST(!w.state.snapshot()->vhost_exists("v"));
  BOOST_REQUIRE_EQUAL(w.changes.size(), 2u);
  BOOST_TEST((w.changes[0].what == metadata_change::kind::queue_deleted));
  BOOST_TEST((w.changes[1].what == metadata_change::kind::vhost_deleted && w.changes[1].name == "v"));
  w.must(vhost_of("v")); // and nothing of it comes back
  BOOST_TEST(w.bindings() == 0u);
  BOOST_TEST(!w.state.snapshot()->open_vhost({"guest", {}}, "v").ok());
  w.must(declare_queue{q});
  w.must(delete_exclusive_queues{4});
  BOOST_TEST(w.refusal(delete_vhost{"nope"}) == "Virtual host 'nope' does not exist");
}

BOOST_AUTO_TEST_CASE(limits_and_tracing_survive_a_new_description) {
  world w;
  w.must(vhost_of("v"));
  w.must(set_vhost_limits{"v", {{"max-queues", 3}}});
  w.must(set_tracing{"v", true});
  w.must(vhost_of("v"));
  const auto record = w.state.snapshot()->find_vhost("v");
  BOOST_TEST(record->limits.at("max-queues") == 3);
  BOOST_TEST(record->tracing);
  BOOST_TEST(w.refusal(set_vhost_limits{"v", {{"max-odd", 1}}})
             == "Validation failed\n\nUnrecognised terms [{<<\"max-odd\">>,1}] in limits");
  BOOST_TEST(w.refusal(set_tracing{"nope", true}) == "Virtual host nope does not exist");
}

BOOST_AUTO_TEST_CASE(a_users_limits_survive_a_new_password) {
  world w;
  w.must(first_start());
  w.must(set_user_limits{"guest", {{"max-channels", 3}}});
  w.must(put_user{{"guest", hash_password("new", "salt"), {}}});
  BOOST_TEST(w.state.snapshot()->find_user("guest")->limits.at("max-channels") == 3);
  BOOST_TEST(w.refusal(set_user_limits{"nope", {}}) == "User \"nope\" does not exist");
}

BOOST_AUTO_TEST_CASE(a_deleted_user_is_announced_and_its_topic_permissions_go) {
  world w;
  w.must(first_start());
  w.must(set_topic_permission{"/", "guest", {"amq.topic", "^a", "^b"}});
  w.changes.clear();
  w.must(delete_user{"guest"});
  BOOST_REQUIRE_EQUAL(w.changes.size(), 1u);
  BOOST_TEST((w.changes[0].what == metadata_change::kind::user_deleted && w.changes[0].name == "guest"));
  size_t left = 0;
  w.state.snapshot()->for_each_topic_permission(
    [&](std::string_view, std::string_view, const topic_permission&) { ++left; });
  BOOST_TEST(left == 0u);
}

BOOST_AUTO_TEST_CASE(parameters_are_kept_as_canonical_json) {
  world w;
  w.must(set_parameter{{"/", "shovel", "s", R"({"b": 1, "a": 2})"}});
  w.must(set_parameter{{"", "", "cluster_name", R"("rabbit")"}});
  std::string seen;
  w.state.snapshot()->for_each_parameter([&](const parameter_record& one) { seen += one.name + one.value; });
  w.state.snapshot()->for_each_global_parameter([&](const parameter_record& one) { seen += one.name + one.value; });
  BOOST_TEST(seen == R"(s{"a":2,"b":1}cluster_name"rabbit")");
  BOOST_TEST(w.refusal(set_parameter{{"/", "nosuch", "x", "{}"}}) == "Validation failed\n\ncomponent nosuch not found");
  BOOST_TEST(w.refusal(clear_parameter{"/", "shovel", "t"}) == "Parameter does not exist");
  w.must(clear_parameter{"/", "shovel", "s"});
  w.must(clear_parameter{"", "", "cluster_name"});
  std::string deep(200, '[');
  BOOST_TEST(w.refusal(set_parameter{{"", "", "deep", deep + std::string(200, ']')}}) == "JSON nested deeper than 32");
}

BOOST_AUTO_TEST_SUITE_END()

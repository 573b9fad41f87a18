// Definitions files (features.md O28).
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "fixture.hpp"
#include "metadata/definitions.hpp"

using namespace metadata_test;

namespace definitions {
namespace {

const definitions_context here{"rabbit@localhost", "", [] { return std::string{"salt"}; }};

void import(world& into, const std::string& text, const definitions_context& context = here) {
  auto read = read_definitions(text, *into.state.snapshot(), context);
  BOOST_REQUIRE_MESSAGE(read.ok(), (read ? std::string{} : read.error().text));
  for (const command& one : read->commands)
    into.must(one);
}

std::string exported(const world& of, std::string_view vhost = {}) {
  return write_definitions(*of.state.snapshot(), {"3.13.7", "Warren", "0.1"}, vhost);
}

std::string refusal(const std::string& text) {
  const world w;
  const auto read = read_definitions(text, *w.state.snapshot(), here);
  return read ? std::string{} : read.error().text;
}

/// As RabbitMQ 3.10 with management exports a mirrored set-up, shortened.
const char* const from_rabbitmq = R"({
  "rabbit_version": "3.10.8", "rabbitmq_version": "3.10.8", "product_name": "RabbitMQ", "product_version": "3.10.8",
  "users": [{"hashing_algorithm": "rabbit_password_hashing_sha256", "limits": {"max-channels": 9}, "name": "ann",
             "password_hash": "c2FsdBPC7tsMVqBnVsI0vXsSXJNHbJh4XZgkXQTVBbCl6VLj", "tags": ["administrator"]},
            {"name": "old", "password_hash": "", "tags": "monitoring,policymaker", "strange": 1}],
  "vhosts": [{"name": "/"}, {"name": "v", "limits": [], "metadata": {"description": "d", "tags": ["t"],
              "default_queue_type": "quorum"}}],
  "permissions": [{"configure": ".*", "read": ".*", "user": "ann", "vhost": "v", "write": ".*"}],
  "topic_permissions": [{"exchange": "amq.topic", "read": "^r", "user": "ann", "vhost": "v", "write": "^w"}],
  "parameters": [{"component": "vhost-limits", "name": "limits", "value": {"max-queues": 40}, "vhost": "v"},
                 {"component": "operator_policy", "name": "op", "vhost": "/",
                  "value": {"apply-to": "queues", "definition": {"max-length": 5}, "pattern": ".*", "priority": 1}},
                 {"component": "shovel", "name": "s", "value": {"src-uri": "amqp://"}, "vhost": "/"}],
  "global_parameters": [{"name": "cluster_name", "value": "rabbit@one"}],
  "policies": [{"apply-to": "queues", "name": "ha", "pattern": "^m", "priority": 0, "vhost": "/",
                "definition": {"ha-mode": "exactly", "ha-params": 2, "ha-sync-mode": "automatic"}}],
  "queues": [{"arguments": {"x-max-priority": 9}, "auto_delete": false, "durable": true, "name": "m1", "vhost": "/"},
             {"arguments": {}, "auto_delete": false, "durable": true, "name": "q", "vhost": "v"},
             {"arguments": {}, "auto_delete": false, "durable": true, "name": "amq.gen-1", "vhost": "/"}],
  "exchanges": [{"arguments": {"alternate-exchange": "amq.fanout"}, "auto_delete": false, "durable": true,
                 "internal": false, "name": "x", "type": "topic", "vhost": "/"}],
  "bindings": [{"arguments": {}, "destination": "m1", "destination_type": "queue", "routing_key": "k", "source": "x",
                "vhost": "/"}]
})";

} // namespace
} // namespace definitions

BOOST_AUTO_TEST_SUITE(definitions)

BOOST_AUTO_TEST_CASE(an_export_of_rabbitmq_is_imported_with_its_mirrors_limits_and_hashes) {
  world w;
  import(w, from_rabbitmq);
  const snapshot_ptr now = w.state.snapshot();
  BOOST_TEST(now->find_user("ann")->limits.at("max-channels") == 9);
  BOOST_TEST((now->find_user("old")->tags == std::vector<std::string>{"monitoring", "policymaker"}));
  BOOST_TEST(now->find_vhost("v")->limits.at("max-queues") == 40);
  BOOST_TEST(now->find_vhost("v")->description == "d");
  const queue_ptr mirrored = now->find_queue("/", "m1");
  BOOST_TEST((mirrored->options->mirroring.what == mirroring_options::mode::exactly));
  BOOST_TEST(mirrored->options->mirroring.copies == 2u);
  BOOST_TEST((mirrored->options->max_length == 5u));
  BOOST_TEST(mirrored->options->max_priority == 9);
  BOOST_TEST((now->find_queue("v", "q")->options->type == queue_type::quorum));
  BOOST_TEST(!now->find_queue("/", "amq.gen-1"));
  BOOST_TEST((route(*now, "x", "k") == names{"m1"}));
  BOOST_TEST(now->open_vhost({"ann", {}}, "v").ok());
}

BOOST_AUTO_TEST_CASE(an_export_imported_elsewhere_exports_the_same) {
  world original;
  original.must(first_start());
  import(original, from_rabbitmq);
  world copy;
  import(copy, exported(original));
  BOOST_TEST(exported(copy) == exported(original));
  world again = world{};
  import(again, exported(original));
  import(again, exported(original)); // additive: nothing changes
  BOOST_TEST(exported(again) == exported(original));
}

BOOST_AUTO_TEST_CASE(exclusive_queues_built_ins_and_default_bindings_are_not_exported) {
  world w;
  queue_record mine = queue("mine", false);
  mine.exclusive = true;
  mine.owner = 3;
  w.must(declare_queue{mine});
  w.must(bind{"/", binding("amq.topic", "mine", "k"), 3});
  const auto out = nlohmann::json::parse(exported(w));
  for (const char* part : {"queues", "exchanges", "bindings"})
    BOOST_TEST(out.at(part).empty());
  for (const char* key :
       {"rabbit_version", "rabbitmq_version", "product_name", "product_version", "users", "vhosts", "permissions",
        "topic_permissions", "parameters", "global_parameters", "policies", "queues", "exchanges", "bindings"})
    BOOST_TEST(out.contains(key), key << " is missing");
}

BOOST_AUTO_TEST_CASE(a_vhosts_file_fits_into_another_vhost) {
  world w;
  import(w, from_rabbitmq);
  const std::string text = exported(w, "/");
  BOOST_TEST(!nlohmann::json::parse(text).contains("users"));
  world other;
  put_vhost v;
  v.vhost.name = "w";
  other.must(v);
  definitions_context into = here;
  into.vhost = "w";
  import(other, text, into);
  BOOST_TEST(other.state.snapshot()->find_queue("w", "m1") != nullptr);
}

BOOST_AUTO_TEST_CASE(objects_that_rabbitmqctl_writes_as_pairs_are_understood) {
  world w;
  import(w,
         R"({"vhosts": [{"name": "v", "limits": [["max-queues", 40]], "metadata": {}}, {"name": "none", "limits": []}],
    "parameters": [{"vhost": "v", "component": "operator_policy", "name": "op",
                    "value": {"pattern": ".*", "apply-to": "queues", "priority": 1, "definition": [["max-length", 5]]}}]})");
  BOOST_TEST(w.state.snapshot()->find_vhost("v")->limits.at("max-queues") == 40);
  BOOST_TEST(w.state.snapshot()->find_vhost("none")->limits.empty());
  std::string definition;
  w.state.snapshot()->for_each_policy(true, [&](const policy_record& one) { definition = one.definition; });
  BOOST_TEST(definition == R"({"max-length":5})");
}

BOOST_AUTO_TEST_CASE(streams_are_left_out_by_name_with_their_bindings) {
  world w;
  const std::string text = R"({
    "queues": [{"name": "s", "vhost": "/", "durable": true, "arguments": {"x-queue-type": "stream"}},
               {"name": "q", "vhost": "/", "durable": true, "arguments": {"x-queue-type": "quorum"}}],
    "bindings": [
      {"source": "amq.fanout", "destination": "s", "destination_type": "queue", "vhost": "/", "arguments": {}},
      {"source": "amq.fanout", "destination": "q", "destination_type": "queue", "vhost": "/", "arguments": {}}]})";
  const auto read = read_definitions(text, *w.state.snapshot(), here);
  BOOST_REQUIRE(read.ok());
  const std::vector<std::string> expected{"Skipping import of queue 's': streams are not offered",
                                          "Skipping import of binding 's': streams are not offered"};
  BOOST_TEST(read->skipped == expected, boost::test_tools::per_element());
  for (const command& one : read->commands)
    w.must(one);
  BOOST_TEST((w.state.snapshot()->find_queue("/", "q") != nullptr));
  BOOST_TEST((w.state.snapshot()->find_queue("/", "s") == nullptr));
}

BOOST_AUTO_TEST_CASE(what_makes_no_sense_is_named) {
  BOOST_TEST(refusal("nonsense") == "JSON decoding error. Reason: badarg");
  BOOST_TEST(refusal("[]") == "definitions: not a JSON object");
  BOOST_TEST(refusal(R"({"queues": 1})") == "definitions: queues is no array");
  BOOST_TEST(refusal(R"({"queues": [{"vhost": "/"}]})") == "definitions: queues entry 1 has no name");
  BOOST_TEST(refusal(R"({"queues": [{"name": "q"}]})")
             == "definitions: queues entry 1 does not say its virtual host, nor does the request");
  BOOST_TEST(refusal(R"({"users": [{"name": "u", "password": ""}]})")
             == "definitions: users entry 1 has a blank password");
  BOOST_TEST(refusal(R"({"policies": [{"vhost": "/", "name": "p", "pattern": ""}]})")
             == "definitions: policies entry 1 has no definition");
  BOOST_TEST(refusal(R"({"unknown": [1]})") == "");
}

BOOST_AUTO_TEST_CASE(exports_before_3_6_have_md5_hashes_without_saying_so) {
  world w;
  import(w, R"({"rabbit_version": "3.5.7", "users": [{"name": "u", "password_hash": "", "tags": ""}]})");
  BOOST_TEST(w.state.snapshot()->find_user("u")->hashing == "rabbit_password_hashing_md5");
  import(w, R"({"rabbit_version": "3.10.8", "users": [{"name": "u", "password": "secret", "tags": ""}]})");
  BOOST_TEST(w.state.snapshot()->authenticate("u", "secret", true).ok());
}

BOOST_AUTO_TEST_SUITE_END()

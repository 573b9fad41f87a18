#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

using namespace metadata_test;

namespace routing {
namespace {

struct with_queues : world {
  explicit with_queues(std::initializer_list<const char*> queues) {
    for (const char* name : queues)
      must(declare_queue{queue(name)});
  }
};

amqp::field_table headers(std::initializer_list<std::pair<const char*, amqp::field_value>> entries) {
  amqp::field_table out;
  for (const auto& [name, value] : entries)
    out.set(name, value);
  return out;
}

amqp::field_value keys(std::initializer_list<const char*> all) {
  amqp::field_array out;
  for (const char* key : all)
    out.values.push_back(text(key));
  return {out};
}

} // namespace
} // namespace routing

BOOST_AUTO_TEST_SUITE(routing)

BOOST_AUTO_TEST_CASE(the_default_exchange_binds_every_queue_by_its_name) {
  with_queues w({"a", "b"});
  const snapshot_ptr now = w.state.snapshot();
  BOOST_TEST((route(*now, "", "a") == names{"a"}));
  BOOST_TEST((route(*now, "", "c") == names{}));
  BOOST_TEST((route(*now, "", "a", headers({{"CC", keys({"b", "a", "c"})}})) == names{"a", "b"}));
}

BOOST_AUTO_TEST_CASE(direct_fanout_and_topic_go_by_their_rule) {
  with_queues w({"a", "b"});
  for (const char* from : {"amq.direct", "amq.fanout", "amq.topic"}) {
    w.must(bind{"/", binding(from, "a", "x.*")});
    w.must(bind{"/", binding(from, "b", "x.y")});
  }
  const snapshot_ptr now = w.state.snapshot();
  BOOST_TEST((route(*now, "amq.direct", "x.y") == names{"b"}));
  BOOST_TEST((route(*now, "amq.direct", "x.*") == names{"a"}));
  BOOST_TEST((route(*now, "amq.fanout", "whatever") == names{"a", "b"}));
  BOOST_TEST((route(*now, "amq.topic", "x.y") == names{"a", "b"}));
  BOOST_TEST((route(*now, "amq.topic", "x.z") == names{"a"}));
}

BOOST_AUTO_TEST_CASE(bindings_that_differ_in_arguments_alone_are_two) {
  with_queues w({"a"});
  for (const char* from : {"amq.direct", "amq.fanout", "amq.topic"}) {
    w.must(bind{"/", binding(from, "a", "k", headers({{"n", {int32_t{1}}}}))});
    w.must(bind{"/", binding(from, "a", "k", headers({{"n", {int32_t{2}}}}))});
    w.must(unbind{"/", binding(from, "a", "k", headers({{"n", {int32_t{1}}}}))});
    BOOST_TEST((route(*w.state.snapshot(), from, "k") == names{"a"}));
    w.must(unbind{"/", binding(from, "a", "k", headers({{"n", {int32_t{2}}}}))});
    BOOST_TEST((route(*w.state.snapshot(), from, "k") == names{}));
  }
}

BOOST_AUTO_TEST_CASE(the_order_of_binding_arguments_does_not_matter) {
  with_queues w({"a"});
  w.must(bind{"/", binding("amq.match", "a", "", headers({{"a", text("1")}, {"b", text("2")}}))});
  w.must(bind{"/", binding("amq.match", "a", "", headers({{"b", text("2")}, {"a", text("1")}}))});
  BOOST_TEST(w.bindings() == 1u);
  w.must(unbind{"/", binding("amq.match", "a", "", headers({{"b", text("2")}, {"a", text("1")}}))});
  BOOST_TEST(w.bindings() == 0u);
}

BOOST_AUTO_TEST_CASE(a_headers_exchange_looks_at_headers_only) {
  with_queues w({"all", "any"});
  w.must(bind{"/", binding("amq.headers", "all", "", headers({{"a", text("1")}, {"b", {int32_t{2}}}}))});
  w.must(bind{"/", binding("amq.headers", "any", "",
                           headers({{"x-match", text("any")}, {"a", text("1")}, {"b", {int32_t{2}}}}))});
  const snapshot_ptr now = w.state.snapshot();
  BOOST_TEST((route(*now, "amq.headers", "", headers({{"a", text("1")}, {"b", {int32_t{2}}}})) == names{"all", "any"}));
  BOOST_TEST((route(*now, "amq.headers", "", headers({{"a", text("1")}, {"b", {int32_t{3}}}})) == names{"any"}));
  BOOST_TEST((route(*now, "amq.headers", "a") == names{}));
  BOOST_TEST(w.refusal(bind{"/", binding("amq.headers", "all", "", headers({{"x-match", text("some")}}))})
             == "PRECONDITION_FAILED - Invalid x-match field value <<\"some\">>; expected all, any, all-with-x, or "
                "any-with-x");
  // RabbitMQ looks at the arguments of what comes, not of what is to go.
  w.must(unbind{"/", binding("amq.headers", "all", "", headers({{"x-match", text("some")}}))});
}

BOOST_AUTO_TEST_CASE(a_queue_gets_one_copy_whatever_the_number_of_paths) {
  with_queues w({"a", "b"});
  w.must(declare_exchange{exchange("x", "topic")});
  w.must(declare_exchange{exchange("y", "fanout")});
  for (const char* pattern : {"#", "k.#", "k.*", "k.l"})
    w.must(bind{"/", binding("x", "a", pattern)});
  w.must(bind{"/", to_exchange("x", "y", "#")});
  w.must(bind{"/", binding("y", "a")});
  w.must(bind{"/", binding("y", "b")});
  BOOST_TEST((route(*w.state.snapshot(), "x", "k.l", headers({{"BCC", keys({"k.m"})}})) == names{"a", "b"}));
}

BOOST_AUTO_TEST_CASE(bindings_in_a_circle_do_not_loop) {
  with_queues w({"a", "b", "c"});
  for (const char* name : {"x", "y", "z"})
    w.must(declare_exchange{exchange(name, "fanout")});
  w.must(bind{"/", to_exchange("x", "y")});
  w.must(bind{"/", to_exchange("y", "z")});
  w.must(bind{"/", to_exchange("z", "x")});
  w.must(bind{"/", to_exchange("x", "x")});
  w.must(bind{"/", binding("x", "a")});
  w.must(bind{"/", binding("y", "b")});
  w.must(bind{"/", binding("z", "c")});
  for (const char* from : {"x", "y", "z"})
    BOOST_TEST((route(*w.state.snapshot(), from, "") == names{"a", "b", "c"}));
}

BOOST_AUTO_TEST_CASE(the_alternate_exchange_gets_what_is_bound_nowhere) {
  with_queues w({"a", "lost"});
  exchange_record x = exchange("x", "direct");
  x.arguments.set("alternate-exchange", text("ae"));
  w.must(declare_exchange{x});
  w.must(bind{"/", binding("x", "a", "k")});
  BOOST_TEST((route(*w.state.snapshot(), "x", "other") == names{})); // it need not exist
  exchange_record ae = exchange("ae", "fanout");
  ae.arguments.set("alternate-exchange", text("x")); // a circle
  w.must(declare_exchange{ae});
  BOOST_TEST((route(*w.state.snapshot(), "x", "other") == names{}));
  w.must(bind{"/", binding("ae", "lost")});
  BOOST_TEST((route(*w.state.snapshot(), "x", "other") == names{"lost"}));
  BOOST_TEST((route(*w.state.snapshot(), "x", "k") == names{"a"}));
}

BOOST_AUTO_TEST_CASE(cc_and_bcc_are_further_routing_keys) {
  with_queues w({"a", "b", "c"});
  for (const char* name : {"a", "b", "c"})
    w.must(bind{"/", binding("amq.direct", name, name)});
  const snapshot_ptr now = w.state.snapshot();
  BOOST_TEST(
    (route(*now, "amq.direct", "a", headers({{"CC", keys({"b"})}, {"BCC", keys({"c"})}})) == names{"a", "b", "c"}));
  BOOST_TEST((route(*now, "amq.direct", "", headers({{"CC", keys({"b", "b"})}})) == names{"b"}));
  BOOST_TEST((route(*now, "amq.direct", "a", headers({{"CC", text("b")}})) == names{"a"})); // no array: not looked at
}

BOOST_AUTO_TEST_CASE(what_is_already_in_the_answer_is_left_alone) {
  with_queues w({"a", "b"});
  w.must(bind{"/", binding("amq.topic", "a", "#")});
  w.must(bind{"/", binding("amq.topic", "a", "k")});
  const snapshot_ptr now = w.state.snapshot();
  std::vector<queue_ptr> to = {now->find_queue("/", "b"), now->find_queue("/", "a")};
  const test_message what{"amq.topic", "k"};
  now->route(*now->find_exchange("/", "amq.topic"), what.get(), to);
  BOOST_REQUIRE_EQUAL(to.size(), 3u);
  BOOST_TEST(to[0]->name == "b");
  BOOST_TEST(to[2]->name == "a");
}

BOOST_AUTO_TEST_SUITE_END()

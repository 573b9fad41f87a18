#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

using namespace metadata_test;

BOOST_AUTO_TEST_SUITE(declaring)

BOOST_AUTO_TEST_CASE(a_new_state_has_the_builtin_exchanges) {
  world w;
  for (const char* name : {"", "amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match"}) {
    const auto found = w.state.snapshot()->find_exchange("/", name);
    BOOST_REQUIRE(found != nullptr);
    BOOST_TEST(found->durable);
    BOOST_TEST(!found->internal);
  }
  BOOST_TEST(w.state.snapshot()->find_exchange("/", "amq.rabbitmq.trace")->internal);
  BOOST_TEST(w.state.snapshot()->vhost_exists("/"));
  BOOST_TEST(!w.state.snapshot()->vhost_exists("v1"));
}

BOOST_AUTO_TEST_CASE(a_queue_is_created_once_and_then_equivalent) {
  world w;
  const command_result first = w.apply(declare_queue{queue("q")});
  BOOST_TEST(first.created);
  BOOST_REQUIRE(first.queue != nullptr);
  const command_result second = w.apply(declare_queue{queue("q")});
  BOOST_TEST(second.ok());
  BOOST_TEST(!second.created);
  BOOST_TEST(second.queue == first.queue);
  BOOST_TEST(w.state.snapshot()->queue_count() == 1u);
  BOOST_REQUIRE_EQUAL(w.changes.size(), 1u);
  BOOST_TEST((w.changes[0].what == metadata_change::kind::queue_created));
}

BOOST_AUTO_TEST_CASE(a_queue_id_is_never_reused) {
  world w;
  const queue_id first = w.apply(declare_queue{queue("q")}).queue->id;
  w.must(delete_queue{"/", "q", first});
  const queue_id second = w.apply(declare_queue{queue("q")}).queue->id;
  BOOST_TEST(second > first);
  w.must(delete_queue{"/", "q", first}); // meant for the old one
  BOOST_TEST(w.has_queue("q"));
  world restored;
  w.must(delete_queue{"/", "q", second});
  BOOST_REQUIRE(restored.state.restore(w.state.serialise()).ok());
  BOOST_TEST(restored.apply(declare_queue{queue("q")}).queue->id > second);
}

BOOST_AUTO_TEST_CASE(an_inequivalent_queue_is_refused_in_rabbitmqs_words) {
  world w;
  queue_record original = queue("q");
  original.arguments.set("x-message-ttl", {int32_t{60000}});
  original.arguments.set("x-unknown", text("ignored"));
  w.must(declare_queue{original});

  queue_record other = original;
  other.durable = false;
  BOOST_TEST(
    w.refusal(declare_queue{other})
    == "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current "
       "is 'true'");
  other = original;
  other.auto_delete = true;
  BOOST_TEST(w.refusal(declare_queue{other})
             == "PRECONDITION_FAILED - inequivalent arg 'auto_delete' for queue 'q' in vhost '/': received 'true' but "
                "current is 'false'");
  other = original;
  other.arguments.set("x-message-ttl", {int32_t{1}});
  BOOST_TEST(w.refusal(declare_queue{other})
             == "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': received '1' but "
                "current is '60000'");
  other.arguments = {};
  BOOST_TEST(w.refusal(declare_queue{other})
             == "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': received none but "
                "current is the value '60000' of type 'signedint'");
  other = original;
  other.arguments.set("x-max-priority", {int64_t{10}});
  BOOST_TEST(
    w.refusal(declare_queue{other})
    == "PRECONDITION_FAILED - inequivalent arg 'x-max-priority' for queue 'q' in vhost '/': received the value "
       "'10' of type 'long' but current is none");
  other = original;
  other.arguments.set("x-queue-type", text("quorum"));
  BOOST_TEST(w.refusal(declare_queue{other})
             == "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received the value "
                "'quorum' of type 'longstr' but current is none");
}

BOOST_AUTO_TEST_CASE(integer_width_unknown_arguments_and_the_default_type_make_no_difference) {
  world w;
  queue_record original = queue("q");
  original.arguments.set("x-message-ttl", {int32_t{60000}});
  w.must(declare_queue{original});
  queue_record same = queue("q");
  same.arguments.set("x-message-ttl", {int64_t{60000}});
  same.arguments.set("x-odd", {true});
  same.arguments.set("x-queue-type", text("classic"));
  BOOST_TEST(w.refusal(declare_queue{same}) == "");
}

BOOST_AUTO_TEST_CASE(an_exclusive_queue_is_locked_to_others) {
  const std::string locked =
    "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q' in vhost '/'. It could be "
    "originally declared on another connection or the exclusive property value does not match that "
    "of the original declaration.";
  world w;
  queue_record mine = queue("q", false);
  mine.exclusive = true;
  mine.owner = 7;
  w.must(declare_queue{mine});
  BOOST_TEST(w.refusal(declare_queue{mine}) == "");
  queue_record other = mine;
  other.owner = 8;
  BOOST_TEST(w.refusal(declare_queue{other}) == locked);
  other = queue("q", false);
  BOOST_TEST(w.refusal(declare_queue{other}) == locked); // its own connection may not drop the flag either
  BOOST_TEST(w.refusal(bind{"/", binding("amq.direct", "q", "k"), 8}) == locked);
  w.must(unbind{"/", binding("amq.direct", "q", "k"), 8}); // nothing is bound, and RabbitMQ looks no further
  w.must(bind{"/", binding("amq.direct", "q", "k"), 7});
  BOOST_TEST(w.refusal(unbind{"/", binding("amq.direct", "q", "k"), 8}) == locked);
  BOOST_TEST(w.refusal(bind{"/", binding("amq.direct", "q", "k"), 7}) == "");
}

BOOST_AUTO_TEST_CASE(an_inequivalent_exchange_is_refused_in_rabbitmqs_words) {
  world w;
  exchange_record original = exchange("x", "fanout");
  original.arguments.set("alternate-exchange", text("ae"));
  original.alternate_exchange = "ae";
  w.must(declare_exchange{original});
  BOOST_TEST(w.refusal(declare_exchange{original}) == "");

  exchange_record other = original;
  other.type = "topic";
  BOOST_TEST(
    w.refusal(declare_exchange{other})
    == "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'x' in vhost '/': received 'topic' but current "
       "is 'fanout'");
  other = original;
  other.internal = true;
  BOOST_TEST(w.refusal(declare_exchange{other})
             == "PRECONDITION_FAILED - inequivalent arg 'internal' for exchange 'x' in vhost '/': received 'true' but "
                "current is 'false'");
  other = original;
  other.arguments = {};
  BOOST_TEST(
    w.refusal(declare_exchange{other})
    == "PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'x' in vhost '/': received none "
       "but current is the value 'ae' of type 'longstr'");
  other = original;
  other.arguments.set("anything", {true});
  BOOST_TEST(w.refusal(declare_exchange{other}) == "");
}

BOOST_AUTO_TEST_CASE(reserved_names_and_unknown_types_are_refused) {
  world w;
  BOOST_TEST(w.refusal(declare_exchange{exchange("amq.mine", "direct")})
             == "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'");
  BOOST_TEST(w.refusal(declare_exchange{exchange("", "direct")})
             == "ACCESS_REFUSED - operation not permitted on the default exchange");
  const command_result odd = w.apply(declare_exchange{exchange("x", "odd")});
  BOOST_TEST(odd.failure.code == 406);
  BOOST_TEST(odd.failure.text == "PRECONDITION_FAILED - unknown exchange type 'odd'");
  BOOST_TEST(w.refusal(delete_exchange{"/", "amq.topic"})
             == "ACCESS_REFUSED - deletion of system exchange 'amq.topic' in vhost '/' not allowed");
}

BOOST_AUTO_TEST_CASE(binding_what_is_missing_is_404_and_unbinding_it_succeeds) {
  world w;
  BOOST_TEST(w.refusal(bind{"/", binding("amq.direct", "q")}) == "NOT_FOUND - no queue 'q' in vhost '/'");
  BOOST_TEST(w.refusal(bind{"/", binding("x", "q")}) == "NOT_FOUND - no exchange 'x' in vhost '/'");
  BOOST_TEST(w.refusal(bind{"/", to_exchange("amq.direct", "x")}) == "NOT_FOUND - no exchange 'x' in vhost '/'");
  BOOST_TEST(w.refusal(bind{"/", binding("", "q")})
             == "ACCESS_REFUSED - operation not permitted on the default exchange");
  BOOST_TEST(w.refusal(unbind{"/", binding("x", "q")}) == "");
  BOOST_TEST(w.refusal(unbind{"/", binding("amq.direct", "q")}) == "");
  BOOST_TEST(w.refusal(delete_queue{"/", "q"}) == "");
  BOOST_TEST(w.refusal(delete_exchange{"/", "x"}) == "");
}

BOOST_AUTO_TEST_CASE(an_exchange_in_use_is_kept_if_unused_was_asked_for) {
  world w;
  w.must(declare_exchange{exchange("x", "direct")});
  w.must(declare_queue{queue("q")});
  w.must(bind{"/", binding("x", "q", "k")});
  BOOST_TEST(w.refusal(delete_exchange{"/", "x", true}) == "PRECONDITION_FAILED - exchange 'x' in vhost '/' in use");
  BOOST_TEST(w.has_exchange("x"));
  w.must(delete_exchange{"/", "x"});
  BOOST_TEST(!w.has_exchange("x"));
  BOOST_TEST(w.bindings() == 0u);
}

BOOST_AUTO_TEST_CASE(an_auto_delete_exchange_goes_with_its_last_binding_but_not_before_its_first) {
  world w;
  exchange_record auto_delete = exchange("x", "direct");
  auto_delete.auto_delete = true;
  w.must(declare_exchange{auto_delete});
  w.must(declare_queue{queue("q")});
  w.must(unbind{"/", binding("x", "q", "k")});
  BOOST_TEST(w.has_exchange("x"));
  w.must(bind{"/", binding("x", "q", "k")});
  w.must(bind{"/", binding("x", "q", "l")});
  w.must(unbind{"/", binding("x", "q", "k")});
  BOOST_TEST(w.has_exchange("x"));
  w.must(unbind{"/", binding("x", "q", "l")});
  BOOST_TEST(!w.has_exchange("x"));
}

BOOST_AUTO_TEST_CASE(auto_delete_exchanges_go_in_a_row_when_a_queue_goes) {
  world w;
  for (const char* name : {"x", "y", "z"}) {
    exchange_record record = exchange(name, "fanout");
    record.auto_delete = true;
    w.must(declare_exchange{record});
  }
  w.must(declare_queue{queue("q")});
  w.must(bind{"/", to_exchange("x", "y")});
  w.must(bind{"/", to_exchange("y", "z")});
  w.must(bind{"/", binding("z", "q")});
  w.must(delete_queue{"/", "q"});
  BOOST_TEST(!w.has_exchange("x"));
  BOOST_TEST(!w.has_exchange("y"));
  BOOST_TEST(!w.has_exchange("z"));
  BOOST_TEST(w.bindings() == 0u);
}

BOOST_AUTO_TEST_CASE(an_exchange_bound_to_itself_can_be_deleted) {
  world w;
  w.must(declare_exchange{exchange("x", "fanout")});
  w.must(bind{"/", to_exchange("x", "x")});
  w.must(delete_exchange{"/", "x"});
  BOOST_TEST(w.bindings() == 0u);
  w.must(declare_exchange{exchange("x", "fanout")});
  BOOST_TEST(w.bindings() == 0u);
}

BOOST_AUTO_TEST_CASE(exclusive_queues_go_with_their_connection) {
  world w;
  for (connection_id owner : {1, 2}) {
    queue_record record = queue("q" + std::to_string(owner), false);
    record.exclusive = true;
    record.owner = owner;
    w.must(declare_queue{record});
  }
  w.must(declare_queue{queue("shared")});
  w.must(delete_exclusive_queues{1});
  BOOST_TEST(!w.has_queue("q1"));
  BOOST_TEST(w.has_queue("q2"));
  w.must(delete_exclusive_queues{0});
  BOOST_TEST(!w.has_queue("q2"));
  BOOST_TEST(w.has_queue("shared"));
}

BOOST_AUTO_TEST_CASE(a_start_keeps_what_is_durable_and_only_that) {
  world w;
  w.must(first_start());
  queue_record exclusive = queue("exclusive");
  exclusive.exclusive = true;
  exclusive.owner = 1;
  queue_record elsewhere = queue("elsewhere", false);
  elsewhere.node = "rabbit@elsewhere";
  for (const queue_record& one : {queue("durable"), queue("transient", false), exclusive, elsewhere})
    w.must(declare_queue{one});
  w.must(declare_exchange{exchange("xd", "direct")});
  w.must(declare_exchange{exchange("xt", "direct", false)});
  for (const char* from : {"xd", "xt"})
    for (const char* to : {"durable", "transient"})
      w.must(bind{"/", binding(from, to, "k")});
  w.changes.clear();
  w.must(first_start());
  BOOST_TEST(w.has_queue("durable"));
  BOOST_TEST(w.has_queue("elsewhere"));
  BOOST_TEST(!w.has_queue("transient"));
  BOOST_TEST(!w.has_queue("exclusive"));
  BOOST_TEST(w.has_exchange("xd"));
  BOOST_TEST(!w.has_exchange("xt"));
  BOOST_TEST(w.bindings() == 1u); // durable to durable
  BOOST_TEST(w.changes.size() == 2u);
}

BOOST_AUTO_TEST_CASE(nothing_changes_in_a_snapshot_once_taken) {
  world w;
  w.must(declare_queue{queue("q")});
  w.must(bind{"/", binding("amq.topic", "q", "a.#")});
  const snapshot_ptr before = w.state.snapshot();
  BOOST_TEST(w.state.snapshot() == before); // no change, no new one
  w.must(delete_queue{"/", "q"});
  w.must(declare_queue{queue("r")});
  const snapshot_ptr after = w.state.snapshot();
  BOOST_TEST(after->version() > before->version());
  BOOST_TEST((route(*before, "amq.topic", "a.b") == names{"q"}));
  BOOST_TEST((route(*after, "amq.topic", "a.b") == names{}));
  BOOST_TEST(before->find_queue("/", "q") != nullptr);
  BOOST_TEST(before->find_queue("/", "r") == nullptr);
}

BOOST_AUTO_TEST_CASE(a_refused_or_idle_command_gives_no_new_version) {
  world w;
  w.must(declare_queue{queue("q")});
  const uint64_t version = w.state.snapshot()->version();
  w.must(declare_queue{queue("q")});
  w.must(delete_queue{"/", "none"});
  w.must(unbind{"/", binding("amq.direct", "q", "k")});
  BOOST_TEST(!w.refusal(declare_queue{queue("q", false)}).empty());
  BOOST_TEST(w.state.snapshot()->version() == version);
}

BOOST_AUTO_TEST_SUITE_END()

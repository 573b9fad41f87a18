#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

using namespace test;

BOOST_AUTO_TEST_SUITE(lifecycle_promises)

BOOST_AUTO_TEST_CASE(an_exclusive_consumer_keeps_others_out_until_it_leaves) {
  fixture f;
  auto first = f.consumer_on(f.channel());
  first->exclusive = true;
  auto second = f.consumer_on(f.channel());
  f.send(consume_request{first});
  f.send(consume_request{second});
  BOOST_TEST(!f.last<consume_done>()->ok);
  BOOST_TEST((f.last<consume_done>()->why == error{403, "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use"}));
  f.send(cancel_request{first});
  f.send(consume_request{second});
  BOOST_TEST(f.last<consume_done>()->ok);
  f.send(consume_request{first});
  BOOST_TEST(!f.last<consume_done>()->ok);
  BOOST_TEST(f.queue->consumers() == 1u);
}

BOOST_AUTO_TEST_CASE(an_auto_delete_queue_is_unused_when_its_last_consumer_leaves_and_not_before) {
  fixture f{{}, nullptr, true, true};
  auto a = f.consumer_on(f.channel());
  auto b = f.consumer_on(f.channel());
  f.send(channel_gone{f.channel()});
  BOOST_TEST(!f.unused);
  f.send(consume_request{a});
  f.send(consume_request{b});
  f.send(cancel_request{a});
  BOOST_TEST(!f.unused);
  f.send(channel_gone{b->channel});
  BOOST_TEST(f.unused);
}

BOOST_AUTO_TEST_CASE(cancel_ok_of_an_auto_delete_queues_last_consumer_comes_when_the_queue_is_gone) {
  fixture f{{}, nullptr, true, true};
  auto who = f.consumer_on(f.channel());
  f.send(consume_request{who});
  f.send(cancel_request{who});
  BOOST_TEST(f.unused);
  BOOST_TEST(f.last<cancel_done>() == nullptr);
  f.send(status_request{f.channel()});
  BOOST_TEST(f.last<queue_missing>() != nullptr);
  auto late = f.consumer_on(f.channel());
  f.send(consume_request{late});
  BOOST_TEST((f.last<consume_done>()->why == error{404, "NOT_FOUND - no queue 'q' in vhost '/'"}));
  f.deleted();
  BOOST_TEST((f.last<cancel_done>()->who == who));
}

BOOST_AUTO_TEST_CASE(a_queue_that_is_no_auto_delete_is_never_unused) {
  fixture f;
  auto who = f.consumer_on(f.channel());
  f.send(consume_request{who});
  f.send(cancel_request{who});
  BOOST_TEST(!f.unused);
}

BOOST_AUTO_TEST_CASE(deletion_respects_its_conditions) {
  fixture f;
  auto where = f.channel();
  auto who = f.consumer_on(where, 1);
  f.send(consume_request{who});
  f.send(delete_request{where, true, false});
  BOOST_TEST((f.last<delete_checked>()->why == error{406, "PRECONDITION_FAILED - queue 'q' in vhost '/' in use"}));
  f.publish(f.batch(3));
  f.send(delete_request{where, false, true});
  BOOST_TEST((f.last<delete_checked>()->why == error{406, "PRECONDITION_FAILED - queue 'q' in vhost '/' not empty"}));
  f.send(delete_request{where, false, false});
  BOOST_TEST(f.last<delete_checked>()->ok);
  BOOST_TEST(f.last<delete_checked>()->messages == 2u);
}

BOOST_AUTO_TEST_CASE(while_it_is_being_deleted_a_queue_keeps_what_is_published_but_serves_nobody) {
  fixture f;
  auto where = f.channel();
  f.send(delete_request{where, false, false});
  f.publish(f.batch(1, true), where, 1);
  BOOST_TEST(f.confirms.empty()); // the deletion may still be lost in a crash
  f.durable();
  BOOST_TEST(f.confirms.size() == 1u);
  f.send(get_request{where, false});
  BOOST_TEST(f.last<queue_missing>() != nullptr);
  auto who = f.consumer_on(where);
  f.send(consume_request{who});
  BOOST_TEST((f.last<consume_done>()->why == error{404, "NOT_FOUND - no queue 'q' in vhost '/'"}));
}

BOOST_AUTO_TEST_CASE(a_deleted_queue_owes_nobody_anything) {
  fixture f;
  auto where = f.channel();
  auto who = f.consumer_on(where);
  f.send(consume_request{who});
  f.publish(f.batch(5, true), where, 1);
  f.deleted();
  BOOST_TEST(f.confirms == counting(1, 5), boost::test_tools::per_element());
  BOOST_TEST(f.sink->times == 1);
  BOOST_TEST((f.last<consumer_cancelled>()->who == who));
  BOOST_TEST(f.queue->idle());
  BOOST_TEST(f.queue->messages_unacked() == 0u);
}

BOOST_AUTO_TEST_CASE(requests_to_a_deleted_queue_are_answered_as_for_a_missing_one) {
  fixture f;
  f.deleted();
  auto where = f.channel();
  f.publish(f.batch(2, true), where, 1);
  BOOST_TEST(f.confirms == counting(1, 2), boost::test_tools::per_element());
  BOOST_TEST(f.sink->times == 1);
  f.event_count = 0;
  f.send(get_request{where, false});
  f.send(purge_request{where});
  f.send(status_request{where});
  f.send(delete_request{where, false, false});
  BOOST_TEST(f.event_count == 4u);
  for (size_t at = f.events_seen.size() - 4; at < f.events_seen.size(); ++at)
    BOOST_TEST(std::holds_alternative<queue_missing>(f.events_seen[at].second));
  auto who = f.consumer_on(where);
  f.send(consume_request{who});
  BOOST_TEST(!f.last<consume_done>()->ok);
  f.ack(who, 1, 2);
  f.send(cancel_request{who});
  BOOST_TEST((f.last<cancel_done>()->who == who));
  f.send(channel_gone{where});
  f.durable();
  f.paged();
  BOOST_TEST(f.queue->idle());
}

BOOST_AUTO_TEST_CASE(a_get_that_waits_for_a_body_is_answered_when_the_queue_is_deleted) {
  recovered_queue recovered{7, 2, {{1, 1, 8, false}}};
  fixture f{queue_settings{}, &recovered};
  f.send(get_request{f.channel(), false});
  f.deleted();
  BOOST_TEST(f.last<queue_missing>() != nullptr);
  f.read_done();
}

BOOST_AUTO_TEST_CASE(purge_takes_what_is_ready_and_nothing_else) {
  fixture f;
  auto who = f.consumer_on(f.channel(), 2);
  f.send(consume_request{who});
  f.publish(f.batch(10, true));
  f.send(purge_request{who->channel});
  BOOST_TEST(f.last<purged>()->messages == 8u);
  BOOST_TEST(f.queue->messages_ready() == 0u);
  BOOST_TEST(f.queue->messages_unacked() == 2u);
  BOOST_TEST(f.store.live.size() == 2u);
}

BOOST_AUTO_TEST_CASE(status_tells_ready_messages_and_consumers) {
  fixture f;
  auto who = f.consumer_on(f.channel(), 1);
  f.send(consume_request{who});
  f.publish(f.batch(4));
  f.send(status_request{who->channel});
  BOOST_TEST(f.last<queue_status>()->messages_ready == 3u);
  BOOST_TEST(f.last<queue_status>()->consumers == 1u);
}

BOOST_AUTO_TEST_CASE(a_queue_is_open_again_when_the_channel_that_was_about_to_delete_it_goes) {
  fixture f;
  const channel_ref where = f.channel();
  f.publish(f.batch(1));
  f.send(delete_request{where, false, false});
  f.send(channel_gone{f.channel()}); // another one: nothing changes
  f.send(status_request{where});
  BOOST_TEST(f.last<queue_status>() == nullptr);
  f.send(channel_gone{where});
  f.send(status_request{f.channel()});
  BOOST_REQUIRE(f.last<queue_status>() != nullptr);
  BOOST_TEST(f.last<queue_status>()->messages_ready == 1u);
}

BOOST_AUTO_TEST_SUITE_END()

// W48: messages expire from the head, never too early and never delivered too late. W49: queues expire.
#include <boost/test/unit_test.hpp>

#include "fixture.hpp"
#include "queue/expiry.hpp"

using namespace test;

namespace expiry {
namespace {

queue_options ttl(uint64_t milliseconds) {
  queue_options chosen;
  chosen.message_ttl_ms = milliseconds;
  return chosen;
}
queue_options expires(uint64_t milliseconds) {
  queue_options chosen;
  chosen.expires_ms = milliseconds;
  return chosen;
}

} // namespace
} // namespace expiry

BOOST_AUTO_TEST_SUITE(expiry)

BOOST_AUTO_TEST_CASE(a_message_lives_until_its_deadline_and_is_gone_with_it) {
  fixture f{ttl(500)};
  f.publish(f.batch(3, true));
  BOOST_TEST(f.tick_in_ms == 500u);
  f.tick(1499);
  BOOST_TEST(f.queue->messages_ready() == 3u);
  BOOST_TEST(f.tick_in_ms == 1u);
  f.tick(1500);
  BOOST_TEST(f.queue->messages_ready() == 0u);
  BOOST_TEST(f.store.live.empty());
  BOOST_TEST(f.tick_in_ms == 0u);
}

BOOST_AUTO_TEST_CASE(the_smaller_of_the_queues_ttl_and_the_messages_expiration_counts) {
  fixture f{ttl(500)};
  f.publish(f.expiring(1, "200"));
  f.publish(f.expiring(1, "9000"));
  f.tick(1200);
  BOOST_TEST(f.queue->messages_ready() == 1u);
  f.tick(1499);
  BOOST_TEST(f.queue->messages_ready() == 1u);
  f.tick(1500);
  BOOST_TEST(f.queue->messages_ready() == 0u);
}

BOOST_AUTO_TEST_CASE(an_expired_message_behind_a_living_one_counts_until_it_is_at_the_head_and_is_not_delivered_then) {
  fixture f;
  f.publish(f.batch(1));
  f.publish(f.expiring(1, "100"));
  f.publish(f.batch(1));
  BOOST_TEST(f.tick_in_ms == 0u); // the head does not expire
  f.tick(5000);
  BOOST_TEST(f.queue->messages_ready() == 3u);
  f.send(consume_request{f.consumer_on(f.channel())});
  BOOST_TEST(f.numbers() == (numbers{1, 3}), boost::test_tools::per_element());
  BOOST_TEST(f.queue->messages_ready() == 0u);
}

BOOST_AUTO_TEST_CASE(what_has_expired_is_never_delivered_even_when_no_timer_ran) {
  fixture f{ttl(500)};
  f.publish(f.batch(2));
  f.now_ms = 1501;
  f.send(consume_request{f.consumer_on(f.channel())});
  BOOST_TEST(f.deliveries.empty());
  f.publish(f.batch(1));
  BOOST_TEST(f.numbers() == numbers{3}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(basic_get_passes_the_expired_over) {
  fixture f;
  f.publish(f.expiring(2, "100"));
  f.publish(f.batch(1));
  f.now_ms = 1101;
  f.send(get_request{f.channel(), true});
  BOOST_REQUIRE(f.last<got>()->run.batch);
  BOOST_TEST(f.last<got>()->run.first == 3u);
  BOOST_TEST(f.last<got>()->messages_left == 0u);
}

BOOST_AUTO_TEST_CASE(basic_get_does_not_count_what_has_expired_behind_its_message) {
  fixture f;
  f.publish(f.batch(1));
  f.publish(f.expiring(2, "100"));
  f.publish(f.batch(1));
  f.now_ms = 1101;
  f.send(get_request{f.channel(), true});
  BOOST_TEST(f.last<got>()->run.first == 1u);
  BOOST_TEST(f.last<got>()->messages_left == 1u);
}

BOOST_AUTO_TEST_CASE(ttl_0_is_delivered_at_once_or_never) {
  fixture f{ttl(0)};
  f.publish(f.batch(2));
  BOOST_TEST(f.queue->messages_ready() == 0u);
  f.send(consume_request{f.consumer_on(f.channel(), 2)});
  f.publish(f.batch(3));
  BOOST_TEST(f.numbers() == (numbers{3, 4}), boost::test_tools::per_element());
  BOOST_TEST(f.queue->messages_ready() == 0u);
}

BOOST_AUTO_TEST_CASE(a_message_that_a_consumer_holds_does_not_expire_but_does_when_it_returns) {
  fixture f{ttl(500)};
  auto who = f.consumer_on(f.channel(), 1);
  f.send(consume_request{who});
  f.publish(f.batch(1));
  f.tick(3000);
  BOOST_TEST(f.queue->messages_unacked() == 1u);
  f.send(cancel_request{who});
  f.settle(settle_request::kind::requeue, who, {{1, 2}});
  BOOST_TEST(f.queue->messages_ready() == 0u);
  BOOST_TEST(f.queue->messages_unacked() == 0u);
}

BOOST_AUTO_TEST_CASE(a_queue_in_which_nothing_expires_asks_for_no_timer) {
  fixture f;
  f.publish(f.batch(10));
  BOOST_TEST(f.tick_in_ms == 0u);
}

BOOST_AUTO_TEST_CASE(messages_of_one_batch_with_one_ttl_stay_one_append) {
  fixture f{ttl(500)};
  f.publish(f.batch(100, true));
  BOOST_TEST(f.store.appends == 1u);
}

BOOST_AUTO_TEST_CASE(a_new_ttl_holds_for_what_comes_after_it) {
  fixture f;
  f.publish(f.batch(1));
  f.reconfigure(ttl(100));
  f.publish(f.batch(1));
  f.tick(9000);
  BOOST_TEST(f.queue->messages_ready() == 2u);
  f.send(get_request{f.channel(), true});
  BOOST_TEST(f.queue->messages_ready() == 0u);
}

BOOST_AUTO_TEST_CASE(the_store_is_told_deadlines_of_the_wall_clock) {
  fixture f{ttl(500)};
  f.publish(f.batch(1, true));
  BOOST_TEST(f.store.live.at(1).facts.deadline_ms == f.wall_ms + 500);
  fixture without;
  without.publish(without.batch(1, true));
  BOOST_TEST(without.store.live.at(1).facts.deadline_ms == 0u);
}

/// Its copies read deadlines from the store, and so does it after a restart: the first master held others.
BOOST_AUTO_TEST_CASE(a_queue_that_becomes_replicated_gives_its_messages_the_deadlines_that_the_store_has) {
  recovered_queue found{7, 3, {{1, 2, 16, false, {1'700'000'000'000 - 1, 0}}}};
  fixture f{queue_options{}, &found};
  f.store.live[1] = f.store.live[2] = {};
  fixture other{ttl(500)};
  other.publish(other.batch(1, true));
  other.wall_ms += 3'600'003; // one clock is not as fast as the other, or has been set
  other.publish(other.batch(1, true));
  other.publish(other.batch(1));
  other.wall_ms += 60'000;
  const uint64_t later = other.now_ms + 7;
  const recovered_queue content = other.queue->give_up(later);
  BOOST_REQUIRE(content.runs.size() == 3u);
  for (const recovered_run& one : content.runs)
    BOOST_TEST(one.facts.deadline_ms == other.store.live.at(one.first).facts.deadline_ms);
  BOOST_TEST(content.runs[0].facts.deadline_ms == 1'700'000'000'500u);
  BOOST_TEST(content.runs[1].facts.deadline_ms == 1'700'003'600'503u);
  BOOST_TEST(content.runs[2].facts.deadline_ms == 1'700'003'600'503u);
  const recovered_queue old = f.queue->give_up(f.now_ms);
  for (const recovered_run& one : old.runs)
    BOOST_TEST(one.facts.deadline_ms == 1'700'000'000'000u - 1);
}

/// Clocks tick at different moments: were that to show, each message would be a run of its own.
BOOST_AUTO_TEST_CASE(messages_that_share_a_deadline_share_it_in_the_store) {
  fixture f{ttl(86'400'000)};
  f.now_ms = 1'000'000'000;
  f.publish(f.batch(1, true));
  f.wall_ms += 1;
  f.publish(f.batch(1, true));
  f.wall_ms -= 2;
  f.publish(f.batch(1, true));
  BOOST_TEST(f.store.live.at(1).facts.deadline_ms == f.store.live.at(2).facts.deadline_ms);
  BOOST_TEST(f.store.live.at(1).facts.deadline_ms == f.store.live.at(3).facts.deadline_ms);
}

BOOST_AUTO_TEST_CASE(deadlines_survive_a_restart) {
  recovered_queue found{
    7, 4, {{1, 1, 8, false, {1'700'000'000'000 - 1, 0}}, {2, 2, 16, false, {1'700'000'000'400, 0}}}};
  fixture f{queue_options{}, &found};
  f.store.live[1] = f.store.live[2] = f.store.live[3] = {};
  f.tick(1000);
  BOOST_TEST(f.queue->messages_ready() == 2u);
  BOOST_TEST(f.tick_in_ms == 400u);
  f.tick(1400);
  BOOST_TEST(f.queue->messages_ready() == 0u);
}

/// guarantees.md F15. Planted bug: TTL by wall clock.
BOOST_AUTO_TEST_CASE(a_jump_of_the_wall_clock_neither_expires_messages_nor_saves_them) {
  fixture f{ttl(500)};
  f.publish(f.batch(1, true));
  f.wall_ms += 86'400'000;
  f.tick(1499);
  BOOST_TEST(f.queue->messages_ready() == 1u);
  f.wall_ms -= 2 * 86'400'000ull;
  f.tick(1500);
  BOOST_TEST(f.queue->messages_ready() == 0u);
}

BOOST_AUTO_TEST_CASE(a_long_ttl_has_few_different_deadlines_and_none_is_early) {
  using queueing::deadline_after;
  BOOST_TEST(deadline_after(1000, 8000) == 9000u);
  const uint64_t day = 86'400'000;
  std::vector<uint64_t> different;
  for (uint64_t now = 1; now < day; now += 1777) {
    const uint64_t deadline = deadline_after(now, day);
    BOOST_REQUIRE(deadline >= now + day);
    BOOST_REQUIRE(deadline <= now + day + day / queueing::deadline_steps);
    if (different.empty() || different.back() != deadline)
      different.push_back(deadline);
  }
  BOOST_TEST(different.size() <= 2 * queueing::deadline_steps);
  BOOST_TEST(deadline_after(0, 0) == 1u); // 0 would be never
}

BOOST_AUTO_TEST_CASE(an_unused_queue_goes_and_its_messages_with_it) {
  queue_options chosen = expires(1000);
  chosen.dead_letter_exchange = "dlx";
  fixture f{chosen};
  f.publish(f.batch(1));
  BOOST_TEST(f.tick_in_ms == 1000u);
  f.tick(1999);
  BOOST_TEST(!f.unused);
  f.tick(2000);
  BOOST_TEST(f.unused);
  BOOST_TEST(f.requests.empty());
  BOOST_TEST(f.queue->dead_letters() == 0u);
}

BOOST_AUTO_TEST_CASE(declaring_getting_and_consuming_is_use_and_publishing_is_not) {
  fixture f{expires(1000)};
  f.now_ms = 1900;
  f.send(status_request{f.channel()});
  f.tick(2800);
  BOOST_TEST(!f.unused);
  f.send(get_request{f.channel(), true});
  f.tick(3700);
  BOOST_TEST(!f.unused);
  auto who = f.consumer_on(f.channel());
  f.send(consume_request{who});
  f.tick(50'000);
  BOOST_TEST(!f.unused);
  BOOST_TEST(f.tick_in_ms == 0u);
  f.send(cancel_request{who});
  BOOST_TEST(f.tick_in_ms == 1000u);
  f.now_ms = 50'900;
  f.publish(f.batch(1));
  f.tick(51'000);
  BOOST_TEST(f.unused);
}

BOOST_AUTO_TEST_SUITE_END()

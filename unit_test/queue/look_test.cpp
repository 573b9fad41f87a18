// Looking into a queue changes nothing of it (features.md U13), and what holds it up is told.
#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

using namespace test;

namespace look_promises {
namespace {

bool look(fixture& at, uint64_t skip, uint32_t count, uint64_t number = 1) {
  queue_step step;
  const bool taken = at.queue->look({number, skip, count}, at.now_ms, step);
  at.take(step);
  return taken;
}

/// What the newest answer shows.
std::vector<delivery> seen(const fixture& in) {
  std::vector<delivery> all;
  BOOST_REQUIRE(!in.looks.empty());
  for (const seen_run& one : in.looks.back().runs)
    append_deliveries(one.what, one.redelivered, nullptr, all);
  return all;
}

numbers seen_numbers(const fixture& in) {
  numbers all;
  for (const delivery& one : seen(in))
    all.push_back(one.number);
  return all;
}

queue_settings keep_little() {
  queue_settings chosen;
  chosen.memory_bytes = 20'000;
  return chosen;
}

} // namespace
} // namespace look_promises

using namespace look_promises;

BOOST_AUTO_TEST_SUITE(look_promises)

BOOST_AUTO_TEST_CASE(looking_takes_nothing_marks_nothing_and_counts_nothing) {
  fixture f;
  for (int at = 0; at < 4; ++at)
    f.publish(f.batch(5));
  BOOST_TEST(look(f, 3, 9));
  BOOST_TEST(seen_numbers(f) == counting(4, 12), boost::test_tools::per_element());
  BOOST_TEST(look(f, 18, 9));
  BOOST_TEST(seen_numbers(f) == counting(19, 20), boost::test_tools::per_element());
  BOOST_TEST(look(f, 20, 9));
  BOOST_TEST(seen_numbers(f).empty());
  BOOST_TEST(look(f, UINT64_MAX, 9));
  BOOST_TEST(seen_numbers(f).empty());
  BOOST_TEST(f.queue->messages_ready() == 20u);
  BOOST_TEST(f.queue->counts()[counted::get] == 0u);
  f.send(consume_request{f.consumer_on(f.channel(), 0, true)});
  BOOST_TEST(f.deliveries.size() == 20u);
  for (const delivery& one : f.deliveries)
    BOOST_TEST(!one.redelivered);
}

BOOST_AUTO_TEST_CASE(what_was_handed_out_before_is_marked_as_it_would_be) {
  fixture f;
  f.publish(f.batch(3));
  auto who = f.consumer_on(f.channel(), 2);
  f.send(consume_request{who});
  f.send(channel_gone{who->channel});
  BOOST_TEST(look(f, 0, 10));
  const auto all = seen(f);
  BOOST_REQUIRE(all.size() == 3u);
  BOOST_TEST(all[0].redelivered);
  BOOST_TEST(all[1].redelivered);
  BOOST_TEST(!all[2].redelivered);
}

BOOST_AUTO_TEST_CASE(what_is_on_disk_is_read_back_for_the_looker_alone) {
  for (const bool persistent : {false, true}) {
    fixture f{keep_little()};
    for (int at = 0; at < 50; ++at) {
      f.publish(f.batch(10, persistent, 200));
      f.durable();
      f.paged();
    }
    f.settle_store();
    const uint64_t before = f.queue->bytes_in_memory();
    BOOST_TEST(look(f, 0, 200));
    BOOST_TEST(look(f, 450, 200, 2));
    BOOST_TEST(f.looks.empty());
    while (!f.store.reads.empty())
      f.read_done();
    BOOST_REQUIRE(f.looks.size() == 2u);
    BOOST_TEST(f.looks[0].number == 1u);
    BOOST_TEST(seen_numbers(f) == counting(451, 500), boost::test_tools::per_element());
    f.looks.pop_back();
    BOOST_TEST(seen_numbers(f) == counting(1, 200), boost::test_tools::per_element());
    BOOST_TEST(f.queue->bytes_in_memory() == before);
    BOOST_TEST(f.queue->messages_ready() == 500u);
    f.looks.clear();
  }
}

BOOST_AUTO_TEST_CASE(messages_that_end_while_they_are_read_are_not_shown) {
  fixture f{keep_little()};
  for (int at = 0; at < 50; ++at) {
    f.publish(f.batch(10, true, 200));
    f.durable();
  }
  f.settle_store();
  BOOST_TEST(look(f, 400, 20));
  BOOST_TEST(f.looks.empty());
  f.send(purge_request{f.channel()});
  while (!f.store.reads.empty())
    f.read_done();
  BOOST_REQUIRE(f.looks.size() == 1u);
  BOOST_TEST(seen_numbers(f).empty());
}

BOOST_AUTO_TEST_CASE(more_than_a_few_lookers_at_a_time_are_refused) {
  fixture f{keep_little()};
  for (int at = 0; at < 50; ++at) {
    f.publish(f.batch(10, true, 200));
    f.durable();
  }
  f.settle_store();
  for (size_t at = 0; at < queue_state::looks_max; ++at)
    BOOST_TEST(look(f, 400, 10, at + 1));
  BOOST_TEST(!look(f, 400, 10, 100));
  while (!f.store.reads.empty())
    f.read_done();
  BOOST_TEST(f.looks.size() == queue_state::looks_max);
  BOOST_TEST(look(f, 0, 1));
  f.deleted();
  BOOST_TEST(!look(f, 0, 1));
}

BOOST_AUTO_TEST_CASE(no_answer_is_longer_than_allowed) {
  fixture f;
  f.publish(f.batch(500));
  BOOST_TEST(look(f, 0, 400));
  BOOST_TEST(seen(f).size() == look_order::count_max);
  f.publish(f.batch(20, false, 1024 * 1024));
  BOOST_TEST(look(f, 500, 20));
  BOOST_TEST(seen(f).size() == 20u); // one run: the limit is looked at between runs
}

BOOST_AUTO_TEST_CASE(what_holds_consumers_up_is_told) {
  fixture f;
  BOOST_TEST(f.queue->flow().ready == 0u);
  auto slow = f.consumer_on(f.channel(), 2);
  auto free = f.consumer_on(f.channel(), 0);
  f.send(consume_request{slow});
  f.publish(f.batch(5));
  auto flow = f.queue->flow();
  BOOST_TEST(flow.ready == 3u);
  BOOST_TEST(flow.at_prefetch == 1u);
  BOOST_TEST(flow.awake == 0u);
  f.send(consume_request{free});
  flow = f.queue->flow();
  BOOST_TEST(flow.ready == 0u);
  BOOST_TEST(flow.awake == 1u);
  free->unwritten_bytes = 1'000'000'000;
  f.publish(f.batch(1));
  flow = f.queue->flow();
  BOOST_TEST(flow.starved == 1u);
  BOOST_TEST(flow.ready == 1u);
}

BOOST_AUTO_TEST_CASE(what_holds_publishers_up_is_told) {
  fixture f;
  f.store.is_congested = true;
  f.publish(f.batch(3, true), f.channel(), 1);
  BOOST_TEST(f.queue->flow().unconfirmed == 3u);
  f.durable();
  const auto flow = f.queue->flow();
  BOOST_TEST(flow.unconfirmed == 0u);
  BOOST_TEST(flow.withheld);
  BOOST_TEST(flow.by_store);
  f.store.is_congested = false;
  f.publish(f.batch(1, true));
  f.durable();
  BOOST_TEST(!f.queue->flow().withheld);
}

BOOST_AUTO_TEST_SUITE_END()

// Counts of messages and how fast they rise (features.md O22).
#include <boost/test/unit_test.hpp>

#include "model/message_counts.hpp"

namespace message_counting {

broker::message_counts published(uint64_t messages) {
  broker::message_counts counts;
  counts[broker::counted::publish] = messages;
  return counts;
}

} // namespace message_counting

BOOST_AUTO_TEST_SUITE(message_counting)

BOOST_AUTO_TEST_CASE(a_rate_is_that_between_two_looks_far_enough_apart) {
  broker::count_rates rates;
  BOOST_TEST(rates.look(published(1'000), 10'000)[0] == 0);   // nobody has looked before
  BOOST_TEST(rates.look(published(1'100), 11'000)[0] == 0);   // too soon
  BOOST_TEST(rates.look(published(1'500), 15'000)[0] == 100); // 500 in five seconds
  BOOST_TEST(rates.look(published(9'999), 15'001)[0] == 100); // still that one
  BOOST_TEST(rates.look(published(9'999), 20'000)[0] > 1'000);
}

BOOST_AUTO_TEST_CASE(an_old_look_says_nothing_about_now) {
  broker::count_rates rates;
  rates.look(published(0), 1'000);
  rates.look(published(500), 6'000);
  BOOST_TEST(rates.look(published(1'000'000), 6'000 + broker::count_rates::stale_ms + 1)[0] == 0);
  BOOST_TEST(rates.look(published(1'000'000), 6'000 + broker::count_rates::stale_ms + 5'001)[0] == 0);
}

BOOST_AUTO_TEST_CASE(deliveries_and_gets_are_counted_together) {
  broker::message_counts counts;
  for (const auto kind : {broker::counted::deliver, broker::counted::deliver_no_ack, broker::counted::get,
                          broker::counted::get_no_ack, broker::counted::get_empty, broker::counted::ack})
    counts[kind] = 1;
  BOOST_TEST(counts.deliver_get() == 4u);
  counts += counts;
  BOOST_TEST(counts.deliver_get() == 8u);
}

BOOST_AUTO_TEST_SUITE_END()

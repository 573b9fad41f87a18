#include <boost/test/unit_test.hpp>

#include "amqp/reply.hpp"

namespace amqp = broker::amqp;

BOOST_AUTO_TEST_SUITE(reply)

BOOST_AUTO_TEST_CASE(an_error_starts_with_the_name_of_its_code) {
  const auto missing = amqp::not_found("no queue 'q' in vhost '/'");
  BOOST_TEST(missing.code == 404);
  BOOST_TEST(missing.text == "NOT_FOUND - no queue 'q' in vhost '/'");
  BOOST_TEST(amqp::make_error(320, "shutdown").text == "CONNECTION_FORCED - shutdown");
}

BOOST_AUTO_TEST_CASE(a_text_too_long_for_a_shortstr_is_cut_with_dots) {
  const auto longest = amqp::not_found(std::string(243, 'x'));
  BOOST_TEST(longest.text.size() == 255u);
  BOOST_TEST(longest.text.ends_with("xxx"));
  const auto cut = amqp::not_found(std::string(244, 'x'));
  BOOST_TEST(cut.text.size() == 255u);
  BOOST_TEST(cut.text.ends_with("x..."));
}

BOOST_AUTO_TEST_CASE(soft_errors_close_the_channel_and_hard_ones_the_connection) {
  for (const uint16_t soft : {311, 403, 404, 405, 406})
    BOOST_TEST(!amqp::closes_connection(soft));
  for (const uint16_t hard : {320, 402, 501, 502, 503, 504, 505, 506, 530, 540, 541})
    BOOST_TEST(amqp::closes_connection(hard));
}

BOOST_AUTO_TEST_SUITE_END()

#include <boost/test/unit_test.hpp>

#include "net/login_guard.hpp"

using broker::login_guard;
namespace limits = broker::limits;

namespace failed_logins {
namespace {

constexpr uint64_t minute = limits::login_refusal_ms;

void fail(login_guard& guard, const std::string& network, size_t times, uint64_t now_ms) {
  for (size_t i = 0; i < times; ++i)
    guard.failed(network, now_ms);
}

} // namespace
} // namespace failed_logins

BOOST_AUTO_TEST_SUITE(failed_logins)

BOOST_AUTO_TEST_CASE(the_tenth_failure_within_a_minute_shuts_the_address_out_for_a_minute) {
  login_guard guard;
  fail(guard, "10.0.0.1", limits::login_failures_per_minute_max - 1, 1000);
  BOOST_TEST(!guard.refuses("10.0.0.1", 1000));
  BOOST_TEST(guard.failed("10.0.0.1", 50'000));
  BOOST_TEST(guard.refuses("10.0.0.1", 50'000));
  BOOST_TEST(guard.refuses("10.0.0.1", 50'000 + minute - 1));
  BOOST_TEST(!guard.refuses("10.0.0.1", 50'000 + minute));
  BOOST_TEST(!guard.refuses("10.0.0.2", 50'000));
}

BOOST_AUTO_TEST_CASE(only_the_last_straw_is_reported) {
  login_guard guard;
  fail(guard, "a", limits::login_failures_per_minute_max - 1, 0);
  BOOST_TEST(guard.failed("a", 0));
  BOOST_TEST(!guard.failed("a", 1)); // connections that were open already
}

BOOST_AUTO_TEST_CASE(old_failures_do_not_count) {
  login_guard guard;
  fail(guard, "a", limits::login_failures_per_minute_max - 1, 0);
  BOOST_TEST(!guard.failed("a", minute));
  BOOST_TEST(!guard.refuses("a", minute));
}

BOOST_AUTO_TEST_CASE(a_flood_of_addresses_displaces_the_oldest_ones_only) {
  login_guard guard{{.failures_max = 2, .window_ms = minute, .networks_max = 3}};
  fail(guard, "oldest", 2, 1);
  fail(guard, "shut out", 2, 2);
  guard.failed("c", 3);
  guard.failed("d", 4);
  BOOST_TEST(!guard.refuses("oldest", 5));
  BOOST_TEST(guard.refuses("shut out", 5));
  guard.failed("e", 2 * minute); // everything has expired: there is room again
  BOOST_TEST(!guard.refuses("shut out", 2 * minute));
}

BOOST_AUTO_TEST_SUITE_END()

#include <boost/test/unit_test.hpp>

#include "histogram.hpp"

using broker::bench::histogram;

BOOST_AUTO_TEST_SUITE(bench_histogram)

BOOST_AUTO_TEST_CASE(an_empty_histogram_has_no_quantiles) {
  const histogram empty;
  BOOST_TEST(empty.count() == 0u);
  BOOST_TEST(empty.quantile(0.5) == 0u);
  BOOST_TEST(empty.max() == 0u);
}

BOOST_AUTO_TEST_CASE(small_values_are_exact) {
  histogram values;
  for (uint64_t value = 1; value <= 100; ++value)
    values.record(value);
  BOOST_TEST(values.quantile(0.01) == 1u);
  BOOST_TEST(values.quantile(0.5) == 50u);
  BOOST_TEST(values.quantile(0.99) == 99u);
  BOOST_TEST(values.quantile(1.0) == 100u);
}

BOOST_AUTO_TEST_CASE(a_quantile_is_off_by_less_than_one_percent_at_any_magnitude) {
  for (uint64_t value = 1; value < uint64_t{1} << 62; value = value * 3 + 1) {
    histogram values;
    values.record(value);
    values.record(UINT64_MAX); // so that the maximum does not cap the bucket's edge
    const uint64_t median = values.quantile(0.5);
    BOOST_TEST(median >= value);
    BOOST_TEST(static_cast<double>(median - value) <= static_cast<double>(value) * 0.008);
  }
}

BOOST_AUTO_TEST_CASE(the_largest_quantile_is_the_exact_maximum) {
  histogram values;
  values.record(1'000'003);
  values.record(5);
  BOOST_TEST(values.quantile(1.0) == 1'000'003u);
  values.record(UINT64_MAX);
  BOOST_TEST(values.quantile(1.0) == UINT64_MAX);
}

BOOST_AUTO_TEST_CASE(one_slow_message_in_a_thousand_shows_at_p999_and_not_at_p99) {
  histogram values;
  for (int i = 0; i < 998; ++i)
    values.record(10);
  values.record(100'000);
  values.record(100'000);
  BOOST_TEST(values.quantile(0.99) == 10u);
  BOOST_TEST(values.quantile(0.999) == 100'000u);
}

BOOST_AUTO_TEST_CASE(merging_is_recording_into_one) {
  histogram first, second, both;
  for (uint64_t value = 1; value < 5000; value += 7) {
    (value % 2 == 0 ? first : second).record(value * value);
    both.record(value * value);
  }
  first.merge(second);
  BOOST_TEST(first.count() == both.count());
  BOOST_TEST(first.max() == both.max());
  for (const double fraction : {0.1, 0.5, 0.9, 0.99, 1.0})
    BOOST_TEST(first.quantile(fraction) == both.quantile(fraction));
}

BOOST_AUTO_TEST_SUITE_END()

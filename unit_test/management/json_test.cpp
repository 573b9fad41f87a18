// JSON of lists, samples over time, and Prometheus' text.
#include <boost/test/unit_test.hpp>

#include <nlohmann/json.hpp>

#include "management/exposition.hpp"
#include "management/history.hpp"
#include "management/json_writer.hpp"

namespace management_values {

using namespace broker::management;

node_activity with_publishes(uint64_t count) {
  node_activity now;
  now.messages[broker::counted::publish] = count;
  now.ready = count;
  return now;
}

} // namespace management_values

BOOST_AUTO_TEST_SUITE(management_values)

BOOST_AUTO_TEST_CASE(what_is_written_reads_as_json_whatever_the_texts_hold) {
  const std::string odd = std::string{"quote\" back\\ line\n bell\x07 nul"} + '\0' + " \xC3\xBC";
  json_writer out;
  {
    object_writer to{out, {}};
    to.add("text", odd);
    to.add("broken", std::string_view{"a\xFFz"});
    to.add("number", 5);
    to.add("real", 2.0);
    to.add("truth", true);
    to.add_null("nothing");
    to.add_rated("count", uint64_t{7}, 0.5);
    out.key("list");
    out.begin_array();
    out.value("a");
    out.begin_object();
    out.end_object();
    out.end_array();
  }
  const auto read = nlohmann::json::parse(out.text());
  BOOST_TEST(read["text"].get<std::string>() == odd);
  BOOST_TEST(read["broken"].get<std::string>() == "a\xEF\xBF\xBDz");
  BOOST_TEST(read["real"].is_number_float());
  BOOST_TEST(read["count_details"]["rate"].get<double>() == 0.5);
  BOOST_TEST(read["list"].size() == 2u);
  BOOST_TEST(read["nothing"].is_null());
}

BOOST_AUTO_TEST_CASE(only_wanted_fields_are_written) {
  const std::vector<std::string> wanted{"b", "c_details"};
  json_writer out;
  {
    object_writer to{out, wanted};
    to.add("a", 1);
    to.add("b", 2);
    to.add_rated("c", 3, 1.5);
  }
  BOOST_TEST(out.text() == R"({"b":2,"c_details":{"rate":1.5}})");
}

BOOST_AUTO_TEST_CASE(rates_are_those_of_the_last_interval) {
  history past;
  BOOST_TEST(past.rate(0) == 0);
  past.add(1'000, with_publishes(100));
  BOOST_TEST(past.rate(0) == 0);
  past.add(1'005, with_publishes(150));
  BOOST_TEST(past.rate(0) == 10);
  past.add(1'005, with_publishes(900)); // the clock stands: not a new interval
  BOOST_TEST(past.rate(0) == 10);
}

BOOST_AUTO_TEST_CASE(samples_reach_back_as_far_as_they_are_asked_for) {
  history past;
  const uint64_t begin = 1'800'000;
  for (uint64_t s = 0; s <= 7'200; s += 5)
    past.add(begin + s, with_publishes(s));
  const auto minute = past.samples(0, {60, 5});
  BOOST_REQUIRE(minute.values.size() == 13u);
  BOOST_TEST(minute.newest_s == begin + 7'200);
  BOOST_TEST(minute.values.front() == 7'200u);
  BOOST_TEST(minute.values.back() == 7'140u);
  const auto hour = past.samples(0, {3'600, 60});
  BOOST_REQUIRE(hour.values.size() == 61u);
  BOOST_TEST(hour.values.back() >= 3'600u);
  BOOST_TEST(hour.values.back() < 3'660u);
  BOOST_TEST(past.samples(0, {86'400, 1'800}).values.size() == 49u);
  BOOST_TEST(past.samples(0, {1'000'000, 5}).values.size() <= sample_log::samples_max);
  BOOST_TEST(history{}.samples(0, {60, 5}).empty());
}

BOOST_AUTO_TEST_CASE(labels_are_escaped) {
  exposition out{"x_"};
  out.one("metric", exposition::type::gauge, "help", uint64_t{1}, {{"name", "a\"b\\c\nd"}, {"other", "y"}});
  BOOST_TEST(out.take()
             == "# TYPE x_metric gauge\n# HELP x_metric help\n"
                "x_metric{name=\"a\\\"b\\\\c\\nd\",other=\"y\"} 1\n");
}

BOOST_AUTO_TEST_SUITE_END()

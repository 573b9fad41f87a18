// What makes long lists quick: members found in JSON without a tree, answers that are given again (features.md O21).
#include <boost/test/unit_test.hpp>

#include <nlohmann/json.hpp>

#include "management/answer_cache.hpp"
#include "management/json_writer.hpp"
#include "management/sort_key.hpp"

namespace long_lists {

using namespace broker::management;
using kind = sort_key::kind;

const std::string object =
  R"({"a":1,"deep":{"x":{"rate":2.5},"list":[1,{"a":9},"]"],"b":-3},"text":"q\"\\z","truth":true,)"
  R"("nothing":null,"whole":{},"brackets":"}{][,","last":1e3})";

sort_key key(const std::vector<std::string>& path) {
  return sort_key_in(object, path);
}

} // namespace long_lists

BOOST_AUTO_TEST_SUITE(long_lists)

BOOST_AUTO_TEST_CASE(members_are_found_wherever_they_are) {
  BOOST_TEST(nlohmann::json::accept(object));
  BOOST_TEST(key({"a"}).number == 1);
  BOOST_TEST(key({"deep", "x", "rate"}).number == 2.5);
  BOOST_TEST(key({"deep", "b"}).number == -3);
  BOOST_TEST(key({"last"}).number == 1000);
  BOOST_TEST(key({"text"}).text == "q\"\\z");
  BOOST_TEST(key({"brackets"}).text == "}{][,");
  BOOST_TEST((key({"truth"}).what == kind::truth));
  BOOST_TEST((key({"deep"}).what == kind::whole));
  for (const std::vector<std::string>& none : std::vector<std::vector<std::string>>{
         {"nothing"}, {"b"}, {"rate"}, {"deep", "a"}, {"a", "a"}, {"text", "x"}, {"whole", "x"}, {""}})
    BOOST_TEST((key(none).what == kind::nothing));
}

BOOST_AUTO_TEST_CASE(what_is_cut_off_or_no_json_does_no_harm) {
  for (size_t size = 0; size <= object.size(); ++size)
    for (const auto& path : {std::vector<std::string>{"last"}, {"deep", "x", "rate"}, {"text"}})
      sort_key_in(std::string_view{object}.substr(0, size), path);
  for (const char* odd : {"", "{", "{\"", "{\"a", "{\"a\"", "{\"a\":", "[]", "]}", "{\"a\":}", "\\"})
    BOOST_TEST((sort_key_in(odd, std::vector<std::string>{"a"}).what == kind::nothing), odd);
}

BOOST_AUTO_TEST_CASE(keys_are_in_the_order_of_their_kinds_and_then_of_their_values) {
  const auto of = [](const std::string& value) {
    return sort_key_in("{\"k\":" + value + "}", std::vector<std::string>{"k"});
  };
  const std::vector<std::string> order{"null", "false", "true", "-1.5",   "0",     "3",    "20",
                                       "1e9",  "{}",    "\"\"", "\"10\"", "\"9\"", "\"a\""};
  for (size_t i = 0; i < order.size(); ++i)
    for (size_t j = 0; j < order.size(); ++j)
      BOOST_TEST((of(order[i]) < of(order[j])) == (i < j), order[i] << " " << order[j]);
}

BOOST_AUTO_TEST_CASE(plain_texts_and_those_that_need_escapes_are_told_apart_at_every_place) {
  for (int octet = 1; octet < 256; ++octet)
    for (size_t place : {size_t{0}, size_t{7}, size_t{19}}) {
      std::string text(20, 'x');
      text[place] = static_cast<char>(octet);
      json_writer out;
      out.value(text);
      const auto read = nlohmann::json::parse(out.text(), nullptr, false);
      BOOST_REQUIRE(read.is_string());
      BOOST_TEST((octet >= 0x80 || read.get<std::string>() == text));
    }
}

BOOST_AUTO_TEST_CASE(an_answer_is_given_again_until_what_it_was_made_of_is_too_old) {
  answer_cache cache;
  cache.keep("ann\n7\n/api/queues", "[]", 100, 1'000);
  BOOST_REQUIRE(cache.find("ann\n7\n/api/queues", 999));
  BOOST_TEST(*cache.find("ann\n7\n/api/queues", 999) == "[]");
  BOOST_TEST(!cache.find("ann\n7\n/api/queues", 1'000));
  BOOST_TEST(!cache.find("ann\n8\n/api/queues", 100));
  BOOST_TEST(!cache.find("bob\n7\n/api/queues", 100));
  cache.keep("ann\n7\n/api/queues", "[1]", 1'500, 2'500);
  BOOST_TEST(*cache.find("ann\n7\n/api/queues", 1'600) == "[1]");
  cache.keep("late", "x", 5'000, 5'000);
  BOOST_TEST(!cache.find("late", 4'999));
  cache.sweep(9'000);
  BOOST_TEST(cache.bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(answers_that_are_kept_are_bounded_in_number_and_bytes) {
  answer_cache cache;
  cache.keep("huge", std::string(answer_cache::answer_max_bytes, 'x'), 0, 1'000);
  BOOST_TEST(cache.bytes() == 0u);
  for (size_t i = 0; i < 10 * answer_cache::answers_max; ++i)
    cache.keep("few bytes " + std::to_string(i), "x", 0, 1'000);
  size_t kept = 0;
  for (size_t i = 0; i < 10 * answer_cache::answers_max; ++i)
    kept += cache.find("few bytes " + std::to_string(i), 1) != nullptr ? 1 : 0;
  BOOST_TEST(kept == answer_cache::answers_max);
  for (size_t i = 0; i < answer_cache::answers_max; ++i)
    cache.keep("large " + std::to_string(i), std::string(answer_cache::answer_max_bytes / 2, 'x'), 2'000, 3'000);
  BOOST_TEST(cache.bytes() <= answer_cache::all_max_bytes);
  BOOST_TEST(cache.bytes() > answer_cache::all_max_bytes / 2); // those whose time is over have made room
}

BOOST_AUTO_TEST_SUITE_END()

// What is a path to the HTTP server, and what is a trick.
#include <boost/test/unit_test.hpp>

#include "net/http/url.hpp"

namespace url {

using broker::http::parse_target;

std::vector<std::string> path_of(std::string_view text) {
  const auto target = parse_target(text);
  return target ? target->path : std::vector<std::string>{"(refused)"};
}

using texts = std::vector<std::string>;

} // namespace url

BOOST_AUTO_TEST_SUITE(url)

BOOST_AUTO_TEST_CASE(an_escaped_slash_is_part_of_a_name) {
  BOOST_TEST(path_of("/api/queues/%2F/a%2fb%25") == (texts{"api", "queues", "/", "a/b%"}));
  BOOST_TEST(path_of("/") == (texts{""}));
  BOOST_TEST(path_of("/api/users/") == (texts{"api", "users", ""}));
  BOOST_TEST(path_of("/a+b") == (texts{"a+b"}));
}

BOOST_AUTO_TEST_CASE(paths_that_climb_hide_or_break_off_are_refused) {
  for (const char* trick :
       {"", "api", "/../x", "/%2e%2e/x", "/.", "/a//b", "//a", "/%", "/%4", "/%zz", "/a%00b", "http://host/api"})
    BOOST_TEST(path_of(trick) == texts{"(refused)"}, trick);
  std::string deep;
  for (int i = 0; i < 65; ++i)
    deep += "/a";
  BOOST_TEST(path_of(deep) == texts{"(refused)"});
}

BOOST_AUTO_TEST_CASE(parameters_are_decoded_in_order) {
  const auto target = parse_target("/q?name=a+b%26&page=2&flag&name=second#ignored");
  BOOST_REQUIRE(target.has_value());
  BOOST_TEST(*target->find("name") == "a b&");
  BOOST_TEST(*target->value("page") == "2");
  BOOST_TEST(target->find("flag")->empty());
  BOOST_TEST(!target->value("flag").has_value());
  BOOST_TEST(target->find("other") == nullptr);
  BOOST_TEST(!parse_target("/q?a=%f").has_value());
}

BOOST_AUTO_TEST_CASE(what_is_encoded_decodes_to_itself) {
  const std::string name = "a b/%~\xC3\xBC\"<";
  BOOST_TEST(*broker::http::decode(broker::http::encode(name)) == name);
  BOOST_TEST(broker::http::encode("a.*") == "a.%2A");
}

BOOST_AUTO_TEST_SUITE_END()

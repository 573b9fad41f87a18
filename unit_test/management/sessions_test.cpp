// Log-ins of the web pages: bounded in number and time, and not to be guessed (S11).
#include <boost/test/unit_test.hpp>

#include <set>

#include "management/sessions.hpp"

namespace sessions_of_pages {

using namespace broker;
using namespace broker::management;

constexpr uint64_t minute = 60'000;

proof_of_login proof(const std::string& user) {
  return {user, "hash of " + user, true};
}

} // namespace sessions_of_pages

BOOST_AUTO_TEST_SUITE(sessions_of_pages)

BOOST_AUTO_TEST_CASE(a_session_is_found_by_its_value_and_by_nothing_else) {
  session_table table;
  const auto one = table.open(proof("ann"), 0);
  const auto other = table.open(proof("bob"), 0);
  BOOST_TEST(one.value.size() == 64u);
  BOOST_TEST(one.token.size() == 64u);
  const std::set<std::string> all{one.value, one.token, other.value, other.token};
  BOOST_TEST(all.size() == 4u);
  BOOST_REQUIRE(table.find(one.value, 1));
  BOOST_TEST(table.find(one.value, 1)->who.user == "ann");
  BOOST_TEST(table.find(one.value, 1)->token == one.token);
  for (const std::string& wrong :
       {std::string{}, one.token, one.value.substr(1), one.value + "0", std::string(64, '0')})
    BOOST_TEST(!table.find(wrong, 1));
  table.close(one.value);
  BOOST_TEST(!table.find(one.value, 1));
  BOOST_TEST(table.find(other.value, 1) != nullptr);
}

BOOST_AUTO_TEST_CASE(a_session_that_is_not_used_ends_and_so_does_an_old_one) {
  session_table table;
  const auto idle = table.open(proof("ann"), 0);
  const auto busy = table.open(proof("ann"), 0);
  const uint64_t number = table.find(busy.value, 0)->number;
  uint64_t now = 0;
  for (; now < 8 * 60 * minute - 20 * minute; now += 20 * minute)
    BOOST_TEST((now % (40 * minute) == 0 ? table.find(busy.value, now) != nullptr : table.still_open(number, now)));
  BOOST_TEST(!table.find(idle.value, now));
  BOOST_TEST(table.find(busy.value, now) != nullptr);
  BOOST_TEST(table.find(busy.value, 8 * 60 * minute - 1) != nullptr);
  BOOST_TEST(!table.find(busy.value, 8 * 60 * minute));
  BOOST_TEST(!table.still_open(number, 8 * 60 * minute));
  BOOST_TEST(table.size() == 0u);
}

BOOST_AUTO_TEST_CASE(too_many_sessions_end_the_one_that_was_not_used_for_longest) {
  session_limits limits;
  limits.most = 5;
  limits.per_user_most = 3;
  session_table table{limits};
  std::vector<session_table::opened> of_ann;
  for (uint64_t at = 0; at < 4; ++at)
    of_ann.push_back(table.open(proof("ann"), at));
  BOOST_TEST(!table.find(of_ann[0].value, 10));
  BOOST_TEST(table.find(of_ann[1].value, 10) != nullptr);
  for (uint64_t at = 0; at < 3; ++at)
    table.open(proof("user " + std::to_string(at)), 20 + at);
  BOOST_TEST(table.size() == 5u);
  BOOST_TEST(!table.find(of_ann[2].value, 30));
  BOOST_TEST(table.find(of_ann[1].value, 30) != nullptr); // used since
}

BOOST_AUTO_TEST_CASE(a_new_password_or_another_user_of_that_name_ends_what_was_logged_in) {
  const auto who = proof("ann");
  auto user = std::make_shared<user_record>();
  user->name = "ann";
  user->password_hash = "hash of ann";
  BOOST_TEST((who.still_good(user) == user));
  user->tags = {"administrator"};
  BOOST_TEST((who.still_good(user) == user));
  user->password_hash = "another";
  BOOST_TEST(!who.still_good(user));
  BOOST_TEST(!who.still_good(nullptr));
}

BOOST_AUTO_TEST_CASE(secrets_are_equal_or_not) {
  BOOST_TEST(equal_secrets("abc", "abc"));
  BOOST_TEST(!equal_secrets("abc", "abd"));
  BOOST_TEST(!equal_secrets("abc", "ab"));
  BOOST_TEST(!equal_secrets("", "a"));
}

BOOST_AUTO_TEST_SUITE_END()

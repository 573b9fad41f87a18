// Log-ins of the web pages: bounded in number and time, and not to be guessed (S11).
#include <boost/test/unit_test.hpp>

#include <set>

#include "base/hex.hpp"
#include "management/sessions.hpp"

namespace sessions_of_pages {

using namespace broker;
using namespace broker::management;

constexpr uint64_t minute = 60'000;
constexpr uint64_t day_one = 1'800'000'000'000; ///< unix time when tests begin
const std::string cookie = "COOKIEOFTHETESTS";

const session_keys& keys() {
  static const session_keys all{cookie, 7};
  return all;
}

/// A node's table, whose monotonic clock begins somewhere else than those of others.
struct node {
  explicit node(session_limits limits = {}, uint64_t boot = 0) : table(limits), monotonic_ahead(boot) {}

  moment at(uint64_t time) const {
    return {time + monotonic_ahead, day_one + time,
            cut_off_since && time >= *cut_off_since ? time - *cut_off_since : 0};
  }
  session_table::opened open(const std::string& user, uint64_t time) {
    return table.open(keys(), {user, "hash of " + user, true}, at(time));
  }
  const login_session* find(std::string_view value, uint64_t time) {
    return table.find(keys(), value, at(time), [&](const std::string& name) -> std::shared_ptr<const user_record> {
      if (name == nobody)
        return nullptr;
      auto user = std::make_shared<user_record>();
      user->name = name;
      user->password_hash = name == changed ? "another" : "hash of " + name;
      return user;
    });
  }
  std::optional<std::string> stamped(const std::string& value, uint64_t time) {
    const auto* known = find(value, time);
    return known == nullptr ? std::nullopt : table.stamped(keys(), *known, value, at(time));
  }

  session_table table;
  const uint64_t monotonic_ahead;
  std::string nobody;  ///< a user that is no more
  std::string changed; ///< a user who has another password by now
  std::optional<uint64_t> cut_off_since;
};

/// As the metadata bring it to another node.
ended_sessions told(node& from, uint64_t time) {
  return ended_sessions_in(to_text(from.table.ended_here(from.at(time))));
}

std::string id_of(std::string_view value) {
  const auto claim = keys().verify(value);
  BOOST_REQUIRE(claim);
  return claim->id;
}

} // namespace sessions_of_pages

BOOST_AUTO_TEST_SUITE(sessions_of_pages)

BOOST_AUTO_TEST_CASE(a_session_is_found_by_its_value_and_by_nothing_else) {
  node here;
  const auto one = here.open("ann", 0);
  const auto other = here.open("bob", 0);
  BOOST_TEST(one.token.size() == 64u);
  const std::set<std::string> all{one.value, one.token, other.value, other.token};
  BOOST_TEST(all.size() == 4u);
  const auto* found = here.find(one.value, 1);
  BOOST_REQUIRE(found);
  BOOST_TEST(found->who.user == "ann");
  BOOST_TEST(found->who.password_hash == "hash of ann");
  BOOST_TEST(found->token == one.token);
  for (const std::string& wrong :
       {std::string{}, one.token, one.value.substr(2), one.value + "00", std::string(64, '0')})
    BOOST_TEST(!here.find(wrong, 1));
  here.table.end(found->claim.id, here.at(2));
  BOOST_TEST(!here.find(one.value, 2));
  BOOST_TEST(here.find(other.value, 2) != nullptr);
}

BOOST_AUTO_TEST_CASE(no_bit_of_a_value_can_be_changed) {
  node here;
  const auto one = here.open("ann", 0);
  const auto octets = from_hex(one.value);
  BOOST_REQUIRE(octets);
  for (size_t bit = 0; bit < octets->size() * 8; ++bit) {
    auto forged = *octets;
    forged[bit / 8] = static_cast<char>(forged[bit / 8] ^ (1 << bit % 8));
    BOOST_TEST(!keys().verify(to_hex(forged)));
  }
  for (size_t size = 0; size < one.value.size(); ++size)
    BOOST_TEST(!keys().verify(one.value.substr(0, size)));
  std::string capitals = one.value;
  for (char& each : capitals)
    each = each >= 'a' && each <= 'f' ? static_cast<char>(each - 'a' + 'A') : each;
  BOOST_TEST(!keys().verify(capitals));
}

BOOST_AUTO_TEST_CASE(keys_are_those_of_the_cookie_and_the_cluster) {
  session_claim claim;
  claim.id = random_id();
  claim.user = "ann";
  claim.opened_ms = 1'000;
  claim.stamped_ms = 2'000;
  claim.loopback = true;
  claim.mark = keys().mark_of(claim.id, "hash");
  const auto value = keys().sign(claim);
  const session_keys same{cookie, 7}, another_cluster{cookie, 8}, another_cookie{cookie + "X", 7};
  BOOST_REQUIRE(same.verify(value));
  BOOST_TEST((*same.verify(value) == claim));
  BOOST_TEST(same.cookie_name() == keys().cookie_name());
  BOOST_TEST(same.token_of(claim.id) == keys().token_of(claim.id));
  for (const session_keys* other : {&another_cluster, &another_cookie}) {
    BOOST_TEST(!other->verify(value));
    BOOST_TEST(other->cookie_name() != keys().cookie_name());
    BOOST_TEST(other->token_of(claim.id) != keys().token_of(claim.id));
    BOOST_TEST(other->mark_of(claim.id, "hash") != claim.mark);
  }
  BOOST_TEST(keys().mark_of(claim.id, "other") != claim.mark);
}

BOOST_AUTO_TEST_CASE(a_session_that_is_not_used_ends_and_so_does_an_old_one) {
  node here;
  const auto idle = here.open("ann", 0);
  auto busy = here.open("ann", 0).value;
  const uint64_t number = here.find(busy, 0)->number;
  uint64_t now = 0;
  for (; now < 8 * 60 * minute - 20 * minute; now += 20 * minute) {
    BOOST_TEST(
      (now % (40 * minute) == 0 ? here.find(busy, now) != nullptr : here.table.still_open(number, here.at(now))));
    busy = here.stamped(busy, now).value_or(busy);
  }
  BOOST_TEST(!here.find(idle.value, now));
  BOOST_TEST(here.find(busy, now) != nullptr);
  BOOST_TEST(here.find(busy, 8 * 60 * minute - 1) != nullptr);
  BOOST_TEST(!here.find(busy, 8 * 60 * minute));
  BOOST_TEST(!here.table.still_open(number, here.at(8 * 60 * minute)));
  BOOST_TEST(here.table.size() == 0u);
}

BOOST_AUTO_TEST_CASE(any_node_of_the_cluster_knows_the_session) {
  node here{{}, 5'000'000}, there;
  const auto one = here.open("ann", 0);
  const auto* found = there.find(one.value, minute);
  BOOST_REQUIRE(found);
  BOOST_TEST(found->who.user == "ann");
  BOOST_TEST(found->who.loopback);
  BOOST_TEST(found->token == one.token);
  BOOST_TEST(there.find(one.value, 20 * minute)->number == found->number); // not another one each time
  BOOST_TEST(there.table.size() == 1u);
  // Not older there than where it was opened.
  for (uint64_t now = 20 * minute; now < 8 * 60 * minute; now += 20 * minute)
    BOOST_TEST(there.find(one.value, now) != nullptr);
  BOOST_TEST(!there.find(one.value, 8 * 60 * minute));
}

BOOST_AUTO_TEST_CASE(a_node_takes_over_what_was_stamped_within_the_time_that_a_session_may_be_unused) {
  node here, there, later;
  const auto one = here.open("ann", 0).value;
  BOOST_TEST(!there.find(one, 30 * minute));
  BOOST_TEST(there.find(one, 30 * minute - 1) != nullptr);
  BOOST_TEST(!here.stamped(one, 4 * minute - 1));
  const auto younger = here.stamped(one, 20 * minute);
  BOOST_REQUIRE(younger);
  BOOST_TEST(*younger != one);
  BOOST_TEST(!later.find(one, 40 * minute));
  BOOST_TEST(later.find(*younger, 40 * minute) != nullptr);
  // Unused here for long, but not elsewhere.
  const auto youngest = later.stamped(*younger, 65 * minute);
  BOOST_REQUIRE(youngest);
  BOOST_TEST(!here.find(*younger, 70 * minute));
  BOOST_TEST(here.find(*youngest, 70 * minute) != nullptr);
  // No stamp makes it live for ever.
  auto value = *youngest;
  for (uint64_t now = 70 * minute; now < 8 * 60 * minute; now += 20 * minute)
    value = here.stamped(value, now).value_or(value);
  node last;
  BOOST_TEST(last.find(value, 8 * 60 * minute - 1) != nullptr);
  BOOST_TEST(!node{}.find(value, 8 * 60 * minute));
}

BOOST_AUTO_TEST_CASE(a_session_that_has_ended_is_not_taken_over_again) {
  node here, there;
  const auto one = here.open("ann", 0).value;
  const std::string id = here.find(one, 0)->claim.id;
  BOOST_REQUIRE(there.find(one, 1));
  here.table.end(id, here.at(2));
  there.table.end(id, there.at(2));
  for (node* each : {&here, &there})
    for (const uint64_t now : {uint64_t{3}, 10 * minute, 30 * minute, 40 * minute})
      BOOST_TEST(!each->find(one, now));
  here.table.sweep(here.at(40 * minute));
  BOOST_TEST(here.table.ended() == 0u); // no value of it could be taken over any more
}

BOOST_AUTO_TEST_CASE(a_node_that_was_restarted_goes_on_with_what_was_open_and_with_nothing_that_has_ended) {
  node before;
  const auto open = before.open("ann", 0).value, left = before.open("ann", 0).value;
  before.table.end(id_of(left), before.at(minute));
  const auto kept = told(before, minute);
  BOOST_TEST(kept.until_ms.size() == 1u);
  node after{{}, 99'000'000};
  after.table.learn(kept, true);
  BOOST_TEST(after.find(open, 2 * minute) != nullptr);
  BOOST_TEST(!after.find(left, 2 * minute));
  BOOST_TEST((told(after, 2 * minute) == kept)); // and goes on telling it
  BOOST_TEST(told(after, 40 * minute).empty());
}

BOOST_AUTO_TEST_CASE(a_node_that_was_not_there_learns_later_what_has_ended) {
  node here, there, third;
  const auto one = here.open("ann", 0).value, other = here.open("ann", 0).value;
  BOOST_REQUIRE(there.find(one, 1));
  here.table.end(id_of(one), here.at(2));
  there.table.learn(told(here, 3), false);
  BOOST_TEST(!there.find(one, 4));
  BOOST_TEST(there.find(other, 4) != nullptr);
  BOOST_TEST(told(there, 5).empty()); // each tells its own
  third.table.learn(told(here, 3), false);
  BOOST_TEST(!third.find(one, 4));
}

BOOST_AUTO_TEST_CASE(a_node_that_is_cut_off_for_long_takes_only_who_has_logged_in_there_since) {
  node here, there;
  const auto elsewhere = here.open("ann", 0).value, known = there.open("bob", 0).value;
  const uint64_t number = there.find(known, 1)->number;
  there.cut_off_since = minute;
  for (const uint64_t now : {2 * minute, 6 * minute}) { // as others have gone on, perhaps
    BOOST_TEST(there.find(known, now) != nullptr);
    BOOST_TEST(there.find(elsewhere, now) != nullptr);
  }
  const auto since = there.open("bob", 4 * minute).value;
  BOOST_TEST(!there.table.still_open(number, there.at(6 * minute + 1)));
  BOOST_TEST(!there.find(known, 6 * minute + 1));
  BOOST_TEST(!there.find(elsewhere, 6 * minute + 1));
  BOOST_TEST(there.find(since, 6 * minute + 1) != nullptr);
  there.cut_off_since.reset(); // having learned what it has missed
  BOOST_TEST(there.find(known, 7 * minute) != nullptr);
  BOOST_TEST(there.find(elsewhere, 7 * minute) != nullptr);
}

BOOST_AUTO_TEST_CASE(what_is_told_is_read_back_and_nothing_else_is_believed) {
  ended_sessions some;
  some.until_ms = {{random_id(), 17}, {random_id(), 18}};
  some.none_before_ms = 5;
  BOOST_TEST((ended_sessions_in(to_text(some)) == some));
  BOOST_TEST((ended_sessions_in(to_text({})) == ended_sessions{}));
  for (const char* bad : {"", "[]", "{", "17", R"({"ended":[]})", R"({"ended":{"xx":1,"00":"1","01":-1}})",
                          R"({"none_before":-1})", R"({"none_before":"x"})"})
    BOOST_TEST(ended_sessions_in(bad).empty());
  BOOST_TEST(ended_sessions_in(R"({"ended":{"00":1,"zz":2},"more":3})").until_ms.size() == 1u);
}

BOOST_AUTO_TEST_CASE(when_too_many_have_ended_to_name_them_all_others_take_nothing_old) {
  session_limits limits;
  limits.told_most = 8;
  node here{limits}, there, restarted{limits};
  const auto left = here.open("ann", 0).value, kept = here.open("ann", 0).value;
  BOOST_REQUIRE(there.find(left, 1));
  BOOST_REQUIRE(there.find(kept, 1));
  here.table.end(id_of(left), here.at(1));
  for (int i = 0; i < 20; ++i)
    here.table.end(random_id(), here.at(2));
  const auto news = told(here, 3);
  BOOST_TEST(news.until_ms.size() <= 8u);
  BOOST_TEST(!here.find(left, 3));
  BOOST_TEST(here.find(kept, 3) != nullptr); // this node knows better
  there.table.learn(news, false);
  restarted.table.learn(news, true);
  for (node* each : {&there, &restarted}) {
    BOOST_TEST(!each->find(left, 4));
    BOOST_TEST(!each->find(kept, 4));
    const auto younger = here.stamped(kept, 5 * minute);
    BOOST_REQUIRE(younger);
    BOOST_TEST(each->find(*younger, 5 * minute) != nullptr);
  }
  BOOST_TEST(told(here, 40 * minute).empty());
}

BOOST_AUTO_TEST_CASE(clocks_of_nodes_may_differ_a_little) {
  node here, there, far;
  const auto one = here.open("ann", 2 * minute).value;
  BOOST_TEST(there.find(one, minute) != nullptr);
  BOOST_TEST(!far.find(one, minute - 1));
}

BOOST_AUTO_TEST_CASE(a_session_of_a_user_who_has_gone_or_has_another_password_is_not_taken_over) {
  node here, there;
  const auto ann = here.open("ann", 0).value, bob = here.open("bob", 0).value;
  there.nobody = "ann";
  there.changed = "bob";
  BOOST_TEST(!there.find(ann, 1));
  BOOST_TEST(!there.find(bob, 1));
  there.changed = {};
  BOOST_TEST(there.find(bob, 1) != nullptr);
}

BOOST_AUTO_TEST_CASE(when_too_many_have_ended_to_remember_nothing_old_is_taken_over) {
  session_limits limits;
  limits.ended_most = 8;
  node there{limits};
  node here;
  const auto left = here.open("ann", 0).value, kept = here.open("ann", 0).value;
  BOOST_REQUIRE(there.find(left, 1));
  there.table.end(there.find(left, 1)->claim.id, there.at(1));
  for (int i = 0; i < 20; ++i)
    there.table.end(random_id(), there.at(2));
  BOOST_TEST(there.table.ended() <= 8u);
  BOOST_TEST(!there.find(left, 3));
  BOOST_TEST(!there.find(kept, 3));
  const auto younger = here.stamped(kept, 5 * minute);
  BOOST_REQUIRE(younger);
  BOOST_TEST(there.find(*younger, 5 * minute) != nullptr);
}

BOOST_AUTO_TEST_CASE(too_many_sessions_end_the_one_that_was_not_used_for_longest) {
  session_limits limits;
  limits.most = 5;
  limits.per_user_most = 3;
  node here{limits};
  std::vector<session_table::opened> of_ann;
  for (uint64_t at = 0; at < 4; ++at)
    of_ann.push_back(here.open("ann", at));
  BOOST_TEST(!here.find(of_ann[0].value, 10));
  BOOST_TEST(here.find(of_ann[1].value, 10) != nullptr);
  for (uint64_t at = 0; at < 3; ++at)
    here.open("user " + std::to_string(at), 20 + at);
  BOOST_TEST(here.table.size() == 5u);
  BOOST_TEST(!here.find(of_ann[2].value, 30));
  BOOST_TEST(here.find(of_ann[1].value, 30) != nullptr); // used since
}

BOOST_AUTO_TEST_CASE(a_new_password_or_another_user_of_that_name_ends_what_was_logged_in) {
  const proof_of_login who{"ann", "hash of ann", true};
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

BOOST_AUTO_TEST_SUITE_END()

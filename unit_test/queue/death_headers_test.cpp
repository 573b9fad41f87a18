// W53: what a dead letter says of its deaths, whatever else its properties hold.
#include <boost/test/unit_test.hpp>

#include <random>

#include "amqp/properties.hpp"
#include "model/message_copy.hpp"
#include "queue/death_headers.hpp"

namespace death_headers {
namespace {

using namespace broker;
using namespace broker::queueing;

amqp::properties after(const amqp::properties& before, const death& what, bool keeps_copies = true,
                       std::string_view key = "key") {
  const batch_ref batch = copy_message(bare_message("x", key)->messages[0], "x", key, before);
  byte_buffer bytes;
  append_death(bytes, what, batch->messages[0], keeps_copies);
  auto decoded = amqp::decode_properties(bytes.view());
  BOOST_REQUIRE(decoded.ok());
  return *decoded;
}

bool cycles(const amqp::properties& properties, std::string_view queue) {
  const batch_ref batch = copy_message(bare_message("x", "key")->messages[0], "x", "key", properties);
  return is_death_cycle(batch->messages[0].property_bytes(), queue);
}

amqp::field_table& death_of(amqp::properties& properties, size_t at) {
  for (auto& [name, value] : properties.headers->entries)
    if (name == "x-death")
      return std::get<amqp::field_table>(std::get<amqp::field_array>(value.value).values.at(at).value);
  throw std::out_of_range{"x-death"};
}

size_t deaths_in(const amqp::properties& properties) {
  return std::get<amqp::field_array>(properties.headers->find("x-death")->value).values.size();
}

std::string text(const amqp::field_table& table, std::string_view name) {
  const auto* found = table.find(name);
  return found && found->as_string() ? *found->as_string() : "-";
}

const death expired{"q", dead_letter_reason::expired, 1700000000};

/// Each of the 14 properties is there or not.
amqp::properties random_properties(std::mt19937& random) {
  amqp::properties made;
  const auto maybe = [&](auto& property, auto value) {
    if (random() % 2 == 0)
      property = value;
  };
  const std::string word(random() % 256, 'w');
  maybe(made.content_type, word);
  maybe(made.content_encoding, word);
  maybe(made.delivery_mode, uint8_t{2});
  maybe(made.priority, uint8_t{7});
  maybe(made.correlation_id, word);
  maybe(made.reply_to, word);
  maybe(made.expiration, std::string{"1234"});
  maybe(made.message_id, word);
  maybe(made.timestamp, uint64_t{1600000000});
  maybe(made.type, word);
  maybe(made.user_id, word);
  maybe(made.app_id, word);
  maybe(made.cluster_id, word);
  if (random() % 2 == 0) {
    made.headers.emplace();
    made.headers->set("zebra", {int8_t{-1}});
    made.headers->set("big", {std::numeric_limits<int64_t>::min()});
    made.headers->set("deep",
                      {amqp::field_table{{{"in", {amqp::field_array{{{true}, {1.5}, {amqp::longstr{word}}}}}}}}});
    made.headers->set("nothing", {amqp::void_value{}});
  }
  return made;
}

} // namespace
} // namespace death_headers

BOOST_AUTO_TEST_SUITE(death_headers)

BOOST_AUTO_TEST_CASE(every_other_property_and_header_stays_as_it_was) {
  std::mt19937 random{1};
  for (int round = 0; round < 500; ++round) {
    const amqp::properties before = random_properties(random);
    amqp::properties now = after(before, expired);
    BOOST_TEST(!now.expiration);
    BOOST_TEST(text(death_of(now, 0), "original-expiration") == before.expiration.value_or("-"));
    if (before.headers)
      for (const auto& [name, value] : before.headers->entries) {
        const auto* found = now.headers->find(name);
        BOOST_REQUIRE(found != nullptr);
        BOOST_TEST((*found == value));
      }
    BOOST_TEST(now.headers->entries.size() == 7 + (before.headers ? before.headers->entries.size() : 0));
    now.headers = before.headers;
    now.expiration = before.expiration;
    BOOST_TEST((now == before));
  }
}

BOOST_AUTO_TEST_CASE(headers_are_sorted_and_each_is_there_once) {
  amqp::properties before;
  before.headers.emplace();
  for (const char* name : {"z", "a", "z", "m"})
    before.headers->entries.emplace_back(name, amqp::field_value{static_cast<int32_t>(before.headers->entries.size())});
  const auto now = after(before, expired);
  std::vector<std::string> names;
  for (const auto& [name, value] : now.headers->entries)
    names.push_back(name);
  BOOST_TEST(names
               == (std::vector<std::string>{"a", "m", "x-death", "x-first-death-exchange", "x-first-death-queue",
                                            "x-first-death-reason", "x-last-death-exchange", "x-last-death-queue",
                                            "x-last-death-reason", "z"}),
             boost::test_tools::per_element());
  BOOST_TEST((now.headers->find("z")->value == amqp::field_value::content{int32_t{0}})); // the first of two
}

BOOST_AUTO_TEST_CASE(copies_are_told_of_and_kept_only_without_a_key_of_the_queues_own) {
  amqp::properties before;
  before.headers.emplace();
  before.headers->set("CC", {amqp::field_array{{{amqp::longstr{"copy"}}, {int32_t{1}}}}});
  before.headers->set("BCC", {amqp::field_array{{{amqp::longstr{"blind"}}}}});
  amqp::properties kept = after(before, expired);
  amqp::properties dropped = after(before, expired, false);
  for (auto* one : {&kept, &dropped}) {
    const auto& keys = std::get<amqp::field_array>(death_of(*one, 0).find("routing-keys")->value);
    BOOST_TEST((keys == amqp::field_array{{{amqp::longstr{"key"}}, {amqp::longstr{"copy"}}}}));
  }
  BOOST_TEST((kept.headers->find("CC") && kept.headers->find("BCC")));
  BOOST_TEST((!dropped.headers->find("CC") && !dropped.headers->find("BCC")));
}

BOOST_AUTO_TEST_CASE(a_repeated_death_counts_whatever_integer_the_count_was_and_comes_first) {
  amqp::properties now = after({}, expired);
  now = after(now, {"r", dead_letter_reason::maxlen, 5});
  death_of(now, 1).set("count", {uint8_t{255}});
  now = after(now, expired);
  BOOST_TEST(deaths_in(now) == 2u);
  BOOST_TEST(text(death_of(now, 0), "queue") == "q");
  BOOST_TEST((death_of(now, 0).find("count")->value == amqp::field_value::content{int64_t{256}}));
  BOOST_TEST(text(death_of(now, 1), "queue") == "r");
  BOOST_TEST(text(*now.headers, "x-first-death-queue") == "q");
  BOOST_TEST(text(*now.headers, "x-last-death-reason") == "expired");
}

BOOST_AUTO_TEST_CASE(an_x_death_of_a_clients_own_making_does_no_harm) {
  amqp::properties before;
  before.headers.emplace();
  before.headers->set("x-death", {amqp::longstr{"no list"}});
  BOOST_TEST(deaths_in(after(before, expired)) == 1u);
  before.headers->set("x-death", {amqp::field_array{{{int32_t{7}}, {amqp::field_table{}}}}});
  const auto now = after(before, expired);
  BOOST_TEST(deaths_in(now) == 3u);
  BOOST_TEST(!now.headers->find("x-first-death-queue")); // it has died before, it says
}

BOOST_AUTO_TEST_CASE(a_cycle_is_one_that_nobody_rejected) {
  amqp::properties now = after({}, expired);
  BOOST_TEST(cycles(now, "q"));
  BOOST_TEST(!cycles(now, "r"));
  now = after(now, {"r", dead_letter_reason::rejected, 5});
  BOOST_TEST(!cycles(now, "q"));
  BOOST_TEST(!cycles({}, "q"));
}

BOOST_AUTO_TEST_SUITE_END()

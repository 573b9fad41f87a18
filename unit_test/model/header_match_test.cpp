#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>
#include <vector>

#include "amqp/properties.hpp"
#include "base/random.hpp"
#include "model/header_match.hpp"

namespace header_routing {
namespace {

using broker::amqp::field_table;
using broker::amqp::field_value;
using broker::amqp::longstr;

std::string encoded(const field_table& table) {
  broker::byte_buffer out;
  broker::amqp::encode_table(out, table);
  return std::string{out.view().substr(4)};
}

bool matches(const field_table& arguments, const field_table& headers) {
  auto pattern = broker::header_pattern::compile(arguments);
  BOOST_REQUIRE(pattern.ok());
  const std::string bytes = encoded(headers);
  broker::raw_fields fields;
  BOOST_REQUIRE(broker::scan_table(bytes, fields));
  broker::sort_by_name(fields);
  return pattern->matches(fields);
}

/// Equal in RabbitMQ 3.13: the types of a value matter only as far as Erlang keeps them apart.
bool equal_values(const field_value& a, const field_value& b) {
  int64_t x = 0;
  int64_t y = 0;
  if (a.as_integer(x) || b.as_integer(y))
    return a.as_integer(x) && b.as_integer(y) && x == y;
  const auto as_float = [](const field_value& value) -> std::optional<double> {
    if (const auto* single = std::get_if<float>(&value.value))
      return *single;
    const auto* twofold = std::get_if<double>(&value.value);
    return twofold ? std::optional{*twofold} : std::nullopt;
  };
  if (as_float(a) || as_float(b))
    return as_float(a) == as_float(b);
  const auto as_bytes = [](const field_value& value) -> std::optional<std::string> {
    if (const auto* text = std::get_if<longstr>(&value.value))
      return text->bytes;
    const auto* bytes = std::get_if<broker::amqp::byte_array>(&value.value);
    return bytes ? std::optional{bytes->bytes} : std::nullopt;
  };
  if (as_bytes(a) || as_bytes(b))
    return as_bytes(a) == as_bytes(b);
  return a == b;
}

/// W45, on decoded values.
bool naive(const field_table& arguments, const field_table& headers) {
  std::string kind = "all";
  if (const field_value* match = arguments.find("x-match"))
    kind = *match->as_string();
  const bool all = kind == "all" || kind == "all-with-x";
  const bool with_x = kind.size() > 3;
  bool every = true;
  bool some = false;
  for (const auto& [name, value] : arguments.entries) {
    if (name == "x-match" || (!with_x && name.substr(0, 2) == "x-"))
      continue;
    const field_value* header = headers.find(name);
    const bool present_only = std::holds_alternative<broker::amqp::void_value>(value.value);
    const bool equal = header && (present_only || equal_values(*header, value));
    every = every && equal;
    some = some || equal;
  }
  return all ? every : some;
}

field_value random_value(broker::random_source& random) {
  switch (random.below(13)) {
  case 0:
    return {longstr{random.chance(1, 2) ? "one" : ""}};
  case 1:
    return {static_cast<int32_t>(random.below(2))};
  case 2:
    return {static_cast<int64_t>(random.below(2))};
  case 3:
    return {random.chance(1, 2)};
  case 4:
    return {broker::amqp::void_value{}};
  case 5:
    return {broker::amqp::field_array{{{longstr{"x"}}, {static_cast<int64_t>(random.below(2))}}}};
  case 6:
    return {broker::amqp::timestamp{random.below(2)}};
  case 7:
    return {static_cast<int8_t>(random.below(2))};
  case 8:
    return {static_cast<uint16_t>(random.below(2))};
  case 9:
    return {static_cast<float>(random.below(2))};
  case 10:
    return {broker::amqp::byte_array{random.chance(1, 2) ? "one" : ""}};
  case 11:
    return {static_cast<uint32_t>(random.below(2))};
  default:
    return {static_cast<double>(random.below(2))};
  }
}

field_table random_table(broker::random_source& random) {
  const std::vector<std::string> names = {"a", "b", "c", "x-a", "x-b", "", "x"};
  field_table table;
  for (uint64_t i = random.below(5); i > 0; --i)
    table.set(names[random.below(names.size())], random_value(random));
  return table;
}

} // namespace
} // namespace header_routing

BOOST_AUTO_TEST_SUITE(header_routing)

BOOST_AUTO_TEST_CASE(agrees_with_the_definition) {
  const std::vector<std::string> kinds = {"all", "any", "all-with-x", "any-with-x"};
  broker::random_source random{7};
  int matched = 0;
  for (int i = 0; i < 20'000; ++i) {
    field_table arguments = random_table(random);
    if (random.chance(4, 5))
      arguments.set("x-match", {longstr{kinds[random.below(4)]}});
    const field_table headers = random_table(random);
    const bool expected = naive(arguments, headers);
    BOOST_REQUIRE_EQUAL(matches(arguments, headers), expected);
    matched += expected ? 1 : 0;
  }
  BOOST_TEST(matched > 1000); // the comparison has seen both answers often
  BOOST_TEST(matched < 19'000);
}

BOOST_AUTO_TEST_CASE(numbers_are_compared_as_numbers_and_texts_as_bytes) {
  const auto equal = [](field_value wanted, field_value header) {
    field_table arguments;
    arguments.set("a", std::move(wanted));
    field_table headers;
    headers.set("a", std::move(header));
    return matches(arguments, headers);
  };
  BOOST_TEST(equal({int32_t{5}}, {int64_t{5}}));
  BOOST_TEST(equal({int8_t{-1}}, {int64_t{-1}}));
  BOOST_TEST(!equal({uint8_t{255}}, {int8_t{-1}}));
  BOOST_TEST(equal({uint32_t{4'000'000'000}}, {int64_t{4'000'000'000}}));
  BOOST_TEST(!equal({int32_t{5}}, {5.0}));
  BOOST_TEST(equal({0.5F}, {0.5}));
  BOOST_TEST(equal({longstr{"x"}}, {broker::amqp::byte_array{"x"}}));
  BOOST_TEST(!equal({longstr{"5"}}, {int32_t{5}}));
  BOOST_TEST(!equal({true}, {int32_t{1}}));
  BOOST_TEST(!equal({longstr{""}}, {broker::amqp::void_value{}}));
  BOOST_TEST(equal({broker::amqp::void_value{}}, {int32_t{1}})); // presence is enough
}

BOOST_AUTO_TEST_CASE(empty_all_matches_everything_and_empty_any_nothing) {
  field_table any;
  any.set("x-match", {longstr{"any"}});
  BOOST_TEST(matches({}, {}));
  BOOST_TEST(!matches(any, {}));
}

BOOST_AUTO_TEST_CASE(a_bad_x_match_is_refused_in_rabbitmqs_words) {
  field_table arguments;
  arguments.set("x-match", {longstr{"bogus"}});
  auto bad = broker::header_pattern::compile(arguments);
  BOOST_REQUIRE(!bad.ok());
  BOOST_TEST(bad.error().code == 406);
  BOOST_TEST(bad.error().text
             == "PRECONDITION_FAILED - Invalid x-match field value <<\"bogus\">>; expected all, any, all-with-x, or "
                "any-with-x");
  arguments.set("x-match", {int8_t{1}});
  bad = broker::header_pattern::compile(arguments);
  BOOST_REQUIRE(!bad.ok());
  BOOST_TEST(bad.error().text == "PRECONDITION_FAILED - Invalid x-match field type byte (value 1); expected longstr");
}

BOOST_AUTO_TEST_CASE(headers_are_found_behind_any_other_properties) {
  broker::amqp::properties properties;
  properties.content_type = "text/plain";
  properties.headers.emplace();
  properties.headers->set("CC", {broker::amqp::field_array{{{longstr{"k1"}}, {int32_t{5}}, {longstr{"k2"}}}}});
  properties.message_id = "id";
  broker::byte_buffer frame;
  broker::amqp::encode_content_header(frame, 1, 0, properties);
  const std::string_view property_bytes = frame.view().substr(7 + 12, frame.size() - 7 - 12 - 1);
  broker::raw_fields fields;
  BOOST_REQUIRE(broker::scan_table(broker::find_headers(property_bytes), fields));
  BOOST_REQUIRE_EQUAL(fields.size(), 1u);
  std::pmr::vector<std::string_view> keys;
  broker::collect_array_texts(fields[0], keys);
  BOOST_REQUIRE_EQUAL(keys.size(), 2u);
  BOOST_TEST(keys[0] == "k1");
  BOOST_TEST(keys[1] == "k2");
}

BOOST_AUTO_TEST_CASE(cut_off_bytes_are_never_read_past) {
  broker::random_source random{3};
  for (int i = 0; i < 300; ++i) {
    broker::amqp::properties properties;
    properties.headers = random_table(random);
    broker::byte_buffer frame;
    broker::amqp::encode_content_header(frame, 1, 0, properties);
    const std::string_view whole = frame.view().substr(7 + 12, frame.size() - 7 - 12 - 1);
    for (size_t size = 0; size < whole.size(); ++size) {
      const std::vector<char> exact(whole.begin(), whole.begin() + static_cast<long>(size)); // for the sanitizers
      broker::raw_fields fields;
      BOOST_TEST(broker::find_headers({exact.data(), exact.size()}).empty());
      broker::scan_table({exact.data(), exact.size()}, fields);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

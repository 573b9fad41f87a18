#include <boost/test/unit_test.hpp>

#include "amqp/field_table.hpp"
#include "amqp/random_values.hpp"
#include "base/limits.hpp"

namespace amqp = broker::amqp;

namespace field_table {
namespace {

std::string encoded(const amqp::field_table& table) {
  broker::byte_buffer out;
  amqp::encode_table(out, table);
  return std::string{out.view()};
}

std::string with_length(std::string_view entries) {
  broker::byte_buffer out;
  out.put_u32(static_cast<uint32_t>(entries.size()));
  out.put(entries);
  return std::string{out.view()};
}

/// `depth` tables, each the only entry (key "") of the one around it.
std::string nested_tables(size_t depth) {
  std::string header;
  for (size_t inside = depth; inside-- > 0;) {
    broker::byte_buffer level;
    level.put_u32(static_cast<uint32_t>(inside * 6)); // key octet, type octet and length of every table inside
    if (inside > 0)
      level.put(std::string_view{"\0F", 2});
    header += level.view();
  }
  return header;
}

} // namespace
} // namespace field_table

BOOST_AUTO_TEST_SUITE(field_table)

BOOST_AUTO_TEST_CASE(any_table_survives_a_round_trip) {
  broker::random_source random{1};
  for (int round = 0; round < 2000; ++round) {
    const auto table = broker::testing::random_table(random);
    const std::string bytes = encoded(table);
    BOOST_TEST_REQUIRE(amqp::validate_table(bytes).ok());
    auto decoded = amqp::decode_table(bytes);
    BOOST_TEST_REQUIRE(decoded.ok());
    BOOST_TEST_REQUIRE((*decoded == table));
    BOOST_TEST_REQUIRE(encoded(*decoded) == bytes);
  }
}

BOOST_AUTO_TEST_CASE(type_octets_are_those_rabbitmq_uses) {
  const auto type_of = [](amqp::field_value value) {
    amqp::field_table table;
    table.set("k", std::move(value));
    return encoded(table)[6];
  };
  BOOST_TEST(type_of({true}) == 't');
  BOOST_TEST(type_of({int8_t{1}}) == 'b');
  BOOST_TEST(type_of({uint8_t{1}}) == 'B');
  BOOST_TEST(type_of({int16_t{1}}) == 's');
  BOOST_TEST(type_of({uint16_t{1}}) == 'u');
  BOOST_TEST(type_of({int32_t{1}}) == 'I');
  BOOST_TEST(type_of({uint32_t{1}}) == 'i');
  BOOST_TEST(type_of({int64_t{1}}) == 'l');
  BOOST_TEST(type_of({1.0f}) == 'f');
  BOOST_TEST(type_of({1.0}) == 'd');
  BOOST_TEST(type_of({amqp::decimal{}}) == 'D');
  BOOST_TEST(type_of({amqp::longstr{}}) == 'S');
  BOOST_TEST(type_of({amqp::field_array{}}) == 'A');
  BOOST_TEST(type_of({amqp::timestamp{}}) == 'T');
  BOOST_TEST(type_of({amqp::field_table{}}) == 'F');
  BOOST_TEST(type_of({amqp::void_value{}}) == 'V');
  BOOST_TEST(type_of({amqp::byte_array{}}) == 'x');
}

BOOST_AUTO_TEST_CASE(both_long_types_decode_to_64_bits) {
  for (const char type : {'l', 'L'}) {
    std::string entry{"\x01k", 2};
    entry += type;
    entry += std::string{"\xff\xff\xff\xff\xff\xff\xff\xfe", 8};
    auto table = amqp::decode_table(with_length(entry));
    BOOST_TEST_REQUIRE(table.ok());
    int64_t number = 0;
    BOOST_TEST_REQUIRE(table->find("k")->as_integer(number));
    BOOST_TEST(number == -2);
  }
}

BOOST_AUTO_TEST_CASE(duplicate_and_empty_keys_are_kept_and_the_first_is_found) {
  const std::string bytes = with_length(std::string_view{"\x01kB\x01\x01kB\x02\x00V", 10});
  auto table = amqp::decode_table(bytes);
  BOOST_TEST_REQUIRE(table.ok());
  BOOST_TEST(table->entries.size() == 3u);
  int64_t number = 0;
  BOOST_TEST_REQUIRE(table->find("k")->as_integer(number));
  BOOST_TEST(number == 1);
  BOOST_TEST(table->find("") != nullptr);
  BOOST_TEST(table->find("absent") == nullptr);
  BOOST_TEST(encoded(*table) == bytes);
}

BOOST_AUTO_TEST_CASE(set_replaces_the_first_entry_of_a_name) {
  amqp::field_table table;
  table.set("a", {int32_t{1}});
  table.set("b", {int32_t{2}});
  table.set("a", {amqp::longstr{"new"}});
  BOOST_TEST(table.entries.size() == 2u);
  BOOST_TEST(*table.find("a")->as_string() == "new");
  BOOST_TEST(table.find("b")->as_string() == nullptr);
}

BOOST_AUTO_TEST_CASE(a_bool_is_no_integer) {
  int64_t number = 0;
  BOOST_TEST(!amqp::field_value{true}.as_integer(number));
  BOOST_TEST(!amqp::field_value{1.0}.as_integer(number));
  BOOST_TEST(amqp::field_value{uint32_t{7}}.as_integer(number));
  BOOST_TEST(number == 7);
}

BOOST_AUTO_TEST_CASE(every_cut_of_a_table_is_refused) {
  broker::random_source random{2};
  for (int round = 0; round < 50; ++round) {
    const std::string bytes = encoded(broker::testing::random_table(random));
    for (size_t size = 0; size < bytes.size(); ++size) {
      BOOST_TEST_REQUIRE(!amqp::validate_table({bytes.data(), size}).ok());
      // The same cut with a length that fits it must not fool the inner lengths; it may by chance still be a table.
      std::string cut = bytes.substr(0, size);
      if (size >= 4) {
        broker::store_u32(cut.data(), static_cast<uint32_t>(size - 4));
        BOOST_TEST_REQUIRE(amqp::decode_table(cut).ok() == amqp::validate_table(cut).ok());
      }
    }
    BOOST_TEST_REQUIRE(!amqp::validate_table(bytes + "x").ok());
  }
}

BOOST_AUTO_TEST_CASE(unknown_types_and_lengths_beyond_the_table_are_syntax_errors) {
  const auto unknown = amqp::decode_table(with_length(std::string_view{"\x01kQ\x01", 4}));
  BOOST_TEST_REQUIRE(!unknown.ok());
  BOOST_TEST(unknown.error().code == 502);
  BOOST_TEST(unknown.error().text.starts_with("SYNTAX_ERROR - "));
  BOOST_TEST(!amqp::validate_table(with_length(std::string_view{"\x01kS\xff\xff\xff\xff", 7})).ok());
  BOOST_TEST(!amqp::validate_table(with_length(std::string_view{"\x01kF\x00\x00\x00\x01", 7})).ok());
  BOOST_TEST(!amqp::validate_table(with_length(std::string_view{"\xffk", 2})).ok());
}

BOOST_AUTO_TEST_CASE(ten_thousand_nested_tables_pass_through) {
  const std::string bytes = nested_tables(10'000);
  BOOST_TEST(amqp::is_valid_table(bytes));
  auto table = amqp::decode_table(bytes);
  BOOST_TEST_REQUIRE(table.ok());
  auto copy = *table;
  BOOST_TEST((copy == *table));
  BOOST_TEST((encoded(copy) == bytes));
}

BOOST_AUTO_TEST_CASE(nesting_is_bounded) {
  BOOST_TEST(amqp::validate_table(nested_tables(broker::limits::table_depth_max)).ok());
  BOOST_TEST(!amqp::validate_table(nested_tables(broker::limits::table_depth_max + 1)).ok());
}

BOOST_AUTO_TEST_CASE(random_bytes_never_break_the_decoder) {
  broker::random_source random{3};
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = encoded(broker::testing::random_table(random));
    for (uint64_t flips = 1 + random.below(3); flips > 0; --flips)
      bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    BOOST_TEST_REQUIRE(amqp::decode_table(bytes).ok() == amqp::is_valid_table(bytes));
  }
}

BOOST_AUTO_TEST_SUITE_END()

#include <boost/test/unit_test.hpp>

#include "amqp/frame.hpp"
#include "amqp/properties.hpp"
#include "amqp/random_values.hpp"

namespace amqp = broker::amqp;

namespace properties {
namespace {

/// Property flags and values alone.
std::string encoded(const amqp::properties& what) {
  broker::byte_buffer out;
  amqp::encode_content_header(out, 1, 0, what);
  constexpr size_t before = amqp::frame_prefix_bytes + amqp::content_header_bytes;
  return std::string{out.view().substr(before, out.size() - before - 1)};
}

} // namespace
} // namespace properties

BOOST_AUTO_TEST_SUITE(properties)

BOOST_AUTO_TEST_CASE(any_properties_survive_a_round_trip) {
  broker::random_source random{21};
  for (int round = 0; round < 2000; ++round) {
    const auto original = broker::testing::random_properties(random);
    auto decoded = amqp::decode_properties(encoded(original));
    BOOST_TEST_REQUIRE(decoded.ok());
    BOOST_TEST_REQUIRE((*decoded == original));
  }
}

BOOST_AUTO_TEST_CASE(peeking_and_decoding_agree) {
  broker::random_source random{22};
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = encoded(broker::testing::random_properties(random));
    if (random.chance(1, 2))
      bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    const auto peek = amqp::peek_properties(bytes);
    const auto decoded = amqp::decode_properties(bytes);
    BOOST_TEST_REQUIRE(peek.ok == decoded.ok());
    if (!peek.ok) {
      BOOST_TEST_REQUIRE(decoded.error().code == 541);
      continue;
    }
    BOOST_TEST_REQUIRE(peek.persistent == (decoded->delivery_mode == 2));
    BOOST_TEST_REQUIRE(peek.has_headers == decoded->headers.has_value());
    BOOST_TEST_REQUIRE(peek.has_user_id == decoded->user_id.has_value());
    BOOST_TEST_REQUIRE(peek.has_expiration == decoded->expiration.has_value());
    BOOST_TEST_REQUIRE(peek.has_reply_to == decoded->reply_to.has_value());
    BOOST_TEST_REQUIRE(peek.priority == decoded->priority.value_or(0));
  }
}

BOOST_AUTO_TEST_CASE(the_header_frame_has_class_weight_size_and_flags) {
  amqp::properties what;
  what.delivery_mode = 2;
  broker::byte_buffer out;
  amqp::encode_content_header(out, 3, 258, what);
  const std::string_view expected{
    "\x02\x00\x03\x00\x00\x00\x0f\x00\x3c\x00\x00\x00\x00\x00\x00\x00\x00\x01\x02\x10\x00\x02\xCE", 23};
  BOOST_TEST(out.view() == expected);
}

BOOST_AUTO_TEST_CASE(absent_and_empty_headers_are_different) {
  amqp::properties with_empty;
  with_empty.headers.emplace();
  BOOST_TEST(encoded(with_empty) != encoded({}));
  BOOST_TEST(amqp::decode_properties(encoded(with_empty))->headers.has_value());
  BOOST_TEST(!amqp::decode_properties(encoded({}))->headers.has_value());
}

BOOST_AUTO_TEST_CASE(every_cut_and_trailing_bytes_are_internal_errors) {
  broker::random_source random{23};
  for (int round = 0; round < 100; ++round) {
    const std::string bytes = encoded(broker::testing::random_properties(random));
    for (size_t size = 0; size < bytes.size(); ++size) {
      BOOST_TEST_REQUIRE(!amqp::peek_properties({bytes.data(), size}).ok);
      BOOST_TEST_REQUIRE(!amqp::decode_properties({bytes.data(), size}).ok());
    }
    BOOST_TEST_REQUIRE(!amqp::peek_properties(bytes + "x").ok);
  }
}

BOOST_AUTO_TEST_CASE(an_unknown_type_in_the_headers_is_refused_before_anyone_reads_it) {
  amqp::properties what;
  what.headers.emplace();
  what.headers->set("k", {true});
  std::string bytes = encoded(what);
  bytes[bytes.size() - 2] = 'Q';
  BOOST_TEST(!amqp::peek_properties(bytes).ok);
  BOOST_TEST(amqp::decode_properties(bytes).error().code == 541);
}

BOOST_AUTO_TEST_SUITE_END()

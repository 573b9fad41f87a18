#include <boost/test/unit_test.hpp>

#include "amqp/frame.hpp"
#include "amqp/method.hpp"
#include "amqp/random_values.hpp"
#include "amqp/utf8.hpp"

namespace amqp = broker::amqp;

namespace method {
namespace {

std::string frame_of(const amqp::method& what, broker::channel_number channel = 1) {
  broker::byte_buffer out;
  amqp::encode_method(out, channel, what);
  return std::string{out.view()};
}

std::string arguments_of(const amqp::method& what) {
  const std::string frame = frame_of(what);
  return frame.substr(11, frame.size() - 12);
}

template<class Action, size_t... Index>
void for_each_method(Action action, std::index_sequence<Index...>) {
  (action(std::variant_alternative_t<Index, amqp::any_method>{}), ...);
}
template<class Action>
void for_each_method(Action action) {
  for_each_method(action, std::make_index_sequence<std::variant_size_v<amqp::any_method>>{});
}

} // namespace
} // namespace method

BOOST_AUTO_TEST_SUITE(method)

BOOST_AUTO_TEST_CASE(every_method_survives_a_round_trip) {
  broker::random_source random{11};
  for_each_method([&random]<class Method>(Method) {
    for (int round = 0; round < 200; ++round) {
      Method original;
      broker::testing::random_fields fill{random};
      Method::fields(fill, original);
      const std::string frame = frame_of(original, 513);
      const auto prefix = amqp::load_frame_prefix(frame.data());
      BOOST_TEST_REQUIRE(int{prefix.type} == int{amqp::frame_method});
      BOOST_TEST_REQUIRE(prefix.channel == 513);
      BOOST_TEST_REQUIRE(prefix.frame_size() == frame.size());
      BOOST_TEST_REQUIRE(frame.back() == amqp::frame_end);
      BOOST_TEST_REQUIRE(broker::load_u32(frame.data() + 7) == Method::code);
      auto decoded = amqp::decode_method(Method::code, std::string_view{frame}.substr(11, frame.size() - 12));
      BOOST_TEST_REQUIRE(decoded.ok());
      BOOST_TEST_REQUIRE((*decoded == amqp::method{original}));
      BOOST_TEST_REQUIRE(amqp::method_name(*decoded) == Method::name);
      BOOST_TEST_REQUIRE(amqp::method_code_of(*decoded) == Method::code);
    }
  });
}

BOOST_AUTO_TEST_CASE(every_cut_of_arguments_and_trailing_bytes_are_frame_errors) {
  broker::random_source random{12};
  for_each_method([&random]<class Method>(Method) {
    Method original;
    broker::testing::random_fields fill{random};
    Method::fields(fill, original);
    const std::string arguments = arguments_of(original);
    for (size_t size = 0; size < arguments.size(); ++size) {
      auto cut = amqp::decode_method(Method::code, std::string_view{arguments}.substr(0, size));
      BOOST_TEST_REQUIRE(!cut.ok());
      BOOST_TEST_REQUIRE(cut.error().code == 501);
    }
    auto longer = amqp::decode_method(Method::code, arguments + '\0');
    BOOST_TEST_REQUIRE(!longer.ok());
    BOOST_TEST_REQUIRE(longer.error().code == 501);
  });
}

BOOST_AUTO_TEST_CASE(bits_in_a_row_share_an_octet_lowest_first) {
  amqp::queue_class::declare declare;
  declare.queue = "q";
  declare.durable = true;
  declare.no_wait = true;
  const std::string expected{"\x00\x00\x01q\x12\x00\x00\x00\x00", 9};
  BOOST_TEST(arguments_of(declare) == expected);
}

BOOST_AUTO_TEST_CASE(an_unknown_method_is_command_invalid) {
  for (const uint32_t code : {0u, amqp::method_code(10, 12), amqp::method_code(61, 40), ~0u}) {
    auto decoded = amqp::decode_method(code, "");
    BOOST_TEST_REQUIRE(!decoded.ok());
    BOOST_TEST(decoded.error().code == 503);
  }
}

BOOST_AUTO_TEST_CASE(a_name_that_is_not_utf8_is_a_frame_error) {
  amqp::queue_class::declare declare;
  declare.queue = "\xC3\x28";
  auto decoded = amqp::decode_method(declare.code, arguments_of(declare));
  BOOST_TEST_REQUIRE(!decoded.ok());
  BOOST_TEST(decoded.error().code == 501);
  BOOST_TEST(decoded.error().text == "FRAME_ERROR - Malformed UTF-8 in shortstr");
}

BOOST_AUTO_TEST_CASE(a_name_may_hold_nul_newline_and_255_octets) {
  amqp::queue_class::declare declare;
  declare.queue = std::string{"a\0b\n", 4};
  BOOST_TEST(amqp::decode_method(declare.code, arguments_of(declare)).ok());
  declare.queue = std::string(255, 'x');
  BOOST_TEST(amqp::decode_method(declare.code, arguments_of(declare)).ok());
}

BOOST_AUTO_TEST_CASE(an_unknown_table_type_in_a_method_is_a_syntax_error) {
  amqp::queue_class::declare declare;
  declare.arguments.set("k", {true});
  std::string arguments = arguments_of(declare);
  arguments[arguments.size() - 2] = 'Q';
  auto decoded = amqp::decode_method(declare.code, arguments);
  BOOST_TEST_REQUIRE(!decoded.ok());
  BOOST_TEST(decoded.error().code == 502);
}

BOOST_AUTO_TEST_CASE(undecodable_arguments_are_shown_as_rabbitmq_shows_them) {
  auto decoded = amqp::decode_method(amqp::basic_class::ack::code, std::string_view{"\x00\x01\xff", 3});
  BOOST_TEST_REQUIRE(!decoded.ok());
  BOOST_TEST(decoded.error().text == "FRAME_ERROR - cannot decode <<0,1,255>>");
}

BOOST_AUTO_TEST_CASE(random_arguments_never_break_a_decoder) {
  broker::random_source random{13};
  for_each_method([&random]<class Method>(Method) {
    for (int round = 0; round < 300; ++round) {
      auto decoded = amqp::decode_method(Method::code, broker::testing::random_bytes(random, 60));
      if (decoded)
        BOOST_TEST_REQUIRE(amqp::method_code_of(*decoded) == Method::code);
      else
        BOOST_TEST_REQUIRE(decoded.error().code >= 501);
    }
  });
}

BOOST_AUTO_TEST_CASE(utf8_follows_rfc_3629) {
  for (const std::string_view good :
       {"", "plain", "\xC3\xA9", "\xE2\x82\xAC", "\xED\x9F\xBF", "\xF0\x9F\x90\xB0", "\xF4\x8F\xBF\xBF"})
    BOOST_TEST(amqp::is_utf8(good));
  for (const std::string_view bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                                     "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xC3", "\xE2\x82", "\xFF"})
    BOOST_TEST(!amqp::is_utf8(bad));
}

BOOST_AUTO_TEST_SUITE_END()

#include <boost/test/unit_test.hpp>

#include "base/limits.hpp"
#include "base/random.hpp"
#include "connection/test_client.hpp"

using namespace broker;
using namespace broker::testing;

namespace frames {
namespace {

void expect_close(const std::string& sent, uint16_t code, std::string_view text = {}) {
  test_client client;
  client.handshake_with_channel();
  client.feed(sent);
  const auto close = client.closed_with();
  BOOST_TEST(close.reply_code == code);
  if (!text.empty())
    BOOST_TEST(close.reply_text == text);
  BOOST_TEST(client.last.teardown);
  const size_t said = client.channels[1].said.size();
  client.feed(publish(1, "", "q", "after"));
  BOOST_TEST(client.channels[1].said.size() == said);
}

std::string nack_of(delivery_tag tag) {
  amqp::basic_class::nack method;
  method.delivery_tag = tag;
  return method_frame(1, method);
}
std::string ack_of(delivery_tag tag, bool multiple = false) {
  return method_frame(1, amqp::basic_class::ack{tag, multiple});
}

} // namespace
} // namespace frames

BOOST_AUTO_TEST_SUITE(frames)

BOOST_AUTO_TEST_CASE(publishes_of_one_read_are_one_batch_cut_into_runs) {
  test_client client;
  client.keep = true;
  client.handshake_with_channel();
  amqp::properties persistent;
  persistent.delivery_mode = 2;
  client.feed(publish(1, "e", "k", "one") + publish(1, "e", "k", "two") + publish(1, "e", "other", "three")
              + publish(1, "e", "other", "four", persistent) + publish(1, "e", "other", "", persistent));
  BOOST_TEST_REQUIRE(client.kept.size() == 1u);
  const channel_input& input = client.kept[0].second;
  BOOST_TEST(input.batch->messages.size() == 5u);
  BOOST_TEST(input.batch->blocks.size() == 1u);
  BOOST_TEST_REQUIRE(input.ops.size() == 3u);
  const std::vector<slice> expected{{0, 2}, {2, 3}, {3, 5}};
  for (size_t i = 0; i < 3; ++i) {
    BOOST_TEST((input.ops[i].what == channel_op::kind::publish));
    BOOST_TEST((slice{input.ops[i].lo, input.ops[i].hi} == expected[i]));
  }
  const message& last = input.batch->messages[3];
  BOOST_TEST(last.exchange() == "e");
  BOOST_TEST(last.routing_key() == "other");
  BOOST_TEST(last.body_size == 4u);
  BOOST_TEST(last.has(message::persistent));
  BOOST_TEST((*amqp::decode_properties(last.property_bytes()) == persistent));
}

BOOST_AUTO_TEST_CASE(flags_of_a_message_come_from_method_and_header) {
  test_client client;
  client.keep = true;
  client.handshake_with_channel();
  amqp::properties all;
  all.headers.emplace();
  all.user_id = "guest";
  all.expiration = "1";
  all.reply_to = "r";
  amqp::basic_class::publish both;
  both.mandatory = both.immediate = true;
  client.feed(method_frame(1, both) + header_frame(1, 0, all));
  const uint16_t flags = client.kept.at(0).second.batch->messages.at(0).flags;
  BOOST_TEST(flags
             == (message::mandatory | message::immediate | message::has_headers | message::has_user_id
                 | message::has_expiration | message::has_reply_to));
}

BOOST_AUTO_TEST_CASE(consecutive_acks_are_one_range) {
  test_client client;
  client.keep = true;
  client.handshake_with_channel();
  client.feed(ack_of(1) + ack_of(2) + ack_of(3) + ack_of(5) + ack_of(9, true) + ack_of(10) + nack_of(11) + ack_of(12)
              + ack_of(~uint64_t{0}) + ack_of(0));
  const auto& ops = client.kept.at(0).second.ops;
  BOOST_TEST_REQUIRE(ops.size() == 8u);
  BOOST_TEST(ops[0].first == 1u);
  BOOST_TEST(ops[0].last == 3u);
  BOOST_TEST(ops[1].first == 5u);
  BOOST_TEST(ops[1].last == 5u);
  BOOST_TEST(ops[2].multiple);
  BOOST_TEST(ops[2].last == 9u);
  BOOST_TEST(ops[3].first == 10u);
  BOOST_TEST((ops[4].what == channel_op::kind::method));
  BOOST_TEST(ops[5].first == 12u);
  BOOST_TEST(ops[6].first == ~uint64_t{0});
  BOOST_TEST(ops[7].first == 0u);
}

BOOST_AUTO_TEST_CASE(a_batch_carries_its_cost_and_credit) {
  test_client client;
  client.keep = true;
  client.handshake_with_channel();
  const std::string message = publish(1, "", "q", "12345");
  client.feed(message + ack_of(1) + ack_of(2) + method_frame(1, amqp::tx_class::select{}));
  const auto& batch = *client.kept.at(0).second.batch;
  const size_t raw = message.size() - publish_frame(1, "", "q").size();
  BOOST_TEST(batch.bytes
             == raw + limits::publish_overhead_bytes + limits::ack_overhead_bytes + limits::method_overhead_bytes);
  BOOST_TEST(client.inflight == batch.bytes);
  client.kept[0].second.batch->release();
  BOOST_TEST(client.sink->credited == batch.bytes);
}

BOOST_AUTO_TEST_CASE(any_read_sizes_give_the_same_result) {
  broker::random_source random{31};
  std::string stream;
  for (int i = 0; i < 300; ++i) {
    const auto channel = static_cast<channel_number>(1 + random.below(3));
    switch (random.below(6)) {
    case 0:
      stream += method_frame(channel, amqp::basic_class::ack{static_cast<uint64_t>(i), random.chance(1, 4)});
      break;
    case 1:
      stream += method_frame(channel, amqp::queue_class::purge{0, "q", false});
      break;
    case 2:
      stream += amqp::heartbeat_frame;
      break;
    default:
      stream += publish(channel, "e", "key" + std::to_string(random.below(2)), std::string(random.below(3000), 'b'), {},
                        1 + random.below(2000));
    }
  }
  const auto run = [&stream](size_t piece) {
    test_client client;
    client.handshake();
    client.feed(open_channel(1) + open_channel(2) + open_channel(3));
    client.feed(stream, piece);
    return client.channels;
  };
  const auto whole = run(~size_t{0});
  for (const size_t piece : {1, 2, 7, 100, 4096, 65536}) {
    const auto pieces = run(piece);
    for (const channel_number number : {1, 2, 3})
      BOOST_TEST((pieces.at(number).said == whole.at(number).said));
  }
}

BOOST_AUTO_TEST_CASE(contents_of_several_channels_may_interleave) {
  test_client client;
  client.handshake();
  client.feed(open_channel(1) + open_channel(2));
  client.feed(publish_frame(1, "e", "a") + publish_frame(2, "e", "b") + std::string{amqp::heartbeat_frame}
              + header_frame(1, 6) + raw_frame(3, 1, "abc") + header_frame(2, 2) + std::string{amqp::heartbeat_frame}
              + raw_frame(3, 2, "x") + raw_frame(3, 1, "") + raw_frame(3, 1, "def") + raw_frame(3, 2, "y"));
  BOOST_TEST_REQUIRE(client.channels[1].said.size() == 1u);
  BOOST_TEST(client.channels[1].said[0] == "publish e/a 0 abcdef");
  BOOST_TEST(client.channels[2].said[0] == "publish e/b 0 xy");
}

BOOST_AUTO_TEST_CASE(contents_of_any_size_and_frame_size_arrive_whole) {
  for (const size_t size : {0, 1, 4096, 200'000, 262'144, 300'000, 1'048'576, 5'000'000}) {
    for (const size_t body_frame : {100, 4096, 131'064}) {
      if (size / body_frame > 20'000)
        continue;
      test_client client;
      client.handshake_with_channel();
      std::string body(size, ' ');
      for (size_t i = 0; i < size; ++i)
        body[i] = static_cast<char>(i * 7 + i / 251);
      client.feed(publish(1, "e", "k", body, {}, body_frame) + publish(1, "e", "k", "next"), 50'000);
      BOOST_TEST_REQUIRE(client.channels[1].said.size() == 2u);
      BOOST_TEST((client.channels[1].said[0] == "publish e/k 0 " + body));
      BOOST_TEST(client.channels[1].said[1] == "publish e/k 0 next");
    }
  }
}

BOOST_AUTO_TEST_CASE(a_body_in_tiny_frames_does_not_pin_many_times_its_size) {
  test_client client;
  client.keep = true;
  client.handshake_with_channel();
  client.feed(publish(1, "e", "k", std::string(50'000, 'x'), {}, 1));
  const auto& batch = *client.kept.at(0).second.batch;
  BOOST_TEST(batch.messages.at(0).raw_size < 51'000u);
}

BOOST_AUTO_TEST_CASE(endless_empty_body_frames_take_no_memory) {
  test_client client;
  client.handshake_with_channel();
  const size_t before = block::total_bytes();
  std::string empty_frames;
  for (int i = 0; i < 1000; ++i)
    empty_frames += raw_frame(3, 1, "");
  client.feed(publish_frame(1, "e", "k") + header_frame(1, 3));
  for (int i = 0; i < 200; ++i)
    client.feed(empty_frames);
  BOOST_TEST(block::total_bytes() <= before + 3 * limits::read_block_bytes);
  client.feed(raw_frame(3, 1, "abc"));
  BOOST_TEST(client.channels[1].said.at(0) == "publish e/k 0 abc");
}

BOOST_AUTO_TEST_CASE(an_announced_size_allocates_nothing) {
  test_client client;
  client.handshake();
  for (channel_number number = 1; number <= 100; ++number)
    client.feed(open_channel(number));
  const size_t before = block::total_bytes();
  for (channel_number number = 1; number <= 100; ++number)
    client.feed(publish_frame(number, "", "q") + header_frame(number, limits::message_max_bytes));
  BOOST_TEST(block::total_bytes() <= before + 101 * limits::read_block_bytes);
}

BOOST_AUTO_TEST_CASE(an_idle_connection_holds_no_buffers) {
  const size_t before = block::total_bytes();
  test_client client;
  client.handshake_with_channel();
  client.feed(publish(1, "e", "k", "body"));
  client.push_bytes(1, method_frame(1, amqp::tx_class::select_ok{}));
  client.written();
  BOOST_TEST(block::total_bytes() > before);
  BOOST_TEST(client.machine->deadline() == client.now + limits::idle_buffers_ms);
  client.tick(client.now + limits::idle_buffers_ms);
  BOOST_TEST(block::total_bytes() == before);
  BOOST_TEST(client.machine->deadline() > client.now);
}

BOOST_AUTO_TEST_CASE(broken_framing_is_a_frame_error_and_nothing_more_is_read) {
  test_client client;
  client.handshake_with_channel();
  std::string bad_end = raw_frame(1, 1, std::string{"\x00\x14\x00\x0a\x00", 5});
  bad_end.back() = '\0';
  client.feed(bad_end);
  const auto close = client.closed_with();
  BOOST_TEST(close.reply_code == 501);
  BOOST_TEST(close.reply_text == "FRAME_ERROR - type 1, all octets = <<0,20,0,10,0>>: {invalid_frame_end_marker,0}");
  BOOST_TEST((client.last.close_socket_after_ms == limits::framing_lost_delay_ms));

  test_client second;
  second.handshake_with_channel();
  second.feed(std::string{"\x03\x00\x01\x80\x00\x00\x00", 7} + std::string(100, '\0'));
  BOOST_TEST(second.closed_with().reply_text
             == "FRAME_ERROR - type 3, all octets = <<>>: {frame_too_large,2147483648,131064}");
}

BOOST_AUTO_TEST_CASE(a_frame_may_exceed_frame_max_by_its_overhead_only) {
  test_client client;
  client.handshake_with_channel();
  client.feed(publish(1, "e", "k", std::string(131'072, 'x'), {}, 131'072));
  BOOST_TEST(client.channels[1].said.size() == 1u);
  client.feed(raw_frame(3, 1, std::string(131'073, 'x')));
  BOOST_TEST(client.closed_with().reply_code == 501);
}

BOOST_AUTO_TEST_CASE(unknown_frames_are_frame_errors) {
  for (const int type : {0, 4, 9, 255})
    expect_close(raw_frame(static_cast<uint8_t>(type), 1, "x"), 501,
                 "FRAME_ERROR - type " + std::to_string(type) + ", all octets = <<120>>: unknown_frame");
  expect_close(raw_frame(1, 1, ""), 501);
  expect_close(raw_frame(1, 1, "abc"), 501);
  expect_close(raw_frame(8, 0, "beat"), 501);
  expect_close(publish_frame(1, "", "q") + raw_frame(2, 1, std::string{"\x00\x3c\x00\x00\x00", 5}), 501);
}

BOOST_AUTO_TEST_CASE(frames_out_of_order_are_unexpected) {
  expect_close(raw_frame(8, 1, ""), 505, "UNEXPECTED_FRAME - type 8, all octets = <<>>");
  expect_close(header_frame(1, 5), 505, "UNEXPECTED_FRAME - expected method frame, got non method frame instead");
  expect_close(raw_frame(3, 1, "body"), 505);
  expect_close(publish_frame(1, "", "q") + raw_frame(3, 1, "x"), 505,
               "UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead");
  expect_close(publish_frame(1, "", "q") + publish_frame(1, "", "q"), 505);
  expect_close(publish_frame(1, "", "q") + method_frame(1, amqp::tx_class::select{}), 505);
  const std::string begun = publish_frame(1, "", "q") + header_frame(1, 10) + raw_frame(3, 1, "12345");
  expect_close(begun + method_frame(1, amqp::tx_class::select{}), 505,
               "UNEXPECTED_FRAME - expected content body, got non content body frame instead");
  expect_close(begun + header_frame(1, 10), 505);
  expect_close(begun + raw_frame(3, 1, "123456"), 505);
  expect_close(publish(1, "", "q", "1") + raw_frame(3, 1, "2"), 505);
  expect_close(publish_frame(1, "", "q") + header_frame(1, 0) + raw_frame(3, 1, ""), 505);
  std::string other_class = header_frame(1, 5);
  other_class[8] = 50;
  expect_close(publish_frame(1, "", "q") + other_class, 505,
               "UNEXPECTED_FRAME - expected content header for class 60, got one for class 50 instead");
  expect_close(raw_frame(3, 0, "body"), 505);
}

BOOST_AUTO_TEST_CASE(malformed_methods_and_properties_close_the_connection) {
  expect_close(raw_frame(1, 1, std::string{"\x00\x63\x00\x0a", 4}), 503, "COMMAND_INVALID - unknown method 99.10");
  expect_close(raw_frame(1, 1, std::string{"\x00\x32\x00\x0a\x00\x00\x05", 7}), 501);
  expect_close(raw_frame(1, 1, std::string{"\x00\x3c\x00\x28\x00\x00\x05", 7}), 501,
               "FRAME_ERROR - cannot decode <<0,0,5>>");
  expect_close(raw_frame(1, 1, std::string{"\x00\x3c\x00\x50\x00", 5}), 501);
  std::string header = header_frame(1, 0);
  header[header.size() - 3] = static_cast<char>(0x80); // content-type announced, none there
  expect_close(publish_frame(1, "", "q") + header, 541);
  expect_close(publish_frame(1, "", "q") + std::string{amqp::heartbeat_frame} + header, 541);
  expect_close(method_frame(1, amqp::connection_class::open{"/", "", false}), 503);
}

BOOST_AUTO_TEST_CASE(a_routing_key_need_not_be_utf8) {
  test_client client;
  client.handshake_with_channel();
  client.feed(publish(1, "", "\xff\xfe", "x"));
  BOOST_TEST(client.channels[1].said.at(0) == "publish /\xff\xfe 0 x");
}

BOOST_AUTO_TEST_CASE(methods_of_channel_zero_must_fit_the_state) {
  expect_close(method_frame(0, amqp::connection_class::open{"/", "", false}), 504,
               "CHANNEL_ERROR - unexpected method in connection state running");
  expect_close(open_channel(0), 504);
  expect_close(method_frame(0, amqp::connection_class::close_ok{}), 504);
  expect_close(tune_ok(), 504);
}

BOOST_AUTO_TEST_CASE(random_streams_never_break_the_machine) {
  broker::random_source random{32};
  for (int round = 0; round < 500; ++round) {
    test_client client;
    client.handshake_with_channel();
    std::string stream = publish(1, "e", "k", std::string(random.below(500), 'x'), {}, 1 + random.below(100))
                       + ack_of(3) + publish(1, "e", "k", "y") + std::string{amqp::heartbeat_frame};
    for (uint64_t flips = 1 + random.below(4); flips > 0; --flips)
      stream[random.below(stream.size())] = static_cast<char>(random.next());
    client.feed(stream, 1 + random.below(200));
    const auto state = client.machine->state();
    BOOST_TEST_REQUIRE((state == "running" || state == "closing" || state == "closed"));
  }
}

BOOST_AUTO_TEST_SUITE_END()

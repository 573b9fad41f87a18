#include <boost/test/unit_test.hpp>

#include "base/limits.hpp"
#include "connection/test_client.hpp"

using namespace broker;
using namespace broker::testing;

namespace channels {
namespace {

namespace methods = broker::amqp::channel_class;

const std::string close_frame = method_frame(1, methods::close{200, "bye", 0, 0});
const std::string close_ok_frame = method_frame(1, methods::close_ok{});
const std::string select_frame = method_frame(1, amqp::tx_class::select{});

std::vector<std::string> names(const std::vector<read_frame>& frames) {
  std::vector<std::string> out;
  for (const auto& frame : frames)
    out.push_back(std::to_string(frame.prefix.channel) + " " + std::string{amqp::method_name(frame.method())});
  return out;
}
using strings = std::vector<std::string>;

} // namespace
} // namespace channels

BOOST_AUTO_TEST_SUITE(channels)

BOOST_AUTO_TEST_CASE(open_is_answered_at_once_and_told_to_the_host) {
  test_client client;
  client.handshake();
  client.feed(open_channel(1) + open_channel(65535));
  BOOST_TEST((names(client.frames()) == strings{"1 channel.open-ok", "65535 channel.open-ok"}));
  BOOST_TEST((client.last.opened == std::vector<channel_number>{1, 65535}));
  BOOST_TEST(client.machine->open_channels() == 2u);
}

BOOST_AUTO_TEST_CASE(a_channel_must_be_open_and_is_opened_once) {
  test_client client;
  client.handshake();
  client.feed(select_frame);
  BOOST_TEST(client.closed_with().reply_text == "CHANNEL_ERROR - expected 'channel.open'");
  test_client twice;
  twice.handshake_with_channel();
  twice.feed(open_channel(1));
  const auto close = twice.closed_with();
  BOOST_TEST(close.reply_code == 504);
  BOOST_TEST(close.reply_text == "CHANNEL_ERROR - second 'channel.open' seen");
  BOOST_TEST(close.class_id == 20);
  BOOST_TEST(close.method_id == 10);
}

BOOST_AUTO_TEST_CASE(the_number_of_channels_is_limited_not_their_numbers) {
  test_client client;
  client.handshake(2);
  client.feed(open_channel(7) + open_channel(60000));
  client.written();
  client.feed(open_channel(1));
  const auto close = client.closed_with();
  BOOST_TEST(close.reply_code == 530);
  BOOST_TEST(close.reply_text
             == "NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2)");
}

BOOST_AUTO_TEST_CASE(a_closed_channel_frees_its_number) {
  test_client client;
  client.handshake_with_channel();
  client.feed(close_frame + select_frame + publish(1, "", "q", "dropped"));
  BOOST_TEST((client.channels[1].said == strings{"channel.close"}));
  BOOST_TEST(client.written().empty());
  client.channel_closed(1, close_ok_frame);
  BOOST_TEST((names(client.frames()) == strings{"1 channel.close-ok"}));
  BOOST_TEST((client.last.closed == std::vector<channel_number>{1}));
  BOOST_TEST(client.machine->open_channels() == 0u);
  client.feed(open_channel(1));
  BOOST_TEST((names(client.frames()) == strings{"1 channel.open-ok"}));
}

BOOST_AUTO_TEST_CASE(a_number_is_reusable_right_after_close_ok) {
  test_client client;
  client.handshake_with_channel();
  client.push_bytes(1, method_frame(1, methods::close{404, "NOT_FOUND - x", 50, 10}));
  client.written();
  client.last.opened.clear();
  // The channel has not seen close-ok when the client already uses its number again.
  client.feed(close_ok_frame + open_channel(1) + select_frame + publish(1, "e", "k", "new"));
  BOOST_TEST((client.channels[1].said == strings{"channel.close-ok"}));
  BOOST_TEST(client.written().empty());
  client.push_bytes(1, "stale output of the old channel");
  BOOST_TEST(client.written().empty());
  const size_t inflight = client.inflight;
  client.channel_closed(1);
  BOOST_TEST((names(client.frames()) == strings{"1 channel.open-ok"}));
  BOOST_TEST((client.last.closed == std::vector<channel_number>{1}));
  BOOST_TEST((client.last.opened == std::vector<channel_number>{1}));
  BOOST_TEST((client.channels[1].said == strings{"channel.close-ok", "tx.select", "publish e/k 0 new"}));
  BOOST_TEST(client.inflight == inflight);
  BOOST_TEST(client.inflight == client.channels[1].bytes);
  BOOST_TEST(client.machine->open_channels() == 1u);
}

BOOST_AUTO_TEST_CASE(a_channel_closed_from_both_sides_is_answered) {
  test_client client;
  client.handshake_with_channel();
  client.push_bytes(1, method_frame(1, methods::close{404, "NOT_FOUND - x", 50, 10}));
  client.written();
  client.feed(close_frame + close_ok_frame);
  BOOST_TEST((client.channels[1].said == strings{"channel.close", "channel.close-ok"}));
  client.channel_closed(1); // it had an error and owes nothing; the client still waits for its answer
  BOOST_TEST((names(client.frames()) == strings{"1 channel.close-ok"}));
}

BOOST_AUTO_TEST_CASE(after_close_ok_only_open_is_expected) {
  test_client client;
  client.handshake_with_channel();
  client.feed(close_ok_frame + select_frame);
  BOOST_TEST(client.closed_with().reply_code == 504);
}

BOOST_AUTO_TEST_CASE(a_message_too_large_closes_its_channel_before_its_body_is_read) {
  connection_settings settings;
  settings.message_max_bytes = 1000;
  test_client client{settings};
  client.handshake_with_channel();
  client.feed(publish(1, "", "q", "fine") + publish(1, "", "q", std::string(1001, 'x')) + select_frame);
  BOOST_TEST((client.channels[1].said == strings{"publish /q 0 fine", "channel.close"}));
  const auto frames = client.frames();
  BOOST_TEST_REQUIRE((names(frames) == strings{"1 channel.close"}));
  const auto close = std::get<methods::close>(frames[0].method());
  BOOST_TEST(close.reply_code == 406);
  BOOST_TEST(close.reply_text == "PRECONDITION_FAILED - message size 1001 is larger than configured max size 1000");
  BOOST_TEST(close.class_id == 60);
  BOOST_TEST(close.method_id == 40);
  client.push_bytes(1, "confirms nobody may see");
  client.channel_closed(1, close_ok_frame);
  BOOST_TEST(client.written().empty());
  client.feed(publish(1, "", "q", "dropped") + close_ok_frame + open_channel(1) + select_frame);
  BOOST_TEST((names(client.frames()) == strings{"1 channel.open-ok"}));
  BOOST_TEST(client.channels[1].said.back() == "tx.select");
}

BOOST_AUTO_TEST_CASE(a_refused_channel_ends_in_either_order) {
  connection_settings settings;
  settings.message_max_bytes = 1;
  test_client client{settings};
  client.handshake_with_channel();
  client.feed(publish_frame(1, "", "q") + header_frame(1, 2));
  client.written();
  client.feed(close_ok_frame + open_channel(1));
  BOOST_TEST((client.channels[1].said == strings{"channel.close", "channel.close-ok"}));
  client.channel_closed(1, close_ok_frame);
  BOOST_TEST((names(client.frames()) == strings{"1 channel.open-ok"}));
}

BOOST_AUTO_TEST_CASE(unfinished_content_of_a_gone_channel_is_forgotten) {
  const size_t before = block::total_bytes();
  {
    test_client client;
    client.handshake_with_channel();
    client.feed(publish_frame(1, "", "q") + header_frame(1, 1'000'000) + raw_frame(3, 1, std::string(100'000, 'x')));
    client.channel_closed(1);
    client.tick(client.now + limits::idle_buffers_ms);
    BOOST_TEST(block::total_bytes() == before);
  }
}

BOOST_AUTO_TEST_SUITE_END()

#include <boost/test/unit_test.hpp>

#include "amqp/reply.hpp"
#include "base/limits.hpp"
#include "connection/test_client.hpp"

using namespace broker;
using namespace broker::testing;

namespace closing {
namespace {

namespace methods = broker::amqp::connection_class;

const std::string close_frame = method_frame(0, methods::close{200, "bye", 0, 0});
const std::string close_ok_frame = method_frame(0, methods::close_ok{});

} // namespace
} // namespace closing

BOOST_AUTO_TEST_SUITE(closing)

BOOST_AUTO_TEST_CASE(close_ok_comes_after_the_teardown) {
  test_client client;
  client.handshake_with_channel();
  client.feed(publish(1, "", "q", "before") + close_frame + std::string(4000, '\xff'));
  BOOST_TEST(client.channels[1].said.size() == 1u);
  BOOST_TEST(client.last.teardown);
  BOOST_TEST(client.machine->state() == "closing");
  BOOST_TEST(client.written().empty());
  client.torn_down();
  BOOST_TEST(client.written() == close_ok_frame);
  BOOST_TEST((client.last.close_socket_after_ms == limits::close_ok_linger_ms));
  BOOST_TEST(client.logged("closing AMQP connection (127.0.0.1:51234 -> 127.0.0.1:5672, vhost: '/', user: 'guest')"));
}

BOOST_AUTO_TEST_CASE(our_close_waits_for_close_ok) {
  test_client client;
  client.handshake();
  client.close(amqp::connection_forced("broker forced connection closure with reason 'shutdown'"));
  const auto close = client.closed_with();
  BOOST_TEST(close.reply_code == 320);
  BOOST_TEST(close.reply_text == "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'");
  BOOST_TEST(close.class_id == 0);
  BOOST_TEST(client.last.teardown);
  BOOST_TEST(!client.last.close_socket_after_ms);
  client.feed(open_channel(1) + close_ok_frame);
  BOOST_TEST(client.last.opened.empty());
  BOOST_TEST((client.last.close_socket_after_ms == 0u));
  BOOST_TEST(client.machine->state() == "closed");
}

BOOST_AUTO_TEST_CASE(a_client_that_never_answers_close_is_cut_off) {
  test_client client;
  client.handshake();
  client.close(amqp::connection_forced("x"));
  BOOST_TEST(client.machine->deadline() <= client.now);
  client.tick(client.now + 500);
  const uint64_t deadline = client.now + limits::closing_timeout_ms;
  BOOST_TEST(client.machine->deadline() <= deadline);
  client.tick(deadline - 1);
  BOOST_TEST(!client.last.close_socket_after_ms);
  client.tick(deadline);
  BOOST_TEST((client.last.close_socket_after_ms == 0u));
}

BOOST_AUTO_TEST_CASE(closes_that_cross_are_both_answered) {
  test_client client;
  client.handshake();
  client.close(amqp::connection_forced("x"));
  client.written();
  client.feed(close_frame);
  BOOST_TEST(client.written().empty());
  client.torn_down();
  BOOST_TEST(client.written() == close_ok_frame);
}

BOOST_AUTO_TEST_CASE(a_lost_peer_is_logged_and_torn_down_once) {
  test_client client;
  client.handshake_with_channel();
  client.peer_closed();
  BOOST_TEST(client.last.teardown);
  BOOST_TEST(client.logged("client unexpectedly closed TCP connection"));
  client.last = {};
  client.peer_closed();
  client.torn_down();
  BOOST_TEST(!client.last.teardown);
  BOOST_TEST(client.written().empty());
}

BOOST_AUTO_TEST_CASE(a_hard_error_of_a_channel_closes_the_connection) {
  test_client client;
  client.handshake_with_channel();
  outgoing item;
  item.what = outgoing::kind::connection_error;
  item.channel = 1;
  item.failure = amqp::not_implemented("prefetch_size!=0 (1)");
  item.failed_method = amqp::basic_class::qos::code;
  client.push(std::move(item));
  const auto close = client.closed_with();
  BOOST_TEST(close.reply_code == 540);
  BOOST_TEST(close.class_id == 60);
  BOOST_TEST(close.method_id == 10);
  BOOST_TEST(
    client.logged("operation basic.qos caused a connection exception not_implemented: \"prefetch_size!=0 (1)\""));
  client.push_bytes(1, "too late");
  BOOST_TEST(client.written().empty());
}

BOOST_AUTO_TEST_CASE(heartbeats_are_sent_after_half_an_interval_of_silence) {
  test_client client;
  client.handshake(2047, 131'072, 10);
  BOOST_TEST(client.machine->deadline() <= client.now + 5000);
  client.tick(client.now + 4999);
  BOOST_TEST(client.written().empty());
  client.tick(client.now + 1);
  BOOST_TEST(client.written() == amqp::heartbeat_frame);
  client.feed(open_channel(1));
  client.now += 3000;
  client.written();
  client.tick(client.now + 2500);
  BOOST_TEST(client.written().empty());
}

BOOST_AUTO_TEST_CASE(a_peer_silent_for_two_intervals_is_dead) {
  test_client client;
  client.handshake(2047, 131'072, 10);
  const uint64_t start = client.now;
  client.tick(start + 15'000);
  client.feed(amqp::heartbeat_frame.substr(0, 3)); // any traffic counts
  client.tick(start + 34'999);
  BOOST_TEST(!client.last.close_socket_after_ms);
  client.tick(start + 35'000);
  BOOST_TEST((client.last.close_socket_after_ms == 0u));
  BOOST_TEST(client.last.teardown);
  BOOST_TEST(client.logged("missed heartbeats from client, timeout: 10s"));
  BOOST_TEST(client.closed_with().reply_code == 0);
}

BOOST_AUTO_TEST_CASE(silence_while_nothing_is_read_is_no_death) {
  test_client client;
  client.handshake(2047, 131'072, 10);
  client.machine->reading(false, client.now);
  client.tick(client.now + 100'000);
  BOOST_TEST(!client.last.close_socket_after_ms);
  client.machine->reading(true, client.now);
  client.tick(client.now + 20'000);
  BOOST_TEST((client.last.close_socket_after_ms == 0u));
}

BOOST_AUTO_TEST_CASE(heartbeat_zero_means_none) {
  test_client client;
  client.handshake(2047, 131'072, 0);
  client.tick(client.now + 1'000'000);
  BOOST_TEST(client.written().empty());
  BOOST_TEST(!client.last.close_socket_after_ms);
  BOOST_TEST(client.machine->deadline() == ~uint64_t{0});
}

BOOST_AUTO_TEST_CASE(only_a_connection_that_publishes_is_blocked) {
  test_client client;
  client.handshake_with_channel();
  client.machine->resource_alarm("low on disk");
  BOOST_TEST(client.written().empty());
  BOOST_TEST(client.machine->wants_reading());
  BOOST_TEST(client.machine->state() == "blocking");
  client.feed(publish(1, "", "q", "x") + publish(1, "", "q", "y"));
  BOOST_TEST(client.written() == method_frame(0, methods::blocked{"low on disk"}));
  BOOST_TEST(!client.machine->wants_reading());
  BOOST_TEST(client.machine->state() == "blocked");
  client.machine->resource_alarm("");
  BOOST_TEST(client.written() == method_frame(0, methods::unblocked{}));
  BOOST_TEST(client.machine->wants_reading());
}

BOOST_AUTO_TEST_CASE(a_blocked_client_is_heard_again_once_it_is_told_to_close) {
  test_client client;
  client.handshake_with_channel();
  client.machine->resource_alarm("low on memory");
  client.feed(publish(1, "", "q", "x"));
  BOOST_TEST(!client.machine->wants_reading());
  client.close(amqp::connection_forced("x"));
  BOOST_TEST(client.machine->wants_reading());
  client.feed(close_ok_frame);
  BOOST_TEST((client.last.close_socket_after_ms == 0u));
}

BOOST_AUTO_TEST_SUITE_END()

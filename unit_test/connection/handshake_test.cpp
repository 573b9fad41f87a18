#include <boost/test/unit_test.hpp>

#include "base/limits.hpp"
#include "connection/test_client.hpp"

using namespace broker;
using namespace broker::testing;

namespace handshake {
namespace {

namespace methods = broker::amqp::connection_class;

const std::string header{amqp::protocol_header};

template<class Method>
Method only_method(const std::vector<read_frame>& frames) {
  BOOST_TEST_REQUIRE(frames.size() == 1u);
  BOOST_TEST_REQUIRE(frames[0].prefix.channel == 0);
  return std::get<Method>(frames[0].method());
}

} // namespace
} // namespace handshake

BOOST_AUTO_TEST_SUITE(handshake)

BOOST_AUTO_TEST_CASE(only_the_mechanisms_that_are_configured_are_offered_and_taken) {
  connection_settings settings;
  settings.mechanisms = "AMQPLAIN";
  for (const auto mechanism : {"PLAIN", "AMQPLAIN"}) {
    test_client client{settings};
    client.feed(header);
    BOOST_TEST(only_method<methods::start>(client.frames()).mechanisms == "AMQPLAIN");
    client.feed(start_ok("guest", "guest", mechanism));
    const bool offered = mechanism == settings.mechanisms;
    BOOST_TEST(client.last.authenticated == offered);
    BOOST_TEST(client.machine->auth_mechanism() == (offered ? mechanism : ""));
    BOOST_TEST(!client.last.login_refused);
  }
}

BOOST_AUTO_TEST_CASE(the_header_is_answered_with_start) {
  for (const std::string& accepted :
       {header, std::string{"AMQP\x01\x01\x00\x09", 8}, std::string{"AMQP\x01\x01\x08\x00", 8}}) {
    test_client client;
    client.feed(accepted, 1);
    const auto start = only_method<methods::start>(client.frames());
    BOOST_TEST(int{start.version_major} == 0);
    BOOST_TEST(int{start.version_minor} == 9);
    BOOST_TEST(start.mechanisms == "PLAIN AMQPLAIN");
    BOOST_TEST(start.locales == "en_US");
    BOOST_TEST(*start.server_properties.find("product")->as_string() == "RabbitMQ");
    const auto& capabilities = std::get<amqp::field_table>(start.server_properties.find("capabilities")->value);
    for (const auto name : {"publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify",
                            "connection.blocked", "consumer_priorities", "authentication_failure_close",
                            "per_consumer_qos", "direct_reply_to"})
      BOOST_TEST((capabilities.find(name)->value == amqp::field_value::content{true}));
    BOOST_TEST(client.machine->state() == "starting");
    BOOST_TEST(client.logged("accepting AMQP connection (127.0.0.1:51234 -> 127.0.0.1:5672)"));
  }
}

BOOST_AUTO_TEST_CASE(another_header_is_answered_with_ours_and_closed) {
  for (const std::string& wrong : {std::string{"GET / HTTP/1.1\r\n"}, std::string{"AMQP\x03\x01\x00\x00", 8},
                                   std::string{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9}, std::string(64, '\0')}) {
    test_client client;
    client.feed(wrong);
    BOOST_TEST(client.written() == header);
    BOOST_TEST((client.last.close_socket_after_ms == 0u));
    BOOST_TEST(client.machine->state() == "closed");
    BOOST_TEST(client.logged("bad_header"));
  }
}

BOOST_AUTO_TEST_CASE(half_a_header_is_waited_for) {
  test_client client;
  client.feed(header.substr(0, 7));
  BOOST_TEST(client.written().empty());
  BOOST_TEST(!client.last.close_socket_after_ms);
}

BOOST_AUTO_TEST_CASE(plain_and_amqplain_log_in) {
  for (const auto mechanism : {"PLAIN", "AMQPLAIN"}) {
    test_client client;
    client.feed(header);
    client.written();
    client.feed(start_ok("guest", "guest", mechanism), 3);
    const auto tune = only_method<methods::tune>(client.frames());
    BOOST_TEST(tune.channel_max == limits::channel_max);
    BOOST_TEST(tune.frame_max == limits::frame_max_bytes);
    BOOST_TEST(tune.heartbeat == limits::heartbeat_s);
    BOOST_TEST(client.last.authenticated);
    BOOST_TEST(client.machine->user().user == "guest");
    BOOST_TEST(client.machine->state() == "tuning");
    client.feed(tune_ok(10, 4096, 5));
    BOOST_TEST(client.machine->state() == "opening");
    client.feed(open());
    only_method<methods::open_ok>(client.frames());
    BOOST_TEST(client.last.opened_vhost);
    BOOST_TEST(client.machine->state() == "running");
    BOOST_TEST(client.machine->vhost() == "/");
    BOOST_TEST(client.machine->channel_max() == 10);
    BOOST_TEST(client.machine->frame_max() == 4096u);
    BOOST_TEST(client.machine->heartbeat_s() == 5);
    BOOST_TEST(client.logged("user 'guest' authenticated and granted access to vhost '/'"));
  }
}

BOOST_AUTO_TEST_CASE(a_refused_login_is_told_no_more_than_that) {
  test_client client;
  client.feed(header + start_ok("guest", "wrong"));
  const auto close = client.closed_with();
  BOOST_TEST(close.reply_code == 403);
  BOOST_TEST(close.reply_text
             == "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. "
                "For details see the broker logfile.");
  BOOST_TEST((client.last.close_socket_after_ms == limits::login_failure_delay_ms));
  BOOST_TEST(client.last.login_refused);
  BOOST_TEST(!client.last.authenticated);
  BOOST_TEST(client.logged("PLAIN login refused: user 'guest' - invalid credentials"));
  BOOST_TEST(!client.logged("wrong"));
}

BOOST_AUTO_TEST_CASE(a_refused_client_without_the_capability_hears_nothing) {
  test_client client;
  client.feed(header);
  client.written();
  client.feed(start_ok("guest", "wrong", "PLAIN", false));
  BOOST_TEST(client.written().empty());
  BOOST_TEST((client.last.close_socket_after_ms == limits::login_failure_delay_ms));
}

BOOST_AUTO_TEST_CASE(a_remote_guest_is_refused) {
  test_client client{{}, false};
  client.feed(header + start_ok());
  BOOST_TEST(client.closed_with().reply_code == 403);
}

BOOST_AUTO_TEST_CASE(what_does_not_speak_the_protocol_before_login_is_closed_after_a_pause) {
  amqp::connection_class::start_ok no_separators;
  no_separators.mechanism = "PLAIN";
  no_separators.response = "guest";
  amqp::connection_class::start_ok empty_amqplain;
  empty_amqplain.mechanism = "AMQPLAIN";
  for (const std::string& wrong :
       {start_ok("guest", "guest", "KERBEROS"), start_ok("guest", "guest", ""), method_frame(0, no_separators),
        method_frame(0, empty_amqplain), tune_ok(), open(), open_channel(1), raw_frame(3, 0, "body"),
        raw_frame(8, 1, ""), raw_frame(1, 0, std::string(5000, 'x')), std::string{"\x01\x00\x00\x80\x00\x00\x00", 7},
        raw_frame(1, 0, std::string{"\x00\x0a\x00\x0b\x00", 5}), raw_frame(9, 0, ""), header}) {
    test_client client;
    client.feed(header);
    client.written();
    client.feed(wrong);
    BOOST_TEST(client.written().empty());
    BOOST_TEST((client.last.close_socket_after_ms == limits::login_failure_delay_ms));
    BOOST_TEST(client.machine->state() == "closed");
    BOOST_TEST(!client.last.teardown);
  }
}

BOOST_AUTO_TEST_CASE(limits_beyond_the_servers_are_not_allowed) {
  const auto refused = [](const std::string& tune, const std::string& text) {
    test_client client;
    client.feed(header + start_ok());
    client.feed(tune + open());
    const auto close = client.closed_with();
    BOOST_TEST(close.reply_code == 530);
    BOOST_TEST(close.reply_text == text);
    client.feed(method_frame(0, methods::close_ok{}));
    BOOST_TEST((client.last.close_socket_after_ms == 0u));
  };
  refused(tune_ok(65535),
          "NOT_ALLOWED - negotiated channel_max = 65535 is higher than the maximum allowed value (2047)");
  refused(tune_ok(0), "NOT_ALLOWED - negotiated channel_max = 0 is higher than the maximum allowed value (2047)");
  refused(tune_ok(10, 1 << 20),
          "NOT_ALLOWED - negotiated frame_max = 1048576 is higher than the maximum allowed value (131072)");
  refused(tune_ok(10, 0), "NOT_ALLOWED - negotiated frame_max = 0 is higher than the maximum allowed value (131072)");
  refused(tune_ok(10, 1000),
          "NOT_ALLOWED - negotiated frame_max = 1000 is lower than the minimum allowed value (4096)");
}

BOOST_AUTO_TEST_CASE(a_vhost_that_cannot_be_opened_closes_with_530) {
  test_client client;
  client.feed(header + start_ok() + tune_ok() + open("/nowhere"));
  const auto close = client.closed_with();
  BOOST_TEST(close.reply_code == 530);
  BOOST_TEST(close.reply_text == "NOT_ALLOWED - vhost /nowhere not found");
  BOOST_TEST(close.class_id == 10);
  BOOST_TEST(close.method_id == 40);
  BOOST_TEST(!client.last.opened_vhost);
  BOOST_TEST(!client.last.teardown);
}

BOOST_AUTO_TEST_CASE(frames_stay_small_until_the_vhost_is_open) {
  test_client client;
  client.feed(header + start_ok() + tune_ok());
  client.written();
  client.feed(raw_frame(1, 0, std::string(100'000, 'x')), 1000);
  BOOST_TEST(client.machine->state() == "closed");
}

BOOST_AUTO_TEST_CASE(a_handshake_that_takes_too_long_is_closed_without_a_word) {
  test_client client;
  BOOST_TEST(client.machine->deadline() == client.now + limits::handshake_timeout_ms);
  client.feed(header + start_ok());
  client.written();
  client.tick(client.now + limits::handshake_timeout_ms - 1);
  BOOST_TEST(!client.last.close_socket_after_ms);
  client.tick(client.now + 1);
  BOOST_TEST((client.last.close_socket_after_ms == 0u));
  BOOST_TEST(client.written().empty());
  BOOST_TEST(client.logged("handshake_timeout"));
}

BOOST_AUTO_TEST_CASE(update_secret_is_answered_and_the_vhost_checked_anew) {
  test_client client;
  client.handshake();
  client.feed(method_frame(0, methods::update_secret{"new", "expired"}));
  only_method<methods::update_secret_ok>(client.frames());
  BOOST_TEST(client.logged("updated secret, reason: expired"));
}

BOOST_AUTO_TEST_CASE(a_handshake_fed_byte_by_byte_ends_the_same) {
  test_client client;
  client.feed(header + start_ok() + tune_ok() + open() + open_channel(1) + publish(1, "e", "k", "body"), 1);
  BOOST_TEST(client.machine->state() == "running");
  BOOST_TEST(client.channels[1].said.size() == 1u);
  BOOST_TEST(client.frames().size() == 4u);
}

BOOST_AUTO_TEST_SUITE_END()

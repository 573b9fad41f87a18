// The control endpoint over real sockets: bounded before and after login, whatever the peer does.
#include <boost/test/unit_test.hpp>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.hpp"
#include "control_auth.hpp"
#include "control_client.hpp"
#include "fake_node.hpp"

using namespace std::chrono_literals;
using broker::control::control_client;
using broker::control::failure_kind;

namespace control_listener {
namespace {

/// A peer that sends what it likes.
class raw_peer {
public:
  explicit raw_peer(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    BOOST_REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    const timeval patience{5, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  ~raw_peer() { close(fd_); }

  void send_bytes(std::string_view bytes) {
    BOOST_TEST(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  void send_header(uint32_t size) {
    char header[4];
    broker::store_u32(header, size);
    send_bytes({header, sizeof header});
  }
  /// The node closed the connection, without or after an answer.
  bool closed() {
    char byte;
    for (;;) {
      const ssize_t got = recv(fd_, &byte, 1, 0);
      if (got <= 0)
        return got == 0 || errno == ECONNRESET;
    }
  }

private:
  int fd_;
};

broker::result<void> log_in(control_client& client, uint16_t port, std::string_view cookie = "SECRET") {
  if (auto connected = client.connect("127.0.0.1", port); !connected)
    return connected;
  return client.authenticate(cookie, "tool@test", "rabbit@test");
}

} // namespace
} // namespace control_listener

BOOST_AUTO_TEST_SUITE(control_listener)

BOOST_AUTO_TEST_CASE(a_holder_of_the_cookie_is_served_more_than_once) {
  test::fake_node node;
  control_client client{control_client::clock::now() + 5s};
  BOOST_REQUIRE(log_in(client, node.port).ok());
  for (int i = 0; i < 3; ++i) {
    const auto answer = client.call({"ping", {}, {}, {}});
    BOOST_REQUIRE(answer.ok());
    BOOST_TEST(answer->exit_code == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_cookie_is_refused_and_reported) {
  test::fake_node node;
  control_client client{control_client::clock::now() + 5s};
  const auto refused = log_in(client, node.port, "WRONG");
  BOOST_REQUIRE(!refused.ok());
  BOOST_TEST(refused.error().text == "the cookies differ");
  BOOST_CHECK(client.failure() == failure_kind::refused);
  node.stop();
  BOOST_REQUIRE(node.refusals.size() == 1u);
  BOOST_TEST(node.refusals[0] == "the cookies differ");
}

BOOST_AUTO_TEST_CASE(another_node_at_the_port_is_not_mistaken_for_ours) {
  test::fake_node node;
  control_client client{control_client::clock::now() + 5s};
  BOOST_REQUIRE(client.connect("127.0.0.1", node.port).ok());
  const auto refused = client.authenticate("SECRET", "tool@test", "rabbit@elsewhere");
  BOOST_TEST(refused.error().text == "the node at this port is rabbit@test");
}

BOOST_AUTO_TEST_CASE(an_oversized_frame_before_login_closes_the_connection) {
  test::fake_node node;
  raw_peer peer{node.port};
  peer.send_header(broker::control::handshake_frame_max_bytes + 1);
  BOOST_TEST(peer.closed());
}

BOOST_AUTO_TEST_CASE(amqp_at_the_control_port_closes_the_connection) {
  test::fake_node node;
  raw_peer peer{node.port};
  peer.send_bytes(std::string_view{"AMQP\x00\x00\x09\x01", 8});
  BOOST_TEST(peer.closed());
}

BOOST_AUTO_TEST_CASE(a_request_before_login_is_not_heard) {
  test::fake_node node;
  raw_peer peer{node.port};
  const auto request = broker::control::encode_request({"stop", {}, {}, {}}).at(0);
  peer.send_header(static_cast<uint32_t>(request.size()));
  peer.send_bytes(request);
  BOOST_TEST(peer.closed());
  BOOST_TEST(!node.view.stopped);
}

BOOST_AUTO_TEST_CASE(a_slow_peer_is_dropped_after_the_handshake_timeout) {
  broker::control::listener_settings settings;
  settings.handshake_timeout = 100ms;
  test::fake_node node{settings};
  raw_peer silent{node.port}, half{node.port};
  half.send_bytes(std::string_view{"\0\0", 2});
  BOOST_TEST(silent.closed());
  BOOST_TEST(half.closed());
}

BOOST_AUTO_TEST_CASE(an_idle_tool_is_dropped) {
  broker::control::listener_settings settings;
  settings.idle_timeout = 100ms;
  test::fake_node node{settings};
  control_client client{control_client::clock::now() + 5s};
  BOOST_REQUIRE(log_in(client, node.port).ok());
  std::this_thread::sleep_for(400ms);
  BOOST_TEST(!client.call({"ping", {}, {}, {}}).ok());
}

BOOST_AUTO_TEST_CASE(too_many_connections_are_turned_away_and_others_go_on) {
  broker::control::listener_settings settings;
  settings.connections_max = 2;
  test::fake_node node{settings};
  control_client client{control_client::clock::now() + 5s};
  BOOST_REQUIRE(log_in(client, node.port).ok());
  raw_peer second{node.port}, third{node.port};
  BOOST_TEST(third.closed());
  BOOST_TEST(client.call({"ping", {}, {}, {}}).ok());
}

BOOST_AUTO_TEST_CASE(a_host_that_does_not_exist_is_an_error_before_the_deadline) {
  control_client client{control_client::clock::now() + 3s};
  const auto before = control_client::clock::now();
  const auto refused = client.connect("no-such-host.invalid", 1);
  BOOST_REQUIRE(!refused.ok());
  BOOST_TEST(refused.error().text.starts_with("no-such-host.invalid: "));
  BOOST_CHECK(client.failure() == failure_kind::unreachable);
  BOOST_CHECK(control_client::clock::now() - before < 4s);
}

BOOST_AUTO_TEST_CASE(a_long_answer_comes_in_many_frames) {
  test::fake_node node;
  node.view.invented = 99'997; // besides three
  control_client client{control_client::clock::now() + 20s};
  BOOST_REQUIRE(log_in(client, node.port).ok());
  const auto answer = client.call({"list_queues", {}, {{"vhost", "/"}}, {"name", "messages", "pid"}});
  BOOST_REQUIRE(answer.ok());
  BOOST_REQUIRE(answer->rows.size() == 100'000u);
  BOOST_CHECK(answer->rows[99'999][0] == broker::control::value{"q2"});
  BOOST_CHECK(answer->rows[99'999][1] == broker::control::value{3});
}

BOOST_AUTO_TEST_CASE(a_file_comes_in_many_frames) {
  broker::control::request sent{"import_definitions", {"a"}, {{"vhost", "/"}}, {}};
  for (int i = 0; sent.attachment.size() < 3 * broker::control::frame_max_bytes; ++i)
    sent.attachment += std::to_string(i);
  BOOST_TEST(broker::control::request_fits(sent));
  const auto parts = broker::control::encode_request(sent);
  BOOST_TEST(parts.size() == 5u); // the head, then what is a little more than three frames
  broker::control::request got;
  for (size_t i = 0; i < parts.size(); ++i) {
    BOOST_TEST(parts[i].size() <= broker::control::frame_max_bytes);
    const auto more = broker::control::decode_request(parts[i], got);
    BOOST_REQUIRE(more.ok());
    BOOST_TEST(*more == (i + 1 < parts.size()));
  }
  BOOST_TEST(got.verb == sent.verb);
  BOOST_TEST(got.arguments == sent.arguments);
  BOOST_TEST((got.attachment == sent.attachment));
}

BOOST_AUTO_TEST_CASE(a_file_beyond_the_limit_is_refused_at_both_ends) {
  broker::control::request sent{"import_definitions", {}, {}, {}};
  sent.attachment.assign(broker::control::attachment_max_bytes + 1, 'x');
  BOOST_TEST(!broker::control::request_fits(sent));
  broker::control::request got;
  bool refused = false;
  for (const auto& part : broker::control::encode_request(sent))
    refused |= !broker::control::decode_request(part, got).ok();
  BOOST_TEST(refused);
  BOOST_TEST(got.attachment.size() <= broker::control::attachment_max_bytes);
}

BOOST_AUTO_TEST_CASE(a_node_that_does_not_answer_is_timed_out) {
  test::fake_node node;
  node.view.silent = true;
  control_client client{control_client::clock::now() + 300ms};
  BOOST_REQUIRE(log_in(client, node.port).ok());
  BOOST_TEST(!client.call({"list_queues", {}, {}, {}}).ok());
  BOOST_CHECK(client.failure() == failure_kind::timed_out);
}

BOOST_AUTO_TEST_CASE(a_taken_port_is_an_error) {
  test::fake_node node;
  boost::asio::io_context io;
  broker::control::listener_settings settings;
  settings.cookie = "x";
  settings.port = node.port;
  broker::control::listener second{io, settings, [](auto, auto) {}, [](auto) {}};
  BOOST_TEST(!second.listen().ok());
}

BOOST_AUTO_TEST_SUITE_END()

// What comes to the cluster's port and is not a node of ours: refused by name, bounded in number and time, and nodes
// that are connected notice nothing.
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/test/unit_test.hpp>

#include <deque>
#include <filesystem>
#include <memory>
#include <thread>

#include "cluster/link_frame.hpp"
#include "link_node/transport_node.hpp"
#include "net/cluster_identity.hpp"

using namespace test;
using boost::asio::ip::tcp;

namespace hostile {
namespace {

constexpr auto queues = cluster_service::queues;

size_t open_descriptors() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator{"/proc/self/fd"})
    ++count;
  return count;
}

struct stranger {
  boost::asio::io_context io;
  tcp::socket socket{io};

  explicit stranger(uint16_t port) {
    boost::system::error_code ignored;
    socket.connect({boost::asio::ip::make_address("127.0.0.1"), port}, ignored);
  }
  void say(std::string_view bytes) {
    boost::system::error_code ignored;
    boost::asio::write(socket, boost::asio::buffer(bytes), ignored);
  }
  /// True once the other side has closed.
  bool closed() {
    boost::system::error_code failure;
    socket.non_blocking(true, failure);
    char byte[256];
    for (;;) {
      socket.read_some(boost::asio::buffer(byte), failure);
      if (failure)
        return failure != boost::asio::error::would_block;
    }
  }
};

/// Holds the cookie, but its program is another.
struct holder_of_the_cookie : stranger {
  ssl_ctx_ptr context;
  std::unique_ptr<SSL, decltype(&SSL_free)> tls{nullptr, SSL_free};

  holder_of_the_cookie(uint16_t port, std::string_view node) : stranger(port) {
    auto made = make_cluster_context("COOKIE", node);
    BOOST_TEST_REQUIRE(made.ok());
    context = *std::move(made);
    tls.reset(SSL_new(context.get()));
    SSL_set_fd(tls.get(), socket.native_handle());
    BOOST_TEST_REQUIRE(SSL_connect(tls.get()) == 1);
  }
  void write(std::string_view bytes) {
    BOOST_TEST(SSL_write(tls.get(), bytes.data(), static_cast<int>(bytes.size())) > 0);
  }
  /// What comes until the other side closes.
  std::string read_all() {
    std::string all;
    char bytes[4096];
    for (int got = 0; (got = SSL_read(tls.get(), bytes, sizeof bytes)) > 0;)
      all.append(bytes, static_cast<size_t>(got));
    return all;
  }
};

/// Of a later version of the protocol: it is refused, and the connection closed.
byte_buffer newer_hello() {
  cluster::hello_frame hello;
  hello.version = link_limits::protocol_version + 1;
  hello.node = "rabbit@new";
  hello.target = "rabbit@a";
  byte_buffer bytes;
  cluster::encode(cluster::link_frame{std::move(hello)}, bytes);
  return bytes;
}

struct pair_of_nodes {
  transport_node a{transport_settings{"rabbit@a"}};
  transport_node b{transport_settings{"rabbit@b"}};

  pair_of_nodes() {
    a.links().connect("rabbit@b", "127.0.0.1", b.port());
    BOOST_TEST_REQUIRE(within(5'000, [&] { return a.seen(queues).session != 0 && b.seen(queues).session != 0; }));
  }
  /// A round trip through both.
  void still_work() {
    const uint64_t before = b.seen(queues).frames;
    BOOST_TEST(a.links().send("rabbit@b", queues, numbered(before + 1, 100)));
    BOOST_TEST(within(2'000, [&] { return b.seen(queues).frames == before + 1; }));
    BOOST_TEST(a.seen(queues).suspects == 0u);
    BOOST_TEST(b.seen(queues).suspects == 0u);
  }
};

} // namespace
} // namespace hostile

BOOST_AUTO_TEST_SUITE(hostile)

BOOST_AUTO_TEST_CASE(holders_of_a_cookie_make_the_same_authority_and_no_other) {
  const auto one = cluster_authority_pem("COOKIE"), again = cluster_authority_pem("COOKIE"),
             other = cluster_authority_pem("COOKIF");
  BOOST_TEST_REQUIRE((one.ok() && again.ok() && other.ok()));
  BOOST_TEST(*one == *again);
  BOOST_TEST(*one != *other);
}

BOOST_AUTO_TEST_CASE(a_wrong_cookie_is_refused_and_both_sides_say_so) {
  transport_node a{transport_settings{"rabbit@a"}};
  transport_settings wrong{"rabbit@b"};
  wrong.cookie = "ANOTHER";
  transport_node b{wrong};
  b.links().connect("rabbit@a", "127.0.0.1", a.port());
  BOOST_TEST(within(5'000, [&] { return b.logged("the cookies of the two nodes differ"); }));
  BOOST_TEST(within(5'000, [&] { return a.logged("refused: the cookies of the two nodes differ"); }));
  BOOST_TEST(a.links().nodes().empty());
  BOOST_TEST(b.seen(queues).ups == 0u);
  const auto state = b.links().nodes();
  BOOST_TEST_REQUIRE(state.size() == 1u);
  BOOST_TEST(state[0].last_error.find("cookies") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_node_under_another_name_is_not_the_node_we_look_for) {
  transport_node a{transport_settings{"rabbit@a"}}, b{transport_settings{"rabbit@b"}};
  a.links().connect("rabbit@c", "127.0.0.1", b.port());
  BOOST_TEST(within(5'000, [&] { return a.logged("there is the node rabbit@b"); }));
  BOOST_TEST(a.seen(queues).ups == 0u);
}

BOOST_AUTO_TEST_CASE(a_node_of_our_own_name_is_refused) {
  transport_node a{transport_settings{"rabbit@a"}}, twin{transport_settings{"rabbit@a"}},
    b{transport_settings{"rabbit@b"}};
  twin.links().connect("rabbit@a", "127.0.0.1", a.port()); // no effect: it is itself
  BOOST_TEST(twin.links().nodes().empty());
  b.links().connect("rabbit@a", "127.0.0.1", a.port());
  BOOST_TEST(within(5'000, [&] { return b.seen(queues).session != 0; }));
}

BOOST_AUTO_TEST_CASE(what_is_not_tls_is_refused_by_name) {
  pair_of_nodes nodes;
  stranger http{nodes.a.port()};
  http.say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_TEST(within(2'000, [&] { return http.closed(); }));
  BOOST_TEST(nodes.a.logged("refused: http request"));
  for (int seed = 0; seed < 15; ++seed) {
    stranger noise{nodes.a.port()};
    std::string bytes(600, '\0');
    for (size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = static_cast<char>((i * 2654435761u + static_cast<unsigned>(seed) * 40503u) >> 7);
    noise.say(bytes);
    BOOST_TEST(within(2'000, [&] { return noise.closed(); }));
  }
  nodes.still_work();
}

BOOST_AUTO_TEST_CASE(a_peer_of_a_newer_protocol_version_is_told_why_it_is_refused) {
  pair_of_nodes nodes;
  holder_of_the_cookie newer{nodes.a.port(), "rabbit@new"};
  newer.write(newer_hello().view());
  const auto answer = newer.read_all();
  const std::string_view reason = "speaks version 2 of the cluster protocol, this node speaks version 1";
  BOOST_TEST(answer.find(reason) != std::string::npos);
  BOOST_TEST(nodes.a.logged(reason));
  nodes.still_work();
}

/// Two nodes that closed connections to each other waited so for each other's end, for ever: nothing else was done by
/// the thread that serves all links (seen after a cut, mirror_chaos).
BOOST_AUTO_TEST_CASE(who_goes_on_talking_on_a_connection_that_is_closed_holds_nobody_up) {
  pair_of_nodes nodes;
  holder_of_the_cookie newer{nodes.a.port(), "rabbit@new"};
  newer.write(newer_hello().view());
  BOOST_TEST_REQUIRE(within(2'000, [&] { return nodes.a.logged("of the cluster protocol"); }));
  newer.write("and what is more"); // and does not hang up
  nodes.still_work();
  BOOST_TEST(within(3'000, [&] { return newer.closed(); }));
  nodes.still_work();
}

BOOST_AUTO_TEST_CASE(those_who_say_nothing_are_bounded_in_number_and_time) {
  pair_of_nodes nodes;
  const size_t before = open_descriptors();
  std::deque<stranger> silent;
  for (int i = 0; i < 400; ++i)
    silent.emplace_back(nodes.a.port());
  within(300, [] { return false; });
  // The strangers are of this process, too: a socket each and what an io_context needs.
  BOOST_TEST(open_descriptors() <= before + 400 * 4 + wire_handshakes_per_address_max + 4);
  size_t refused = 0;
  for (auto& each : silent)
    refused += each.closed() ? 1 : 0;
  BOOST_TEST(refused == 400 - wire_handshakes_per_address_max);
  nodes.still_work();
  BOOST_TEST(within(7'000, [&] {
    refused = 0;
    for (auto& each : silent)
      refused += each.closed() ? 1 : 0;
    return refused == 400;
  }));
  BOOST_TEST(nodes.a.logged("the handshake did not end within 5 s"));
  nodes.still_work();
}

BOOST_AUTO_TEST_CASE(a_byte_a_second_does_not_hold_a_handshake_open) {
  pair_of_nodes nodes;
  stranger slow{nodes.a.port()};
  const std::string_view hello{"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03", 11};
  const uint64_t start = steady_ms();
  size_t at = 0;
  BOOST_TEST(within(8'000, [&] {
    if (at < hello.size() && steady_ms() - start > at * 1'000)
      slow.say(hello.substr(at++, 1));
    return slow.closed();
  }));
  BOOST_TEST(steady_ms() - start < 6'000u);
  nodes.still_work();
}

BOOST_AUTO_TEST_CASE(a_flood_of_connections_does_not_disturb_connected_nodes) {
  pair_of_nodes nodes;
  std::atomic<bool> flooding{true};
  std::atomic<uint64_t> made{0};
  std::thread flood{[&] {
    while (flooding) {
      stranger one{nodes.a.port()};
      one.say("\x16\x03\x01\x00\x05hello");
      ++made;
    }
  }};
  for (int i = 0; i < 40; ++i) {
    nodes.still_work();
    within(100, [] { return false; });
  }
  flooding = false;
  flood.join();
  BOOST_TEST_MESSAGE(made << " connections in 4 s");
  BOOST_TEST(made > 400u); // ten times the lines that the log may have; how many more is the machine's affair
  // The log stays readable.
  const auto text = nodes.a.log_text();
  BOOST_TEST(std::count(text.begin(), text.end(), '\n') < 40);
  transport_node late{transport_settings{"rabbit@c"}};
  late.links().connect("rabbit@a", "127.0.0.1", nodes.a.port());
  BOOST_TEST(within(8'000, [&] { return late.seen(queues).session != 0; }));
}

BOOST_AUTO_TEST_SUITE_END()

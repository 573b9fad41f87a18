// Frames between nodes: what is encoded decodes, what is not of the protocol is refused by name, nothing reads beyond
// its bytes.
#include <boost/test/unit_test.hpp>

#include "cluster/link_frame.hpp"

using namespace broker;
using namespace broker::cluster;

namespace link_frames {
namespace {

std::string bytes_of(const link_frame& frame) {
  byte_buffer out;
  encode(frame, out);
  return std::string{out.view().substr(4)};
}

hello_frame some_hello() {
  hello_frame hello;
  hello.node = "rabbit@a";
  hello.target = "rabbit@b";
  hello.cluster = "warren-1";
  hello.incarnation = 7;
  hello.attempt = 3;
  hello.session = {11, 12};
  hello.offer = 13;
  hello.received = {1, 2, 3, 4};
  hello.window = {5, 6, 7, 8};
  return hello;
}

std::string refusal(std::string_view frame) {
  const auto decoded = decode(frame);
  return decoded ? "accepted" : decoded.error().text;
}

} // namespace
} // namespace link_frames

BOOST_AUTO_TEST_SUITE(link_frames)

BOOST_AUTO_TEST_CASE(a_hello_arrives_as_it_was_sent) {
  const auto bytes = bytes_of(some_hello());
  const auto decoded = decode(bytes);
  BOOST_TEST_REQUIRE(decoded.ok());
  const auto& hello = std::get<hello_frame>(*decoded);
  BOOST_TEST(hello.node == "rabbit@a");
  BOOST_TEST(hello.target == "rabbit@b");
  BOOST_TEST(hello.cluster == "warren-1");
  BOOST_TEST(hello.incarnation == 7u);
  BOOST_TEST(hello.attempt == 3u);
  BOOST_TEST((hello.session == session_pair{11, 12}));
  BOOST_TEST(hello.offer == 13u);
  BOOST_TEST(hello.received[3] == 4u);
  BOOST_TEST(hello.window[3] == 8u);
}

BOOST_AUTO_TEST_CASE(every_frame_cut_short_or_too_long_is_refused) {
  ack_frame ack;
  ack.services[2] = {5, 6};
  data_frame data;
  data.seq = 9;
  data.total = 3;
  data.bytes = "abc";
  for (const link_frame& frame : {link_frame{some_hello()}, link_frame{ack}, link_frame{data}}) {
    const auto bytes = bytes_of(frame);
    BOOST_TEST(decode(bytes).ok());
    for (size_t size = 0; size < bytes.size(); ++size)
      BOOST_TEST(!decode(std::string_view{bytes}.substr(0, size)).ok());
    BOOST_TEST(!decode(bytes + "x").ok());
  }
}

BOOST_AUTO_TEST_CASE(what_is_not_of_the_protocol_is_refused_by_name) {
  BOOST_TEST(refusal("\x63") == "a frame of the unknown type 99");
  BOOST_TEST(refusal(std::string{"\x01"} + "GET / HTTP/1.1") == "a hello that is not of this protocol");
  BOOST_TEST(refusal(std::string{"\x06\x09"} + "x") == "a datagram for the unknown service 9");
  BOOST_TEST(refusal("\x07 ") == "a heartbeat with a body");
  auto half = some_hello();
  half.session.peer = 0;
  BOOST_TEST(refusal(bytes_of(half)) == "a hello with half a session");
  data_frame data;
  data.seq = 1;
  data.bytes = "abc";
  data.total = 2;
  BOOST_TEST(refusal(bytes_of(data)) == "a payload of 2 bytes whose first part has 3");
  data.last = false;
  data.total = link_limits::payload_max_bytes + 1;
  BOOST_TEST(!decode(bytes_of(data)).ok());
}

// A newer version may have changed everything behind its number, so only the number is read.
BOOST_AUTO_TEST_CASE(a_newer_version_is_recognised_whatever_follows) {
  auto bytes = bytes_of(some_hello()).substr(0, 7) + "something quite different";
  bytes[6] = 9;
  const auto decoded = decode(bytes);
  BOOST_TEST_REQUIRE(decoded.ok());
  BOOST_TEST(std::get<hello_frame>(*decoded).version == 9u);
}

BOOST_AUTO_TEST_CASE(a_stream_cut_anywhere_gives_the_same_frames) {
  byte_buffer stream;
  for (const std::string& text : {std::string{"a"}, std::string(3000, 'b'), std::string{"ccc"}})
    encode(datagram_frame{cluster_service::queues, text}, stream);
  for (size_t piece = 1; piece < 40; ++piece) {
    frame_splitter splitter;
    std::vector<size_t> sizes;
    for (size_t at = 0; at < stream.size(); at += piece)
      BOOST_TEST_REQUIRE(splitter
                           .feed(stream.view().substr(at, piece), link_limits::hello_max_bytes,
                                 [&](std::string_view frame) {
                                   sizes.push_back(frame.size());
                                   return true;
                                 })
                           .ok());
    BOOST_TEST((sizes == std::vector<size_t>{3, 3002, 5}));
  }
}

BOOST_AUTO_TEST_CASE(a_frame_above_the_limit_is_refused_before_it_is_kept) {
  frame_splitter splitter;
  const auto fed = splitter.feed(std::string_view{"\x7f\xff\xff\xff", 4}, link_limits::hello_max_bytes,
                                 [](std::string_view) { return true; });
  BOOST_TEST_REQUIRE(!fed.ok());
  BOOST_TEST(fed.error().text == "a frame of 2147483647 bytes, the most is 4096");
}

BOOST_AUTO_TEST_SUITE_END()

// The consumer and the publisher against a peer that is played by the test, over a real TCP connection.
#include <boost/test/unit_test.hpp>

#include <sys/socket.h>
#include <thread>

#include "consumer.hpp"
#include "failure.hpp"
#include "message_slab.hpp"
#include "publisher.hpp"
#include "topology.hpp"

using namespace broker::bench;

namespace bench_delivery {
namespace {

struct delivery_test {
  connected_pair pair = connect_over_loopback();
  event_loop loop;
  queue_check queue;

  delivery_test() { queue.expect(0); }

  consumer make_consumer(const consumer_settings& settings) {
    return consumer{loop, client_socket{std::move(pair.near)}, queue, settings};
  }

  /// Sends deliveries of stream 0 with these numbers, their bodies cut into frames of `frame_max`.
  void deliver(std::initializer_list<uint64_t> sequences, uint64_t size, uint32_t frame_max) {
    std::string bytes;
    for (const uint64_t sequence : sequences) {
      message_slab one{{encode_deliver("key", {size, false, 4096})}};
      one.put(0, stamp::make(0, sequence, now_ns()));
      const std::string_view body = one.range(0, 1).substr(one.range(0, 1).size() - 1 - size, size);
      wire::writer{bytes, 1, wire::method::basic_deliver}.short_string("c").u64(++tag_).u8(0).u8(0).u8(0).end();
      wire::writer{bytes, wire::frame_header, 1}.u16(60).u16(0).u64(size).u16(0).end();
      for (size_t at = 0; at < size; at += frame_max)
        wire::writer{bytes, wire::frame_body, 1}.raw(body.substr(at, frame_max)).end();
    }
    send(bytes);
  }

  void send(const std::string& bytes) const {
    BOOST_REQUIRE(::send(pair.far.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == ssize_t(bytes.size()));
  }

  /// The methods that have reached the peer within a moment.
  std::vector<wire::method> peer_received() {
    client_socket peer{std::move(pair.far)};
    std::vector<wire::method> methods;
    wire::frame in;
    peer.await_input(now_ns() + ns_per_second);
    while (const size_t size = wire::take_frame(peer.received(), in)) {
      methods.push_back(wire::reader{in.payload}.id());
      peer.consume(size);
    }
    return methods;
  }

  void run_until_received(const consumer& by, uint64_t count) {
    const time_ns deadline = now_ns() + 5 * ns_per_second;
    while (by.received() < count && now_ns() < deadline)
      loop.run_once(ns_per_second / 100);
    BOOST_REQUIRE(by.received() == count);
  }

  uint64_t tag_ = 0;
};

} // namespace
} // namespace bench_delivery

BOOST_FIXTURE_TEST_SUITE(bench_delivery, delivery_test)

BOOST_AUTO_TEST_CASE(loss_duplication_and_disorder_are_all_seen) {
  consumer judge = make_consumer({.size = 16});
  deliver({0, 1, 1, 4, 3}, 16, 4096);
  run_until_received(judge, 5);
  BOOST_TEST(queue.missing({6}) == 2u); // 2 and 5
  BOOST_TEST(queue.duplicated() == 1u);
  BOOST_TEST(judge.reordered() == 2u); // the second 1, and 3 behind 4
  BOOST_TEST(judge.corrupt() == 0u);
}

BOOST_AUTO_TEST_CASE(a_body_may_come_in_frames_of_any_size) {
  consumer judge = make_consumer({.size = 100, .verify = true});
  for (const uint32_t frame_max : {1u, 5u, 16u, 17u, 99u, 100u})
    deliver({judge.received() + tag_}, 100, frame_max);
  run_until_received(judge, 6);
  BOOST_TEST(queue.missing({6}) == 0u);
  BOOST_TEST(judge.corrupt() == 0u);
}

BOOST_AUTO_TEST_CASE(a_body_of_another_size_or_content_is_corrupt) {
  consumer judge = make_consumer({.size = 100, .verify = true});
  deliver({0}, 99, 4096);
  std::string bytes = encode_deliver("key", {100, false, 4096}).bytes;
  bytes[bytes.size() - 10] ^= 1;
  send(bytes);
  run_until_received(judge, 2);
  BOOST_TEST(judge.corrupt() == 2u);
  BOOST_TEST(queue.missing({2}) == 2u);
}

BOOST_AUTO_TEST_CASE(groups_are_acknowledged_together_and_the_rest_at_the_end) {
  consumer judge = make_consumer({.ack = ack_mode::multiple, .ack_every = 2});
  deliver({0, 1, 2, 3, 4}, 16, 4096);
  run_until_received(judge, 5);
  BOOST_TEST(judge.finish());
  const std::vector<wire::method> acks(3, wire::method::basic_ack);
  BOOST_TEST((peer_received() == acks));
}

BOOST_AUTO_TEST_CASE(a_closed_channel_ends_the_run_with_the_brokers_words) {
  consumer judge = make_consumer({});
  std::string bytes;
  wire::writer{bytes, 1, wire::method::channel_close}.u16(406).short_string("PRECONDITION_FAILED").u32(0).end();
  send(bytes);
  BOOST_CHECK_EXCEPTION(loop.run_once(ns_per_second), failure, [](const failure& end) {
    return std::string_view{end.what()} == "the broker closed the channel: 406 PRECONDITION_FAILED";
  });
}

BOOST_AUTO_TEST_CASE(a_frame_without_its_end_octet_is_refused) {
  consumer judge = make_consumer({});
  deliver({}, 16, 4096);
  std::string bytes = encode_deliver("key", {16, false, 4096}).bytes;
  bytes.back() = 0;
  send(bytes);
  BOOST_CHECK_THROW(loop.run_once(ns_per_second), failure);
}

BOOST_AUTO_TEST_CASE(a_paced_publisher_stamps_the_intended_times) {
  consumer judge = make_consumer({});
  connected_pair wire_pair = connect_over_loopback();
  const message_shape shape{16, false, 4096};
  publisher source{loop,
                   client_socket{std::move(wire_pair.near)},
                   message_slab{{encode_publish("", "key", shape)}},
                   {0},
                   publisher_settings{.rate = 1000}};
  const time_ns start = now_ns();
  source.start(start);
  source.pump(start + 10 * ns_per_second / 1000); // ten milliseconds late
  BOOST_TEST(source.published() == 11u);

  client_socket peer{std::move(wire_pair.far)};
  peer.await_input(now_ns() + ns_per_second);
  wire::frame in;
  uint64_t sequence = 0;
  while (const size_t size = wire::take_frame(peer.received(), in)) {
    if (in.type == wire::frame_body) {
      const stamp sent = stamp::load(in.payload.data());
      BOOST_TEST(sent.sequence() == sequence);
      BOOST_TEST(sent.intended == start + sequence * ns_per_second / 1000);
      ++sequence;
    }
    peer.consume(size);
  }
  BOOST_TEST(sequence == 11u);
}

BOOST_AUTO_TEST_CASE(a_publisher_waits_for_confirms_when_its_window_is_full) {
  const message_shape shape{16, false, 4096};
  publisher source{loop,
                   client_socket{std::move(pair.near)},
                   message_slab{{encode_publish("", "key", shape)}},
                   {0},
                   publisher_settings{.confirm_window = 4, .messages = 6}};
  source.start(now_ns());
  source.pump(now_ns());
  BOOST_TEST(source.published() == 4u);
  BOOST_TEST(!source.pump(now_ns()));
  std::string bytes;
  wire::writer{bytes, 1, wire::method::basic_ack}.u64(3).u8(1).end();
  wire::writer{bytes, 1, wire::method::basic_nack}.u64(4).u8(0).end();
  send(bytes);
  loop.run_once(ns_per_second);
  BOOST_TEST(source.confirmed() == 3u);
  BOOST_TEST(source.refused() == 1u);
  source.pump(now_ns());
  BOOST_TEST(source.published() == 6u);
  BOOST_TEST(!source.finished());
}

BOOST_AUTO_TEST_SUITE_END()

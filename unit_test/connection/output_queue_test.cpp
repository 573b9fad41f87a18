#include <boost/test/unit_test.hpp>

#include "base/limits.hpp"
#include "base/random.hpp"
#include "connection/output_queue.hpp"
#include "connection/test_client.hpp"

using namespace broker;
using namespace broker::testing;

namespace output {
namespace {

/// Bodies as a batch, as if published on channel 9 in frames of `body_frame` bytes.
batch_ref batch_of(const std::vector<std::string>& bodies, size_t body_frame) {
  auto batch = make_ref<publish_batch>();
  const std::string method = publish_frame(9, "ex", "key");
  const std::string names = method.substr(13, 7);
  for (const auto& body : bodies) {
    const std::string raw = publish(9, "ex", "key", body, {}, body_frame).substr(method.size());
    block_ref keeps{block::create(names.size() + raw.size())};
    std::copy(names.begin(), names.end(), keeps->data());
    std::copy(raw.begin(), raw.end(), keeps->data() + names.size());
    message what{};
    what.names = keeps->data();
    what.names_size = static_cast<uint16_t>(names.size());
    what.raw = keeps->data() + names.size();
    what.raw_size = static_cast<uint32_t>(raw.size());
    what.body_size = static_cast<uint32_t>(body.size());
    what.header_size = static_cast<uint32_t>(header_frame(9, 0).size());
    batch->messages.push_back(what);
    batch->blocks.push_back(keeps);
  }
  return batch;
}

consumer_ref consumer_of(std::string tag) {
  auto who = make_ref<consumer>();
  who->tag = std::move(tag);
  return who;
}

outgoing delivery(const batch_ref& batch, const consumer_ref& who, delivery_tag first, size_t flow_bytes) {
  outgoing item;
  item.what = outgoing::kind::deliver;
  item.channel = 3;
  item.first_tag = first;
  item.flow_bytes = flow_bytes;
  item.who = who;
  item.run = {batch, {0, static_cast<uint32_t>(batch->messages.size())}, 1};
  who->unwritten_bytes += static_cast<int64_t>(flow_bytes);
  return item;
}

std::string drain(output_queue& queue, std::vector<consumer_ref>& writable, size_t largest_chunk = ~size_t{0}) {
  std::string all;
  for (std::string_view chunk = queue.chunk(); !chunk.empty(); chunk = queue.chunk()) {
    BOOST_TEST(chunk.size() <= largest_chunk);
    all += chunk;
    queue.wrote(chunk.size(), writable);
  }
  return all;
}

struct seen_delivery {
  amqp::basic_class::deliver method;
  std::string body;
};

/// Reads deliveries back and checks what every client checks: order, channel, sizes, frame_max.
std::vector<seen_delivery> read_deliveries(std::string_view bytes, size_t frame_max) {
  std::vector<seen_delivery> out;
  uint64_t left = 0;
  for (const auto& frame : split_frames(bytes)) {
    BOOST_TEST_REQUIRE(frame.prefix.channel == 3);
    BOOST_TEST_REQUIRE(frame.prefix.frame_size() <= frame_max);
    if (frame.prefix.type == amqp::frame_method) {
      BOOST_TEST_REQUIRE(left == 0u);
      out.push_back({std::get<amqp::basic_class::deliver>(frame.method()), ""});
    } else if (frame.prefix.type == amqp::frame_header) {
      left = load_u64(frame.payload.data() + 4);
    } else {
      out.back().body += frame.payload;
      left -= frame.payload.size();
    }
  }
  BOOST_TEST_REQUIRE(left == 0u);
  return out;
}

} // namespace
} // namespace output

BOOST_AUTO_TEST_SUITE(output)

BOOST_AUTO_TEST_CASE(a_run_becomes_deliveries_with_dense_tags_on_the_consumers_channel) {
  output_queue queue;
  queue.set_frame_max(131'072);
  const auto who = consumer_of("ctag");
  outgoing item = delivery(batch_of({"one", "", "three"}, 2), who, 41, 100);
  item.redelivered = true;
  queue.push(std::move(item));
  std::vector<consumer_ref> writable;
  const auto seen = read_deliveries(drain(queue, writable), 131'072);
  BOOST_TEST_REQUIRE(seen.size() == 3u);
  const std::vector<std::string> bodies{"one", "", "three"};
  for (size_t i = 0; i < seen.size(); ++i) {
    BOOST_TEST(seen[i].method.delivery_tag == 41 + i);
    BOOST_TEST(seen[i].method.consumer_tag == "ctag");
    BOOST_TEST(seen[i].method.exchange == "ex");
    BOOST_TEST(seen[i].method.routing_key == "key");
    BOOST_TEST(seen[i].method.redelivered);
    BOOST_TEST(seen[i].body == bodies[i]);
  }
  BOOST_TEST(who->unwritten_bytes.load() == 0);
  BOOST_TEST(queue.empty());
}

BOOST_AUTO_TEST_CASE(frames_larger_than_the_client_takes_are_cut) {
  broker::random_source random{41};
  for (int round = 0; round < 30; ++round) {
    std::vector<std::string> bodies;
    for (uint64_t count = 1 + random.below(4); count > 0; --count)
      bodies.emplace_back(random.below(round == 0 ? 2'000'000 : 40'000), static_cast<char>('a' + random.below(26)));
    const size_t frame_max = 4096 + random.below(10'000);
    output_queue queue;
    queue.set_frame_max(frame_max);
    queue.push(delivery(batch_of(bodies, 1 + random.below(131'064)), consumer_of("c"), 1, 7));
    std::vector<consumer_ref> writable;
    const auto seen = read_deliveries(drain(queue, writable), frame_max);
    BOOST_TEST_REQUIRE(seen.size() == bodies.size());
    for (size_t i = 0; i < seen.size(); ++i)
      BOOST_TEST_REQUIRE((seen[i].body == bodies[i]));
  }
}

BOOST_AUTO_TEST_CASE(a_large_message_is_encoded_piece_by_piece) {
  output_queue queue;
  queue.set_frame_max(131'072);
  const std::string body(8'000'000, 'x');
  queue.push(delivery(batch_of({body}, 131'064), consumer_of("c"), 1, 8'000'000));
  queue.push_bytes(method_frame(3, amqp::basic_class::deliver{"last", 2, false, "", ""}) + header_frame(3, 0));
  std::vector<consumer_ref> writable;
  const auto seen = read_deliveries(drain(queue, writable, limits::write_chunk_bytes + 131'080), 131'072);
  BOOST_TEST_REQUIRE(seen.size() == 2u);
  BOOST_TEST((seen[0].body == body));
  BOOST_TEST(seen[1].method.consumer_tag == "last");
}

BOOST_AUTO_TEST_CASE(exactly_what_was_added_is_subtracted_however_chunks_cut_the_run) {
  output_queue queue;
  queue.set_frame_max(131'072);
  const auto who = consumer_of("c");
  std::vector<std::string> bodies;
  for (size_t i = 0; i < 3000; ++i)
    bodies.emplace_back(i % 700, 'x');
  const auto batch = batch_of(bodies, 131'064);
  queue.push(delivery(batch, who, 1, 1'000'003));
  queue.push(delivery(batch, who, 3001, 17));
  std::vector<consumer_ref> writable;
  int64_t before = who->unwritten_bytes.load();
  while (!queue.empty()) {
    const size_t size = queue.chunk().size();
    queue.wrote(size - 1, writable);
    BOOST_TEST(who->unwritten_bytes.load() == before); // not before the whole chunk is out
    queue.wrote(1, writable);
    BOOST_TEST(who->unwritten_bytes.load() < before);
    before = who->unwritten_bytes.load();
    BOOST_TEST(before >= 0);
  }
  BOOST_TEST(before == 0);
}

BOOST_AUTO_TEST_CASE(a_starved_consumer_is_told_once_when_half_its_flow_is_free) {
  output_queue queue;
  queue.set_frame_max(131'072);
  const auto who = consumer_of("c");
  who->starved = true;
  const auto batch = batch_of({std::string(100'000, 'x')}, 131'064);
  std::vector<consumer_ref> writable;
  who->unwritten_bytes = static_cast<int64_t>(limits::consumer_flow_bytes / 2);
  queue.push(delivery(batch, who, 1, 10));
  drain(queue, writable);
  BOOST_TEST(writable.empty());
  who->unwritten_bytes -= 1;
  queue.push(delivery(batch, who, 2, 10));
  queue.push(delivery(batch, who, 3, 10));
  drain(queue, writable);
  BOOST_TEST(writable.size() == 1u);
  BOOST_TEST(!who->starved.load());
}

BOOST_AUTO_TEST_CASE(content_follows_the_frame_it_was_given) {
  output_queue queue;
  queue.set_frame_max(4096);
  const std::string body(10'000, 'g');
  outgoing item;
  item.what = outgoing::kind::content;
  item.channel = 3;
  item.bytes = method_frame(3, amqp::basic_class::get_ok{1, false, "ex", "key", 0});
  item.run = {batch_of({body}, 131'064), {0, 1}, 1};
  queue.push(std::move(item));
  BOOST_TEST(queue.backlog() > 10'000u);
  std::vector<consumer_ref> writable;
  const auto frames = split_frames(drain(queue, writable));
  BOOST_TEST(amqp::method_name(frames.at(0).method()) == "basic.get-ok");
  std::string seen;
  for (size_t i = 2; i < frames.size(); ++i)
    seen += frames[i].payload;
  BOOST_TEST((seen == body));
  BOOST_TEST(queue.backlog() == 0u);
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_its_replies_unread_is_not_read_either) {
  test_client client;
  client.handshake_with_channel();
  const std::string reply(limits::output_backlog_bytes / 4, 'r');
  for (int i = 0; i < 4; ++i)
    client.push_bytes(1, reply);
  BOOST_TEST(!client.machine->wants_reading());
  client.written();
  BOOST_TEST(client.machine->wants_reading());
}

BOOST_AUTO_TEST_SUITE_END()

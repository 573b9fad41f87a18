// What is published to exchanges is counted as RabbitMQ does (features.md O22): in once per message, out once per
// queue.
#include <map>

#include <boost/test/unit_test.hpp>

#include "channel/harness.hpp"
#include "channel/route_cache.hpp"
#include "model/exchange_counts.hpp"

namespace counting_exchanges {
namespace {

using namespace broker;
using namespace broker::test;

class fake_board final : public exchange_board {
public:
  std::shared_ptr<exchange_counter> open(std::string_view vhost, std::string_view exchange) override {
    BOOST_TEST(vhost == "/");
    auto made = std::make_shared<exchange_counter>(exchange);
    counters.emplace_back(exchange, made);
    return made;
  }
  void add(std::string_view, std::string_view exchange, exchange_counts more) override {
    added[std::string{exchange}] += more;
  }
  exchange_counts of(const std::string& exchange) {
    exchange_counts sum = added[exchange];
    for (const auto& [name, counter] : counters)
      if (name == exchange)
        sum += counter->read();
    return sum;
  }

  std::vector<std::pair<std::string, std::shared_ptr<exchange_counter>>> counters;
  std::map<std::string, exchange_counts> added;
};

channel_settings counted_by(fake_board& board) {
  auto settings = channel_harness::default_settings();
  settings.exchanges = &board;
  return settings;
}

struct board_first {
  fake_board board;
};

struct fixture : board_first, channel_harness {
  queue_id a = metadata->add_queue("a");
  queue_id b = metadata->add_queue("b");

  fixture() : channel_harness(counted_by(board)) {
    metadata->add_exchange("news", exchange_type::fanout);
    metadata->bind("news", "", "a");
    metadata->bind("news", "", "b");
  }
  void publish(const std::string& exchange, const std::string& key, const publish_options& options = {}) {
    input_builder input;
    input.publish(exchange, key, options);
    send(input);
  }
};

bool is(const exchange_counts& found, uint64_t in, uint64_t out) {
  BOOST_TEST_MESSAGE("in " << found.in << ", out " << found.out);
  return found == exchange_counts{in, out};
}

} // namespace
} // namespace counting_exchanges

BOOST_FIXTURE_TEST_SUITE(counting_exchanges, fixture)

BOOST_AUTO_TEST_CASE(a_message_is_counted_in_once_and_out_for_every_queue) {
  publish("news", "x", {.count = 3});
  publish("", "a", {.count = 2});
  BOOST_TEST(is(board.of("news"), 3, 6));
  BOOST_TEST(is(board.of(""), 2, 2));
}

BOOST_AUTO_TEST_CASE(what_no_queue_takes_is_counted_in_only) {
  publish("", "nowhere", {.count = 4});
  publish("", "nowhere", {.flags = message::mandatory});
  BOOST_TEST(is(board.of(""), 5, 0));
}

BOOST_AUTO_TEST_CASE(messages_that_are_looked_at_one_by_one_are_counted_too) {
  amqp::field_table headers;
  amqp::field_array keys;
  keys.values.push_back({amqp::longstr{"b"}});
  headers.set("CC", {keys});
  publish_options options;
  options.properties.headers = headers;
  options.count = 2;
  publish("", "a", options);
  BOOST_TEST(is(board.of(""), 2, 4));
}

BOOST_AUTO_TEST_CASE(a_publish_that_is_refused_is_not_counted) {
  metadata->refuse(resource_kind::exchange, "news", access::write);
  publish("news", "x");
  BOOST_TEST(is(board.of("news"), 0, 0));
}

BOOST_AUTO_TEST_CASE(a_transaction_is_counted_when_it_is_committed) {
  send(amqp::tx_class::select{});
  publish("news", "x", {.count = 2});
  publish("", "a");
  BOOST_TEST(is(board.of("news"), 0, 0));
  send(amqp::tx_class::rollback{});
  send(amqp::tx_class::commit{});
  BOOST_TEST(is(board.of("news"), 0, 0));
  publish("news", "x", {.count = 2});
  publish("", "a");
  send(amqp::tx_class::commit{});
  BOOST_TEST(is(board.of("news"), 2, 4));
  BOOST_TEST(is(board.of(""), 1, 1));
}

BOOST_AUTO_TEST_CASE(a_channel_has_one_counter_for_an_exchange_whatever_its_keys_and_changes_of_the_metadata) {
  for (int i = 0; i < 300; ++i) {
    publish("", "key " + std::to_string(i));
    if (i % 50 == 0)
      metadata->add_queue("more " + std::to_string(i));
  }
  BOOST_TEST(board.counters.size() == 1u);
  BOOST_TEST(is(board.of(""), 300, 0));
  publish("news", "x");
  publish("", "a");
  publish("news", "x");
  BOOST_TEST(board.counters.size() == 2u);
}

BOOST_AUTO_TEST_CASE(an_exchange_that_was_forgotten_and_is_there_again_gets_another_counter) {
  publish("news", "x");
  board.counters.front().second->forget();
  metadata->add_queue("c"); // what brings the exchange back is a change of the metadata
  publish("news", "x");
  BOOST_REQUIRE(board.counters.size() == 2u);
  BOOST_TEST(is(board.counters[0].second->read(), 1, 2));
  BOOST_TEST(is(board.counters[1].second->read(), 1, 2));
}

BOOST_AUTO_TEST_CASE(many_exchanges_do_not_make_many_counters_at_a_time) {
  for (int i = 0; i < 500; ++i) {
    const std::string name = "x" + std::to_string(i);
    metadata->add_exchange(name, exchange_type::fanout);
    metadata->bind(name, "", "a");
  }
  for (int i = 0; i < 500; ++i)
    publish("x" + std::to_string(i), "k");
  size_t held = 0;
  for (const auto& [name, counter] : board.counters) {
    held += counter.use_count() > 1 ? 1 : 0;
    BOOST_TEST(is(board.of(name), 1, 1));
  }
  BOOST_TEST(held <= route_cache::slots_max);
}

BOOST_AUTO_TEST_SUITE_END()

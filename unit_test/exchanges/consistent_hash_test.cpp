#include "exchanges/table_fixture.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/random.hpp"

using namespace exchange_test;

namespace consistent_hash {
namespace {

constexpr int keys_tried = 20'000;

std::map<std::string, int> shares(const exchange_under_test& x) {
  std::map<std::string, int> counts;
  for (int i = 0; i < keys_tried; ++i)
    ++counts[x.choice("key " + std::to_string(i))];
  return counts;
}

std::map<std::string, std::string> choices(const exchange_under_test& x) {
  std::map<std::string, std::string> out;
  for (int i = 0; i < keys_tried; ++i) {
    const std::string key = "key " + std::to_string(i);
    out[key] = x.choice(key);
  }
  return out;
}

amqp::field_table argument(const std::string& name, amqp::field_value value) {
  amqp::field_table out;
  out.set(name, std::move(value));
  return out;
}

} // namespace
} // namespace consistent_hash

BOOST_AUTO_TEST_SUITE(consistent_hash)

BOOST_AUTO_TEST_CASE(shares_are_in_the_ratio_of_the_weights) {
  exchange_under_test x{"x-consistent-hash"};
  const std::map<std::string, int> weights = {{"a", 1}, {"b", 1}, {"c", 2}, {"d", 4}, {"e", 12}};
  for (const auto& [queue, weight] : weights)
    x.bind(queue, std::to_string(weight));
  for (const auto& [queue, count] : shares(x)) {
    const double expected = keys_tried * weights.at(queue) / 20.0;
    const double deviation = std::sqrt(expected * (1 - weights.at(queue) / 20.0));
    BOOST_TEST(std::abs(count - expected) < 5 * deviation, queue << " got " << count << " of " << expected);
  }
}

BOOST_AUTO_TEST_CASE(equal_weights_are_even_over_many_queues) {
  exchange_under_test x{"x-consistent-hash"};
  for (int i = 0; i < 100; ++i)
    x.bind("q" + std::to_string(i), "10");
  const auto counts = shares(x);
  BOOST_REQUIRE_EQUAL(counts.size(), 100u);
  double chi_squared = 0;
  for (const auto& [queue, count] : counts)
    chi_squared += (count - keys_tried / 100.0) * (count - keys_tried / 100.0) / (keys_tried / 100.0);
  BOOST_TEST(chi_squared < 149.4); // 99 degrees of freedom, one in a thousand; the keys are always the same
}

BOOST_AUTO_TEST_CASE(a_queue_that_comes_takes_only_its_share) {
  exchange_under_test x{"x-consistent-hash"};
  for (const char* queue : {"a", "b", "c", "d"})
    x.bind(queue, "10");
  const auto before = choices(x);
  x.bind("e", "10");
  int moved = 0;
  for (const auto& [key, queue] : choices(x))
    if (queue != before.at(key)) {
      BOOST_TEST(queue == "e");
      ++moved;
    }
  BOOST_TEST(std::abs(moved - keys_tried / 5) < 300);
  x.unbind("e", "10");
  BOOST_TEST((choices(x) == before));
}

BOOST_AUTO_TEST_CASE(a_queue_that_goes_moves_nothing_but_its_own) {
  exchange_under_test x{"x-consistent-hash"};
  for (const char* queue : {"a", "b", "c", "d"})
    x.bind(queue, queue[0] == 'a' ? "30" : "10");
  const auto before = choices(x);
  x.unbind("a", "30");
  for (const auto& [key, queue] : choices(x))
    BOOST_TEST((queue == before.at(key) || before.at(key) == "a"));
}

BOOST_AUTO_TEST_CASE(the_order_of_binds_does_not_matter) {
  std::vector<std::pair<std::string, std::string>> bindings;
  for (int i = 0; i < 20; ++i)
    bindings.emplace_back("q" + std::to_string(i), std::to_string(1 + i % 5));
  bindings.emplace_back("q3", "7"); // a second one of the same queue: the weights add up
  exchange_under_test forward{"x-consistent-hash"};
  for (const auto& [queue, weight] : bindings)
    forward.bind(queue, weight);
  exchange_under_test backward{"x-consistent-hash"};
  std::reverse(bindings.begin(), bindings.end());
  backward.bind("gone", "9");
  for (const auto& [queue, weight] : bindings)
    backward.bind(queue, weight);
  backward.unbind("gone", "9");
  BOOST_TEST((choices(forward) == choices(backward)));
}

BOOST_AUTO_TEST_CASE(without_bindings_nothing_is_chosen) {
  exchange_under_test x{"x-consistent-hash"};
  BOOST_TEST(x.route("k").empty());
  x.bind("a", "1");
  x.bind("a", "2");
  x.unbind("a", "1");
  BOOST_TEST(x.choice("k") == "a");
  x.unbind("a", "2");
  BOOST_TEST(x.route("k").empty());
}

BOOST_AUTO_TEST_CASE(the_key_is_not_looked_at_when_a_header_is_hashed) {
  exchange_under_test x{"x-consistent-hash", argument("hash-header", text("who"))};
  BOOST_TEST((x.looks_at() == routed_by::headers));
  std::set<std::string> chosen;
  for (const char* queue : {"a", "b", "c", "d"})
    x.bind(queue, "10");
  const std::string missing = x.choice("any key");
  for (int i = 0; i < 50; ++i) {
    amqp::properties properties;
    properties.headers.emplace();
    properties.headers->set("who", text("user " + std::to_string(i)));
    chosen.insert(x.choice("k" + std::to_string(i), properties));
    BOOST_TEST(x.choice("k" + std::to_string(i), properties) == x.choice("other", properties));
    BOOST_TEST(x.choice("k" + std::to_string(i)) == missing); // without the header: always the same queue
  }
  BOOST_TEST(chosen.size() == 4u);
}

BOOST_AUTO_TEST_CASE(a_number_hashes_alike_in_every_width) {
  exchange_under_test x{"x-consistent-hash", argument("hash-header", text("n"))};
  for (int i = 0; i < 20; ++i)
    x.bind("q" + std::to_string(i), "1");
  const auto choice = [&](amqp::field_value value) {
    amqp::properties properties;
    properties.headers = argument("n", std::move(value));
    return x.choice("", properties);
  };
  std::set<std::string> texts;
  for (int8_t n = -20; n < 20; ++n) {
    BOOST_TEST(choice({n}) == choice({int64_t{n}}));
    BOOST_TEST(choice({int16_t{n}}) == choice({int32_t{n}}));
    BOOST_TEST(choice(text(std::to_string(n))) == choice({amqp::byte_array{std::to_string(n)}}));
    texts.insert(choice({n}));
  }
  BOOST_TEST(texts.size() > 10u);
}

BOOST_AUTO_TEST_CASE(a_property_can_be_hashed) {
  for (const char* which : {"message_id", "correlation_id", "timestamp"})
    BOOST_TEST_CONTEXT(which) {
      exchange_under_test x{"x-consistent-hash", argument("hash-property", text(which))};
      BOOST_TEST((x.looks_at() == routed_by::properties));
      for (const char* queue : {"a", "b", "c", "d"})
        x.bind(queue, "10");
      std::set<std::string> chosen;
      for (int i = 0; i < 50; ++i) {
        amqp::properties properties;
        properties.content_type = "text/plain";
        properties.reply_to = "someone";
        (which[0] == 'm' ? properties.message_id : properties.correlation_id) = std::to_string(i);
        if (which[0] == 't')
          properties.timestamp = static_cast<uint64_t>(i);
        chosen.insert(x.choice("k", properties));
        BOOST_TEST(x.choice("k", properties) == x.choice("l", properties));
      }
      BOOST_TEST(chosen.size() == 4u);
    }
}

BOOST_AUTO_TEST_CASE(mistakes_are_refused_in_rabbitmqs_words) {
  const auto refused = [](amqp::field_table arguments) {
    return exchange_under_test{"x-consistent-hash", std::move(arguments)}.refusal();
  };
  amqp::field_table both = argument("hash-header", text("h"));
  both.set("hash-property", text("message_id"));
  BOOST_TEST(refused(both) == "PRECONDITION_FAILED - hash-header and hash-property are mutually exclusive");
  BOOST_TEST(refused(argument("hash-property", text("app_id")))
             == "PRECONDITION_FAILED - Unsupported property: app_id");
  BOOST_TEST(refused(argument("hash-header", {int32_t{1}}))
             == "PRECONDITION_FAILED - invalid type 'signedint' for arg 'hash-header'; expected longstr");
  const exchange_under_test x{"x-consistent-hash"};
  BOOST_TEST(x.refusal("0") == "PRECONDITION_FAILED - The binding key must be greater than 0");
  BOOST_TEST(x.refusal("-3") == "PRECONDITION_FAILED - The binding key must be greater than 0");
  BOOST_TEST(x.refusal("many") == "PRECONDITION_FAILED - The binding key must be an integer: <<\"many\">>");
  BOOST_TEST(x.refusal("1.5") == "PRECONDITION_FAILED - The binding key must be an integer: <<\"1.5\">>");
  BOOST_TEST(x.refusal("") == "PRECONDITION_FAILED - The binding key must be an integer: <<>>");
  for (const char* fine : {"1", "+1", "007", "99999999999999999999999999"})
    BOOST_TEST(x.refusal(fine) == "");
}

BOOST_AUTO_TEST_SUITE_END()

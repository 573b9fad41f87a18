// Every method that names a queue or an exchange, against every permission (features.md W42; guarantees.md S10): it
// works with exactly what it needs, and fails with 403 when any of that is missing.
#include <boost/test/unit_test.hpp>

#include "channel/harness.hpp"

namespace authorisation {
namespace {

using namespace broker;
using namespace broker::test;

struct need {
  resource_kind kind;
  std::string name;
  broker::access how;
};
struct method_rule {
  std::string what;
  amqp::method method;
  std::vector<need> needs;
  bool any = false; ///< one of them is enough
};

constexpr auto queue = resource_kind::queue;
constexpr auto exchange = resource_kind::exchange;

amqp::queue_class::declare declare_queue_of(const std::string& name, const std::string& dead_letters = {}) {
  amqp::queue_class::declare what;
  what.queue = name;
  if (!dead_letters.empty())
    what.arguments.set("x-dead-letter-exchange", {amqp::longstr{dead_letters}});
  return what;
}
amqp::exchange_class::declare declare_exchange_of(const std::string& name, const std::string& alternate = {}) {
  amqp::exchange_class::declare what;
  what.exchange = name;
  what.type = "direct";
  if (!alternate.empty())
    what.arguments.set("alternate-exchange", {amqp::longstr{alternate}});
  return what;
}
template<class Binding>
Binding between(const std::string& from, const std::string& to) {
  Binding what;
  if constexpr (requires { what.source; }) {
    what.source = from;
    what.destination = to;
  } else {
    what.exchange = from;
    what.queue = to;
  }
  what.routing_key = "k";
  return what;
}
template<class Method>
Method on_queue(const std::string& name) {
  Method what;
  what.queue = name;
  return what;
}

std::vector<method_rule> rules() {
  using namespace amqp;
  auto passive = declare_queue_of("q");
  passive.passive = true;
  auto passive_exchange = declare_exchange_of("x");
  passive_exchange.passive = true;
  exchange_class::delete_ delete_exchange;
  delete_exchange.exchange = "x";
  const std::vector<need> to_queue{{queue, "q", broker::access::write}, {exchange, "x", broker::access::read}};
  const std::vector<need> to_exchange{{exchange, "y", broker::access::write}, {exchange, "x", broker::access::read}};
  return {
    {"queue.declare", declare_queue_of("new"), {{queue, "new", broker::access::configure}}},
    {"queue.declare again", declare_queue_of("q"), {{queue, "q", broker::access::configure}}},
    {"queue.declare with DLX",
     declare_queue_of("new", "x"),
     {{queue, "new", broker::access::configure},
      {queue, "new", broker::access::read},
      {exchange, "x", broker::access::write}}},
    {"queue.declare passive",
     passive,
     {{queue, "q", broker::access::configure}, {queue, "q", broker::access::write}, {queue, "q", broker::access::read}},
     true},
    {"queue.bind", between<queue_class::bind>("x", "q"), to_queue},
    {"queue.unbind", between<queue_class::unbind>("x", "q"), to_queue},
    {"queue.purge", on_queue<queue_class::purge>("q"), {{queue, "q", broker::access::read}}},
    {"queue.delete", on_queue<queue_class::delete_>("q"), {{queue, "q", broker::access::configure}}},
    {"exchange.declare", declare_exchange_of("new"), {{exchange, "new", broker::access::configure}}},
    {"exchange.declare with AE",
     declare_exchange_of("new", "x"),
     {{exchange, "new", broker::access::configure},
      {exchange, "new", broker::access::read},
      {exchange, "x", broker::access::write}}},
    {"exchange.declare passive", passive_exchange, {}},
    {"exchange.delete", delete_exchange, {{exchange, "x", broker::access::configure}}},
    {"exchange.bind", between<exchange_class::bind>("x", "y"), to_exchange},
    {"exchange.unbind", between<exchange_class::unbind>("x", "y"), to_exchange},
    {"basic.consume", on_queue<basic_class::consume>("q"), {{queue, "q", broker::access::read}}},
    {"basic.get", on_queue<basic_class::get>("q"), {{queue, "q", broker::access::read}}},
  };
}

/// Every permission on everything the methods name.
std::vector<need> everything() {
  std::vector<need> all;
  for (const broker::access how : {broker::access::configure, broker::access::write, broker::access::read}) {
    for (const char* name : {"q", "new"})
      all.push_back({queue, name, how});
    for (const char* name : {"x", "y", "new"})
      all.push_back({exchange, name, how});
  }
  return all;
}

bool same(const need& a, const need& b) {
  return a.kind == b.kind && a.name == b.name && a.how == b.how;
}
bool among(const std::vector<need>& all, const need& one) {
  return std::any_of(all.begin(), all.end(), [&](const need& other) { return same(one, other); });
}

/// What `what` is answered with by a channel whose user has everything but `missing`; "" if it went on.
std::string refusal(const amqp::method& what, const std::vector<need>& missing) {
  channel_harness harness;
  harness.metadata->add_queue("q");
  harness.metadata->add_exchange("x", exchange_type::direct);
  harness.metadata->add_exchange("y", exchange_type::direct);
  for (const need& one : missing)
    harness.metadata->refuse(one.kind, one.name, one.how);
  harness.send(what);
  return harness.closed_with();
}

} // namespace
} // namespace authorisation

BOOST_AUTO_TEST_SUITE(authorisation)

BOOST_AUTO_TEST_CASE(each_method_works_with_exactly_what_it_needs) {
  for (const method_rule& rule : rules())
    BOOST_TEST_CONTEXT(rule.what) {
      std::vector<need> rest = everything();
      std::erase_if(rest, [&](const need& one) { return among(rule.needs, one); });
      BOOST_TEST(refusal(rule.method, rest) == "");
    }
}

BOOST_AUTO_TEST_CASE(each_missing_permission_is_refused_by_name) {
  for (const method_rule& rule : rules())
    BOOST_TEST_CONTEXT(rule.what) {
      if (rule.any) {
        BOOST_TEST(refusal(rule.method, rule.needs).starts_with("403 ACCESS_REFUSED"));
        continue;
      }
      for (const need& one : rule.needs) {
        const std::string text = refusal(rule.method, {one});
        BOOST_TEST(text.starts_with("403 ACCESS_REFUSED - "), text);
        BOOST_TEST(text.find(" access to ") != text.npos);
        BOOST_TEST(text.find("'" + one.name + "'") != text.npos, text);
      }
    }
}

BOOST_AUTO_TEST_SUITE_END()

#include <boost/test/unit_test.hpp>

#include "fixture.hpp"

namespace metadata_test {
namespace {

const std::vector<std::string> queue_names = {"q1", "q2", "q3", "q4", "q5", std::string("q\0\n", 3)};
const std::vector<std::string> exchange_names = {"x1", "x2", "x3", "x4", "amq.topic", "amq.match", "amq.direct", ""};
const std::vector<std::string> keys = {"a", "b", "a.b", "#", "*.b", "", "\xff\xfe"};
const std::vector<std::string> user_names = {"guest", "ann", "bob"};

} // namespace

amqp::field_table command_source::arguments() {
  amqp::field_table out;
  if (random_.chance(1, 3))
    out.set(pick({"h", "x-h", "x-max-length"}), {static_cast<int32_t>(random_.below(3))});
  if (random_.chance(1, 4))
    out.set("x-match", text(pick({"all", "any", "bogus"})));
  return out;
}

queue_record command_source::some_queue() {
  queue_record out = queue(pick(queue_names), random_.chance(1, 2));
  out.exclusive = random_.chance(1, 4);
  out.owner = out.exclusive ? 1 + random_.below(2) : 0;
  out.auto_delete = random_.chance(1, 4);
  out.node = random_.chance(1, 4) ? "rabbit@elsewhere" : out.node;
  out.arguments = arguments();
  return out;
}

exchange_record command_source::some_exchange() {
  exchange_record out =
    exchange(pick(exchange_names), pick({"direct", "fanout", "topic", "headers", "odd"}), random_.chance(1, 2));
  out.auto_delete = random_.chance(1, 2);
  out.internal = random_.chance(1, 8);
  if (random_.chance(1, 3)) {
    out.alternate_exchange = pick(exchange_names);
    out.arguments.set("alternate-exchange", text(out.alternate_exchange));
  }
  return out;
}

binding_record command_source::some_binding() {
  const bool exchanges = random_.chance(1, 3);
  return {pick(exchange_names), pick(exchanges ? exchange_names : queue_names), exchanges, pick(keys), arguments()};
}

command command_source::operators_command() {
  const std::string vhost = pick({"/", "/", "/", "v"});
  const bool operators = random_.chance(1, 3);
  switch (random_.below(11)) {
  case 0:
    return put_vhost{{vhost, pick(keys), {}, pick({"", "quorum", "odd"}), false, {}}, random_.chance(1, 2)};
  case 1:
    return delete_vhost{"v"};
  case 2:
    return set_vhost_limits{vhost, {{pick({"max-queues", "max-connections", "odd"}), 4}}};
  case 3:
    return set_user_limits{pick(user_names), {{pick({"max-channels", "odd"}), 4}}};
  case 4:
    return set_tracing{vhost, random_.chance(1, 2)};
  case 5:
    return set_topic_permission{vhost, pick(user_names), {pick(exchange_names), pick({"^a", "["}), "{username}"}};
  case 6:
    return clear_topic_permission{vhost, pick(user_names), pick(exchange_names)};
  case 7:
    return delete_policy{vhost, pick({"p1", "p2"}), operators};
  case 8:
    return random_.chance(1, 2)
           ? command{set_parameter{{vhost, pick({"", "shovel", "odd"}), pick(keys), pick({"{}", "[1]", "}"})}}}
           : command{clear_parameter{vhost, pick({"", "shovel"}), pick(keys)}};
  default:
    return put_policy{{vhost, pick({"p1", "p2"}), pick({"", "1$", "^q", "["}),
                       pick({"all", "queues", "exchanges", "odd"}), static_cast<int64_t>(random_.below(3)),
                       pick({R"({"max-length":2})", R"({"expires":9,"message-ttl":0})", R"({"odd":1})",
                             R"({"alternate-exchange":"x1"})", "{"})},
                      operators};
  }
}

command command_source::next() {
  switch (random_.below(20)) {
  case 0:
  case 1:
  case 2:
    return declare_queue{some_queue()};
  case 3:
    return delete_queue{"/", pick(queue_names), random_.below(3)};
  case 4:
    return delete_exclusive_queues{random_.below(4) == 0 ? 0 : 1 + random_.below(2)};
  case 5:
  case 6:
    return declare_exchange{some_exchange()};
  case 7:
    return delete_exchange{"/", pick(exchange_names), random_.chance(1, 2)};
  case 8:
  case 9:
  case 10:
    return bind{random_.chance(1, 20) ? "nope" : "/", some_binding(), 1 + random_.below(2)};
  case 11:
    return unbind{"/", some_binding(), 1 + random_.below(2)};
  case 12:
    return put_user{{pick(user_names), hash_password(pick(keys), "salt"), {pick({"administrator", "monitoring"})}},
                    random_.chance(1, 4),
                    random_.chance(1, 4),
                    random_.chance(1, 4),
                    random_.chance(1, 4)};
  case 13:
    return random_.chance(1, 2) ? command{delete_user{pick(user_names)}}
                                : command{clear_permission{"/", pick(user_names)}};
  case 14:
    return set_permission{"/", pick(user_names), {pick({".*", "", "[", "^q"}), ".*", "x"}};
  case 15:
  case 16:
  case 17:
  case 18:
    return operators_command();
  default:
    return first_start(pick({"rabbit@localhost", "rabbit@elsewhere"}));
  }
}

} // namespace metadata_test

#include "model/queue_arguments.hpp"

#include <algorithm>

#include "amqp/reply.hpp"
#include "model/field_text.hpp"

namespace broker {
namespace {

using amqp::field_table;
using amqp::field_value;

/// Longest TTL and expiry: ten years, as RabbitMQ.
constexpr int64_t expiry_max_ms = 315'360'000'000;
constexpr int64_t priority_max = 255;

/// A checked argument: the complaint as an Erlang term, empty if there is none.
using checker = std::string (*)(const field_value& value, const field_table& all);

std::string tuple(std::string_view what, std::string_view value) {
  return "{" + std::string{what} + "," + std::string{value} + "}";
}
std::string tuple(std::string_view what, int64_t value) {
  return tuple(what, std::to_string(value));
}
std::string unacceptable_type(const field_value& value) {
  return tuple("unacceptable_type", field_type_name(value));
}
/// An Erlang string as ~p shows it.
std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

std::string check_integer(const field_value& value, int64_t& number) {
  return value.as_integer(number) ? std::string{}
                                  : quoted("expected integer, got " + std::string{field_type_name(value)});
}
std::string check_integer(const field_value& value, const field_table&) {
  int64_t number = 0;
  return check_integer(value, number);
}
std::string check_not_negative(const field_value& value, int64_t& number) {
  if (auto complaint = check_integer(value, number); !complaint.empty())
    return complaint;
  return number < 0 ? tuple("value_negative", number) : std::string{};
}
std::string check_not_negative(const field_value& value, const field_table&) {
  int64_t number = 0;
  return check_not_negative(value, number);
}
std::string check_group_size(const field_value& value, const field_table&) {
  int64_t number = 0;
  if (auto complaint = check_not_negative(value, number); !complaint.empty())
    return complaint;
  return number == 0 ? tuple("value_zero", number) : std::string{};
}
std::string check_time(const field_value& value, int64_t& number) {
  if (auto complaint = check_not_negative(value, number); !complaint.empty())
    return complaint;
  return number > expiry_max_ms ? tuple("value_too_large", number) : std::string{};
}
std::string check_ttl(const field_value& value, const field_table&) {
  int64_t number = 0;
  return check_time(value, number);
}
std::string check_expires(const field_value& value, const field_table&) {
  int64_t number = 0;
  if (auto complaint = check_time(value, number); !complaint.empty())
    return complaint;
  return number == 0 ? tuple("value_zero", number) : std::string{};
}
std::string check_max_priority(const field_value& value, const field_table&) {
  int64_t number = 0;
  if (auto complaint = check_not_negative(value, number); !complaint.empty())
    return complaint;
  return number > priority_max ? tuple("max_value_exceeded", number) : std::string{};
}
std::string check_queue_version(const field_value& value, const field_table&) {
  int64_t number = 0;
  if (auto complaint = check_not_negative(value, number); !complaint.empty())
    return complaint;
  return number == 1 || number == 2 ? std::string{}
                                    : quoted("unsupported queue version '" + std::to_string(number) + "'");
}
std::string check_bool(const field_value& value, const field_table&) {
  return std::holds_alternative<bool>(value.value) ? std::string{} : unacceptable_type(value);
}
std::string check_text(const field_value& value, const field_table&) {
  return value.as_string() ? std::string{} : unacceptable_type(value);
}
std::string check_dead_letter_key(const field_value& value, const field_table& all) {
  if (!value.as_string())
    return unacceptable_type(value);
  return all.find("x-dead-letter-exchange") ? std::string{} : "routing_key_but_no_dlx_defined";
}
std::string check_strategy(const field_value& value, const field_table&) {
  if (!value.as_string())
    return unacceptable_type(value);
  return parse_dead_letter_strategy(*value.as_string()) ? std::string{} : "invalid_dlx_strategy";
}
std::string check_overflow(const field_value& value, const field_table&) {
  if (!value.as_string())
    return unacceptable_type(value);
  return parse_overflow(*value.as_string()) ? std::string{} : "invalid_overflow";
}
std::string check_queue_mode(const field_value& value, const field_table&) {
  const std::string* mode = value.as_string();
  if (!mode)
    return unacceptable_type(value);
  return *mode == "default" || *mode == "lazy" ? std::string{} : quoted("unsupported queue mode '" + *mode + "'");
}
std::string check_leader_locator(const field_value& value, const field_table&) {
  constexpr std::string_view all[] = {"client-local", "balanced", "random", "least-leaders"};
  if (!value.as_string())
    return unacceptable_type(value);
  return std::find(std::begin(all), std::end(all), *value.as_string()) != std::end(all) ? std::string{}
                                                                                        : "invalid_queue_locator_arg";
}

struct known_argument {
  std::string_view name;
  checker check;
};

/// In the order in which RabbitMQ complains. Those with no type of queue of ours are there to be refused by name.
constexpr known_argument declare_arguments[] = {
  {"x-expires", check_expires},
  {"x-message-ttl", check_ttl},
  {"x-dead-letter-exchange", check_text},
  {"x-dead-letter-routing-key", check_dead_letter_key},
  {"x-dead-letter-strategy", check_strategy},
  {"x-max-length", check_not_negative},
  {"x-max-length-bytes", check_not_negative},
  {"x-max-in-memory-length", check_not_negative},
  {"x-max-in-memory-bytes", check_not_negative},
  {"x-max-priority", check_max_priority},
  {"x-overflow", check_overflow},
  {"x-queue-mode", check_queue_mode},
  {"x-queue-version", check_queue_version},
  {"x-single-active-consumer", check_bool},
  {"x-quorum-initial-group-size", check_group_size},
  {"x-queue-leader-locator", check_leader_locator},
  {"x-delivery-limit", check_integer}, // RabbitMQ fails later, when it compares it with a number
};

constexpr std::string_view classic_arguments[] = {"x-expires",
                                                  "x-message-ttl",
                                                  "x-dead-letter-exchange",
                                                  "x-dead-letter-routing-key",
                                                  "x-max-length",
                                                  "x-max-length-bytes",
                                                  "x-max-priority",
                                                  "x-overflow",
                                                  "x-queue-mode",
                                                  "x-queue-version",
                                                  "x-single-active-consumer",
                                                  "x-queue-type",
                                                  "x-queue-master-locator"};
constexpr std::string_view quorum_arguments[] = {"x-dead-letter-exchange",
                                                 "x-dead-letter-routing-key",
                                                 "x-dead-letter-strategy",
                                                 "x-expires",
                                                 "x-max-length",
                                                 "x-max-length-bytes",
                                                 "x-max-in-memory-length",
                                                 "x-max-in-memory-bytes",
                                                 "x-overflow",
                                                 "x-single-active-consumer",
                                                 "x-queue-type",
                                                 "x-quorum-initial-group-size",
                                                 "x-delivery-limit",
                                                 "x-message-ttl",
                                                 "x-queue-leader-locator"};
constexpr std::string_view stream_arguments[] = {
  "x-max-length-bytes",     "x-queue-type",          "x-max-age", "x-stream-max-segment-size-bytes",
  "x-initial-cluster-size", "x-queue-leader-locator"};

constexpr std::string_view classic_consumer_arguments[] = {"x-cancel-on-ha-failover", "x-priority", "x-credit"};
constexpr std::string_view quorum_consumer_arguments[] = {"x-priority", "x-credit"};
constexpr std::string_view stream_consumer_arguments[] = {"x-stream-offset", "x-credit"};

bool has(std::span<const std::string_view> all, std::string_view name) {
  return std::find(all.begin(), all.end(), name) != all.end();
}

std::string module_name(queue_type type) {
  return "rabbit_" + std::string{queue_type_name(type)} + "_queue";
}

std::string title(std::string_view vhost, std::string_view queue) {
  std::string text{"queue '"};
  return text.append(queue).append("' in vhost '").append(vhost).append("'");
}

error invalid(std::string_view argument, const std::string& of, const std::string& complaint) {
  return amqp::precondition_failed("invalid arg '" + std::string{argument} + "' for " + of + ": " + complaint);
}

error of_another_type(std::string_view argument, const std::string& of, queue_type type) {
  return amqp::precondition_failed("invalid arg '" + std::string{argument} + "' for " + of + " of queue type "
                                   + module_name(type));
}

const field_value* given_type(const field_table& arguments) {
  const field_value* type = arguments.find("x-queue-type");
  const std::string* text = type ? type->as_string() : nullptr;
  return text && *text == "undefined" ? nullptr : type; // what old clients of RabbitMQ send for "none"
}

result<void> check_type(const field_table& arguments, const std::string& of) {
  const field_value* type = given_type(arguments);
  if (!type)
    return {};
  const std::string* text = type->as_string();
  if (!text)
    return invalid("x-queue-type", of, unacceptable_type(*type));
  if (*text == "stream" || *text == "rabbit_stream_queue")
    return amqp::not_implemented("streams are not supported by this broker: x-queue-type '" + *text + "' of " + of);
  if (!parse_queue_type(*text))
    return invalid("x-queue-type", of, quoted("unsupported queue type '" + *text + "'"));
  return {};
}

} // namespace

queue_type type_of_arguments(const field_table& arguments) {
  const field_value* type = given_type(arguments);
  const std::string* text = type ? type->as_string() : nullptr;
  return text ? parse_queue_type(*text).value_or(queue_type::classic) : queue_type::classic;
}

field_table with_default_queue_type(field_table arguments, std::string_view default_type, bool durable, bool exclusive,
                                    bool auto_delete) {
  if (default_type.empty() || arguments.find("x-queue-type"))
    return arguments;
  const bool fits = parse_queue_type(default_type) != queue_type::quorum || (durable && !exclusive && !auto_delete);
  arguments.set("x-queue-type", {amqp::longstr{fits ? std::string{default_type} : "classic"}});
  return arguments;
}

result<void> check_queue_arguments(const field_table& arguments, std::string_view vhost, std::string_view queue) {
  const std::string of = title(vhost, queue);
  if (auto type = check_type(arguments, of); !type)
    return type;
  const queue_type type = type_of_arguments(arguments);
  const auto known = known_queue_arguments(type);
  for (const known_argument& one : declare_arguments) {
    const field_value* value = has(known, one.name) ? arguments.find(one.name) : nullptr;
    if (const std::string complaint = value ? one.check(*value, arguments) : std::string{}; !complaint.empty())
      return invalid(one.name, of, complaint);
  }
  for (const auto& [name, value] : arguments.entries)
    if (!has(known, name)
        && (has(classic_arguments, name) || has(quorum_arguments, name) || has(stream_arguments, name)))
      return of_another_type(name, of, type);
  if (const field_value* timeout = arguments.find("x-consumer-timeout")) // any type's; RabbitMQ fails later
    if (const std::string complaint = check_not_negative(*timeout, arguments); !complaint.empty())
      return invalid("x-consumer-timeout", of, complaint);
  constexpr known_argument deduplication[] = {{"x-message-deduplication", check_bool},
                                              {"x-deduplication-window", check_not_negative}};
  for (const known_argument& one : deduplication) { // any type's; not RabbitMQ's (U11)
    const field_value* value = arguments.find(one.name);
    if (const std::string complaint = value ? one.check(*value, arguments) : std::string{}; !complaint.empty())
      return invalid(one.name, of, complaint);
  }
  return {};
}

result<void> check_queue_properties(const queue_record& queue) {
  if (type_of_arguments(queue.arguments) != queue_type::quorum)
    return {};
  const char* wrong = queue.auto_delete ? "auto-delete"
                    : queue.exclusive   ? "exclusive-owner"
                    : !queue.durable    ? "non-durable"
                                        : nullptr;
  if (!wrong)
    return {};
  return amqp::precondition_failed("invalid property '" + std::string{wrong} + "' for "
                                   + title(queue.vhost, queue.name));
}

result<void> check_server_named(const field_table& arguments) {
  if (type_of_arguments(arguments) != queue_type::quorum)
    return {};
  return amqp::precondition_failed("Cannot declare a server-named queue for type " + module_name(queue_type::quorum));
}

std::span<const std::string_view> known_queue_arguments(queue_type type) {
  if (type == queue_type::quorum)
    return quorum_arguments;
  return classic_arguments;
}

result<void> check_consumer_arguments(const field_table& arguments, queue_type type, std::string_view vhost,
                                      std::string_view queue) {
  const std::string of = title(vhost, queue);
  const std::span<const std::string_view> known = type == queue_type::quorum
                                                  ? std::span<const std::string_view>{quorum_consumer_arguments}
                                                  : std::span<const std::string_view>{classic_consumer_arguments};
  constexpr known_argument checks[] = {{"x-priority", check_integer}, {"x-cancel-on-ha-failover", check_bool}};
  for (const known_argument& one : checks) {
    const field_value* value = has(known, one.name) ? arguments.find(one.name) : nullptr;
    if (const std::string complaint = value ? one.check(*value, arguments) : std::string{}; !complaint.empty())
      return invalid(one.name, of, complaint);
  }
  for (const auto& [name, value] : arguments.entries)
    if (!has(known, name) && (has(classic_consumer_arguments, name) || has(stream_consumer_arguments, name)))
      return of_another_type(name, of, type);
  return {};
}

} // namespace broker

#include "model/queue_options.hpp"

#include <limits>

#include "model/queue_arguments.hpp"

namespace broker {
namespace {

std::optional<uint64_t> number(const amqp::field_table& arguments, std::string_view name) {
  const amqp::field_value* found = arguments.find(name);
  int64_t value = 0;
  if (!found || !found->as_integer(value) || value < 0)
    return std::nullopt;
  return static_cast<uint64_t>(value);
}

std::optional<std::string> text(const amqp::field_table& arguments, std::string_view name) {
  const amqp::field_value* found = arguments.find(name);
  const std::string* value = found ? found->as_string() : nullptr;
  return value ? std::optional{*value} : std::nullopt;
}

bool truth(const amqp::field_table& arguments, std::string_view name) {
  const amqp::field_value* found = arguments.find(name);
  const bool* value = found ? std::get_if<bool>(&found->value) : nullptr;
  return value && *value;
}

template<class Value>
struct named {
  std::string_view name;
  Value value;
};

template<class Value, size_t Count>
std::optional<Value> look_up(const named<Value> (&all)[Count], std::string_view name) {
  for (const auto& one : all)
    if (one.name == name)
      return one.value;
  return std::nullopt;
}

} // namespace

queue_options options_of_arguments(const amqp::field_table& arguments) {
  queue_options out;
  out.type = type_of_arguments(arguments);
  out.message_ttl_ms = number(arguments, "x-message-ttl");
  out.expires_ms = number(arguments, "x-expires");
  out.max_length = number(arguments, "x-max-length");
  out.max_length_bytes = number(arguments, "x-max-length-bytes");
  out.overflow = parse_overflow(text(arguments, "x-overflow").value_or("")).value_or(overflow_policy::drop_head);
  out.dead_letter_exchange = text(arguments, "x-dead-letter-exchange");
  out.dead_letter_routing_key = text(arguments, "x-dead-letter-routing-key");
  out.strategy = parse_dead_letter_strategy(text(arguments, "x-dead-letter-strategy").value_or(""))
                   .value_or(dead_letter_strategy::at_most_once);
  out.single_active_consumer = truth(arguments, "x-single-active-consumer");
  const uint64_t priorities = number(arguments, "x-max-priority").value_or(0);
  out.max_priority = priorities <= std::numeric_limits<uint8_t>::max() ? static_cast<uint8_t>(priorities) : 0;
  out.delivery_limit = number(arguments, "x-delivery-limit");
  out.consumer_timeout_ms = number(arguments, "x-consumer-timeout");
  out.deduplicate = truth(arguments, "x-message-deduplication");
  out.deduplication_window = number(arguments, "x-deduplication-window").value_or(0);
  out.leader_locator =
    text(arguments, "x-queue-leader-locator").value_or(text(arguments, "x-queue-master-locator").value_or(""));
  out.initial_group_size = number(arguments, "x-quorum-initial-group-size").value_or(0);
  return out;
}

std::optional<overflow_policy> parse_overflow(std::string_view name) {
  constexpr named<overflow_policy> all[] = {{"drop-head", overflow_policy::drop_head},
                                            {"reject-publish", overflow_policy::reject_publish},
                                            {"reject-publish-dlx", overflow_policy::reject_publish_dlx}};
  return look_up(all, name);
}

std::optional<dead_letter_strategy> parse_dead_letter_strategy(std::string_view name) {
  constexpr named<dead_letter_strategy> all[] = {{"at-most-once", dead_letter_strategy::at_most_once},
                                                 {"at-least-once", dead_letter_strategy::at_least_once}};
  return look_up(all, name);
}

std::optional<queue_type> parse_queue_type(std::string_view name) {
  constexpr named<queue_type> all[] = {{"classic", queue_type::classic},
                                       {"quorum", queue_type::quorum},
                                       {"rabbit_classic_queue", queue_type::classic},
                                       {"rabbit_quorum_queue", queue_type::quorum}};
  return look_up(all, name);
}

std::string_view queue_type_name(queue_type type) {
  return type == queue_type::quorum ? "quorum" : "classic";
}

} // namespace broker

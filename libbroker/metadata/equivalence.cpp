#include "metadata/equivalence.hpp"

#include <optional>

#include "amqp/reply.hpp"
#include "metadata/tables.hpp"
#include "model/field_text.hpp"
#include "model/queue_arguments.hpp"

namespace broker {
namespace {

error inequivalent(std::string_view key, const std::string& resource, const std::string& received,
                   const std::string& current) {
  return amqp::precondition_failed("inequivalent arg '" + std::string{key} + "' for " + resource + ": received "
                                   + received + " but current is " + current);
}

std::string in_quotes(std::string_view text) {
  return "'" + std::string{text} + "'";
}
std::string in_quotes(bool flag) {
  return flag ? "'true'" : "'false'";
}

template<class Value>
bool differ(const Value& current, const Value& received, std::string_view key, const std::string& resource,
            error& why) {
  if (current == received)
    return false;
  why = inequivalent(key, resource, in_quotes(received), in_quotes(current));
  return true;
}

/// rabbit_misc:type_class: numbers of the same class are compared by value.
bool same_value(const amqp::field_value& a, const amqp::field_value& b) {
  int64_t x = 0;
  int64_t y = 0;
  if (a.as_integer(x) && b.as_integer(y))
    return x == y;
  const auto real = [](const amqp::field_value& value) -> std::optional<double> {
    if (const auto* single = std::get_if<float>(&value.value))
      return *single;
    if (const auto* both = std::get_if<double>(&value.value))
      return *both;
    return std::nullopt;
  };
  if (const auto left = real(a), right = real(b); left && right)
    return *left == *right;
  return a == b;
}

/// How an argument is shown that the other side does not have.
std::string shown_alone(const amqp::field_value* value) {
  if (!value)
    return "none";
  return "the value '" + field_text(*value) + "' of type '" + std::string{field_type_name(*value)} + "'";
}

/// Queues of RabbitMQ's first years say nothing of their type: nothing and "classic" are the same.
bool is_classic(std::string_view key, const amqp::field_value* value) {
  const std::string* text = value ? value->as_string() : nullptr;
  return key == "x-queue-type" && text && *text == "classic";
}

bool arguments_differ(const amqp::field_table& current, const amqp::field_table& received, std::string_view key,
                      const std::string& resource, error& why) {
  const amqp::field_value* a = current.find(key);
  const amqp::field_value* b = received.find(key);
  if (a && b) {
    if (same_value(*a, *b))
      return false;
    why = inequivalent(key, resource, in_quotes(field_text(*b)), in_quotes(field_text(*a)));
    return true;
  }
  if ((!a && !b) || is_classic(key, a ? a : b))
    return false;
  why = inequivalent(key, resource, shown_alone(b), shown_alone(a));
  return true;
}

error locked(const queue_record& queue) {
  return amqp::resource_locked(
    "cannot obtain exclusive access to locked " + resource_text("queue", queue.name, queue.vhost)
    + ". It could be originally declared on another connection or the exclusive property value "
      "does not match that of the original declaration.");
}

} // namespace

result<void> check_equivalent(const queue_record& current, const queue_record& received) {
  if (current.exclusive != received.exclusive || (current.exclusive && current.owner != received.owner))
    return locked(current);
  const std::string resource = resource_text("queue", current.name, current.vhost);
  error why;
  if (differ(current.durable, received.durable, "durable", resource, why)
      || differ(current.auto_delete, received.auto_delete, "auto_delete", resource, why))
    return why;
  for (const std::string_view key : known_queue_arguments(type_of_arguments(current.arguments)))
    if (arguments_differ(current.arguments, received.arguments, key, resource, why))
      return why;
  return {};
}

result<void> check_equivalent(const exchange_record& current, const exchange_record& received) {
  const std::string resource = resource_text("exchange", current.name, current.vhost);
  error why;
  if (differ(std::string_view{current.type}, std::string_view{received.type}, "type", resource, why)
      || differ(current.durable, received.durable, "durable", resource, why)
      || differ(current.auto_delete, received.auto_delete, "auto_delete", resource, why)
      || differ(current.internal, received.internal, "internal", resource, why)
      || arguments_differ(current.arguments, received.arguments, "alternate-exchange", resource, why))
    return why;
  return {};
}

result<void> check_access(const queue_record& queue, connection_id by) {
  if (queue.exclusive && queue.owner != by)
    return locked(queue);
  return {};
}

} // namespace broker

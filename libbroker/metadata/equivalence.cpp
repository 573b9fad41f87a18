#include "metadata/equivalence.hpp"

#include "amqp/reply.hpp"
#include "metadata/tables.hpp"
#include "model/field_text.hpp"

namespace broker {
namespace {

/// Arguments that classic queues act on in RabbitMQ 3.10; all others are ignored when a queue is declared again.
constexpr std::string_view queue_arguments[] = {"x-expires",
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

error inequivalent(std::string_view key, const std::string& resource, const std::string& received,
                   const std::string& current) {
  return amqp::precondition_failed("inequivalent arg '" + std::string{key} + "' for " + resource + ": received "
                                   + received + " but current is " + current);
}

std::string quoted(std::string_view text) {
  return "'" + std::string{text} + "'";
}
std::string quoted(bool flag) {
  return flag ? "'true'" : "'false'";
}

template<class Value>
bool differ(const Value& current, const Value& received, std::string_view key, const std::string& resource,
            error& why) {
  if (current == received)
    return false;
  why = inequivalent(key, resource, quoted(received), quoted(current));
  return true;
}

bool same_value(const amqp::field_value& a, const amqp::field_value& b) {
  int64_t x = 0;
  int64_t y = 0;
  if (a.as_integer(x) && b.as_integer(y))
    return x == y;
  return a == b;
}

/// How an argument is shown that the other side does not have.
std::string shown_alone(const amqp::field_value* value) {
  if (!value)
    return "none";
  return "the value '" + field_text(*value) + "' of type '" + std::string{field_type_name(*value)} + "'";
}

bool arguments_differ(const amqp::field_table& current, const amqp::field_table& received, std::string_view key,
                      const std::string& resource, error& why) {
  static const amqp::field_value classic{amqp::longstr{"classic"}};
  const amqp::field_value* fallback = key == "x-queue-type" ? &classic : nullptr;
  const amqp::field_value* a = current.find(key);
  const amqp::field_value* b = received.find(key);
  const amqp::field_value* x = a ? a : fallback;
  const amqp::field_value* y = b ? b : fallback;
  if ((!x && !y) || (x && y && same_value(*x, *y)))
    return false;
  why = x && y ? inequivalent(key, resource, quoted(field_text(*y)), quoted(field_text(*x)))
               : inequivalent(key, resource, shown_alone(y), shown_alone(x));
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
  for (const std::string_view key : queue_arguments)
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

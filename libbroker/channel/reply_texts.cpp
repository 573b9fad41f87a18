#include "channel/reply_texts.hpp"

#include "amqp/reply.hpp"

namespace broker {
namespace {

std::string title(std::string_view kind, std::string_view vhost, std::string_view name) {
  std::string text;
  text.append(kind).append(" '").append(name).append("' in vhost '").append(vhost).append("'");
  return text;
}

} // namespace

std::string queue_title(std::string_view vhost, std::string_view name) {
  return title("queue", vhost, name);
}

std::string exchange_title(std::string_view vhost, std::string_view name) {
  return title("exchange", vhost, name);
}

error no_such_queue(std::string_view vhost, std::string_view name) {
  return amqp::not_found("no " + queue_title(vhost, name));
}

error home_node_down(std::string_view node, std::string_view vhost, std::string_view name) {
  return amqp::not_found("home node '" + std::string{node} + "' of durable " + queue_title(vhost, name)
                         + " is down or inaccessible");
}

error no_such_exchange(std::string_view vhost, std::string_view name) {
  return amqp::not_found("no " + exchange_title(vhost, name));
}

error queue_locked(std::string_view vhost, std::string_view name) {
  return amqp::resource_locked(
    "cannot obtain exclusive access to locked " + queue_title(vhost, name)
    + ". It could be originally declared on another connection or the exclusive property value "
      "does not match that of the original declaration.");
}

error inequivalent(std::string_view argument, std::string_view title, std::string_view received,
                   std::string_view current) {
  std::string text{"inequivalent arg '"};
  text.append(argument).append("' for ").append(title).append(": received ").append(received);
  return amqp::precondition_failed(text.append(" but current is ").append(current));
}

error invalid_argument(std::string_view argument, std::string_view title, std::string_view reason) {
  std::string text{"invalid arg '"};
  text.append(argument).append("' for ").append(title).append(": ").append(reason);
  return amqp::precondition_failed(text);
}

} // namespace broker

#include "channel/quorum_rules.hpp"

#include <string>

#include "amqp/reply.hpp"
#include "channel/reply_texts.hpp"

namespace broker {
namespace {

bool asks_for_quorum(const queue_record& wanted) {
  return options_of_arguments(wanted.arguments).type == queue_type::quorum;
}

} // namespace

const queue_options& options_of(const queue_record& queue) {
  static const queue_options defaults;
  return queue.options ? *queue.options : defaults;
}

result<void> check_quorum_properties(const queue_record& wanted) {
  if (!asks_for_quorum(wanted))
    return {};
  const auto invalid = [&](std::string_view property) {
    return amqp::precondition_failed("invalid property '" + std::string{property} + "' for "
                                     + queue_title(wanted.vhost, wanted.name));
  };
  if (wanted.auto_delete)
    return invalid("auto-delete");
  if (wanted.exclusive)
    return invalid("exclusive-owner");
  if (!wanted.durable)
    return invalid("non-durable");
  return {};
}

result<void> check_quorum_delete(const queue_record& queue, bool if_unused, bool if_empty) {
  if (options_of(queue).type != queue_type::quorum || (!if_unused && !if_empty))
    return {};
  return amqp::not_implemented("cannot delete " + queue_title(queue.vhost, queue.name)
                               + ". queue.delete operations with " + (if_unused ? "if-unused" : "if-empty")
                               + " flag set are not supported by quorum queues");
}

} // namespace broker

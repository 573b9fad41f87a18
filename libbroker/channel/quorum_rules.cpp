#include "channel/quorum_rules.hpp"

#include <string>

#include "amqp/reply.hpp"
#include "channel/reply_texts.hpp"

namespace broker {

const queue_options& options_of(const queue_record& queue) {
  static const queue_options defaults;
  return queue.options ? *queue.options : defaults;
}

result<void> check_quorum_delete(const queue_record& queue, bool if_unused, bool if_empty) {
  if (options_of(queue).type != queue_type::quorum || (!if_unused && !if_empty))
    return {};
  return amqp::not_implemented("cannot delete " + queue_title(queue.vhost, queue.name)
                               + ". queue.delete operations with " + (if_unused ? "if-unused" : "if-empty")
                               + " flag set are not supported by quorum queues");
}

} // namespace broker

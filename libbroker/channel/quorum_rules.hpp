// What RabbitMQ 3.13 refuses for quorum queues (features.md Q03, W32).
#pragma once

#include "base/result.hpp"
#include "metadata/records.hpp"

namespace broker {

/// The options in force; the defaults while nobody has derived any.
const queue_options& options_of(const queue_record& queue);

/// A queue about to be declared, its x-queue-type checked already: quorum queues are durable, neither exclusive nor
/// deleted by themselves. Error 406.
result<void> check_quorum_properties(const queue_record& wanted);
/// queue.delete: no conditions with a quorum queue. Error 540.
result<void> check_quorum_delete(const queue_record& queue, bool if_unused, bool if_empty);

} // namespace broker

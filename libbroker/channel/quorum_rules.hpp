// What RabbitMQ 3.13 refuses for quorum queues (features.md Q03, W32), besides what their declaration may say
// (model/queue_arguments.hpp).
#pragma once

#include "base/result.hpp"
#include "metadata/records.hpp"

namespace broker {

/// The options in force; the defaults while nobody has derived any.
const queue_options& options_of(const queue_record& queue);

/// queue.delete: no conditions with a quorum queue. Error 540.
result<void> check_quorum_delete(const queue_record& queue, bool if_unused, bool if_empty);

} // namespace broker

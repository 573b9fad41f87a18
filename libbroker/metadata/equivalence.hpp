// Declaring what exists: is it the same thing (features.md W36, W37, W39)? Errors in RabbitMQ's words.
#pragma once

#include "base/result.hpp"
#include "metadata/records.hpp"

namespace broker {

/// 405 for another owner or another exclusive flag; 406 "inequivalent arg" for durable, auto_delete or an argument that
/// a queue acts on. Integer types are compared by value; a missing x-queue-type is "classic".
result<void> check_equivalent(const queue_record& current, const queue_record& received);
/// 406 for type, durable, auto_delete, internal and alternate-exchange; other arguments are ignored.
result<void> check_equivalent(const exchange_record& current, const exchange_record& received);
/// 405 unless the queue is open to this connection: it is not exclusive, or the connection's own.
result<void> check_access(const queue_record& queue, connection_id by);

} // namespace broker

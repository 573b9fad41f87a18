// Arguments of queue.declare and basic.consume as RabbitMQ 3.13 checks them (features.md W37, W48-W60, W62, Q03), with
// its texts: "invalid arg 'x-expires' for queue 'q' in vhost '/': {value_zero,0}". Arguments nobody knows are ignored.
// What an accepted argument does is in queue_options.hpp.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "amqp/field_table.hpp"
#include "base/result.hpp"
#include "metadata/records.hpp"
#include "model/queue_options.hpp"

namespace broker {

/// What x-queue-type asks for; classic when it is missing or no type of ours.
queue_type type_of_arguments(const amqp::field_table& arguments);

/// The arguments with x-queue-type filled in from the vhost's default where there is one: classic instead if the queue
/// is nothing a quorum queue can be.
amqp::field_table with_default_queue_type(amqp::field_table arguments, std::string_view default_type, bool durable,
                                          bool exclusive, bool auto_delete);

/// Values, and arguments of other queue types. Errors: 406; 540 for streams, which this broker does not have.
result<void> check_queue_arguments(const amqp::field_table& arguments, std::string_view vhost, std::string_view queue);
/// What a quorum queue cannot be: auto-delete, exclusive, transient (406).
result<void> check_queue_properties(const queue_record& queue);
/// 406 "Cannot declare a server-named queue for type rabbit_quorum_queue".
result<void> check_server_named(const amqp::field_table& arguments);

/// Arguments a queue of the type acts on, in RabbitMQ's order: those that must be equal at a second declare.
std::span<const std::string_view> known_queue_arguments(queue_type type);

/// basic.consume: x-priority, x-cancel-on-ha-failover (classic queues); 406.
result<void> check_consumer_arguments(const amqp::field_table& arguments, queue_type type, std::string_view vhost,
                                      std::string_view queue);

} // namespace broker

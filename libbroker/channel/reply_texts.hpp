// The errors about queues and exchanges, worded as RabbitMQ 3.13 words them (features.md W21-W33): clients and their
// tests read them.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace broker {

/// "queue 'q' in vhost '/'"
std::string queue_title(std::string_view vhost, std::string_view name);
/// "exchange 'x' in vhost '/'"
std::string exchange_title(std::string_view vhost, std::string_view name);

/// 404 "no queue 'q' in vhost '/'"
error no_such_queue(std::string_view vhost, std::string_view name);
/// 404 "home node 'rabbit@x' of durable queue 'q' in vhost '/' is down or inaccessible" (W26)
error home_node_down(std::string_view node, std::string_view vhost, std::string_view name);
/// 404 "no exchange 'x' in vhost '/'"
error no_such_exchange(std::string_view vhost, std::string_view name);
/// 405; the queue belongs to another connection, or the exclusive flag differs (W39).
error queue_locked(std::string_view vhost, std::string_view name);
/// 406 "inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'" (W36, W37).
error inequivalent(std::string_view argument, std::string_view title, std::string_view received,
                   std::string_view current);
/// 406 "invalid arg 'x-expires' for queue 'q' in vhost '/': reason"
error invalid_argument(std::string_view argument, std::string_view title, std::string_view reason);

} // namespace broker

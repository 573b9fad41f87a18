// message_stats of queues, channels and the like.
#pragma once

#include <string_view>

#include "management/json_writer.hpp"
#include "model/message_counts.hpp"

namespace broker::management {

/// Which counts an object has.
enum class counts_of : uint8_t { queue, channel_all };

std::string_view name_of(counted what);
/// "message_stats": left out for an object that has not seen a message, as RabbitMQ does.
void write_message_stats(object_writer& to, const counts_report& from, counts_of what);

} // namespace broker::management

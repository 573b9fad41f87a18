// Node names as RabbitMQ writes them: `rabbit@<short host>` (architecture.md D14).
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace broker {

/// This machine's name up to the first dot.
std::string short_host_name();

/// "" → rabbit@<host>; "name" → name@<host>; "name@host" as it is. Error: characters that would not survive in a file
/// name or a log line, or more than 255 bytes.
result<std::string> complete_node_name(std::string_view name);

} // namespace broker

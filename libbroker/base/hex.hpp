// Octets as text of two hexadecimal digits each, as RabbitMQ writes ids. Pure functions, any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace broker {

/// Lower case.
std::string to_hex(std::string_view octets);
/// Of lower case digits. Empty if `text` is not such a text.
std::optional<std::string> from_hex(std::string_view text);

} // namespace broker

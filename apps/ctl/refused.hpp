// Commands of RabbitMQ's tools that make no sense here: each is refused by name with its reason (features.md O08-O11),
// so that a script's author learns more than that it does not exist.
#pragma once

#include <string_view>

namespace broker::ctl {

/// Why the command is not offered; "" = nothing is known of it.
std::string_view refusal_of(std::string_view command);

} // namespace broker::ctl

// What the node and its tools call themselves (architecture.md D14).
#pragma once

#include <string_view>

namespace broker {

inline constexpr std::string_view warren_version = "0.1.0";
/// The RabbitMQ whose behaviour clients and tools may expect.
inline constexpr std::string_view rabbitmq_version = "3.13.7";

} // namespace broker

// The columns of the list commands, in RabbitMQ's order (features.md O05).
#pragma once

#include <span>
#include <string_view>

namespace broker::ctl {

std::span<const std::string_view> queue_columns();
std::span<const std::string_view> exchange_columns();
std::span<const std::string_view> binding_columns();
std::span<const std::string_view> connection_columns();
std::span<const std::string_view> channel_columns();
std::span<const std::string_view> consumer_columns();
std::span<const std::string_view> vhost_columns();
std::span<const std::string_view> feature_flag_columns();

} // namespace broker::ctl

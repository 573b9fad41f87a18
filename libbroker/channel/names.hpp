// Rules about names of queues and exchanges (features.md W25, W41).
#pragma once

#include <string>
#include <string_view>

#include "amqp/reply.hpp"

namespace broker {

/// RabbitMQ drops CR and LF from names.
inline std::string without_line_breaks(std::string_view name) {
  std::string kept{name};
  std::erase_if(kept, [](char c) { return c == '\r' || c == '\n'; });
  return kept;
}

/// Where the firehose publishes what passes a vhost (P05).
inline constexpr std::string_view trace_exchange = "amq.rabbitmq.trace";

/// Names of the form "amq.*" are the server's.
inline bool is_reserved(std::string_view name) noexcept {
  return name.starts_with("amq.");
}

/// 403 for declaring `name`; `kind` is "queue" or "exchange".
inline error reserved_name(std::string_view kind, std::string_view name) {
  std::string text{kind};
  return amqp::access_refused(text.append(" name '").append(name).append("' contains reserved prefix 'amq.*'"));
}

} // namespace broker

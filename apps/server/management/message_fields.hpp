// Messages in JSON, as RabbitMQ's management API has them (features.md O15, O16).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "amqp/properties.hpp"
#include "base/result.hpp"
#include "management/json_writer.hpp"
#include "model/message.hpp"

namespace broker::management {

std::string to_base64(std::string_view text);
/// Nothing when it is none.
std::optional<std::string> from_base64(std::string_view text);

/// Error: in words for a 400.
result<amqp::properties> read_properties(const nlohmann::json& from);
void write_properties(json_writer& to, const amqp::properties& from);
/// The body without its frames.
std::string body_of(const message& what);
/// payload and payload_encoding: text where it is UTF-8, unless `base64` is wished.
void write_payload(object_writer& to, std::string_view body, bool base64);

} // namespace broker::management

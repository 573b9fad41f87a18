// JSON from operators and files: bounded, without exceptions, never recursive on what has not been bounded. Values come
// back as nlohmann::json, whose objects are sorted by key: dump() of equal values gives equal text.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace broker {

/// Error (code 0): "JSON decoding error. Reason: badarg" for no JSON, as rabbitmqctl; its own words above
/// limits::json_depth_max or `max_bytes`.
result<nlohmann::json> parse_json(std::string_view text, size_t max_bytes);

/// A value as Erlang's ~p prints RabbitMQ's decoded JSON: <<"text">>, 1, true, [1,2], #{<<"k">> => 1}.
std::string json_term(const nlohmann::json& value);

} // namespace broker

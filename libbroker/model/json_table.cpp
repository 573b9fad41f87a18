#include "model/json_table.hpp"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace broker {
namespace {

using nlohmann::json;

struct to_json_value {
  json operator()(const amqp::void_value&) const { return nullptr; }
  json operator()(const amqp::decimal& value) const { return value.value / std::pow(10.0, value.scale); }
  json operator()(const amqp::longstr& value) const { return value.bytes; }
  json operator()(const amqp::byte_array& value) const { return value.bytes; }
  json operator()(const amqp::nested_bytes&) const { return nullptr; } // deeper than JSON may be
  json operator()(const amqp::timestamp& value) const { return value.seconds; }
  json operator()(const amqp::field_table& value) const { return table_to_json(value); }
  json operator()(const amqp::field_array& value) const {
    json out = json::array();
    for (const amqp::field_value& item : value.values)
      out.push_back(std::visit(*this, item.value));
    return out;
  }
  template<class Plain>
  json operator()(Plain value) const {
    return value;
  }
};

result<amqp::field_value> value_from_json(const json& value) {
  switch (value.type()) {
  case json::value_t::null:
    return amqp::field_value{amqp::void_value{}};
  case json::value_t::boolean:
    return amqp::field_value{value.get<bool>()};
  case json::value_t::number_unsigned:
    if (value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      return error{0, "integer beyond 64 bits: " + value.dump()};
    return amqp::field_value{value.get<int64_t>()};
  case json::value_t::number_integer:
    return amqp::field_value{value.get<int64_t>()};
  case json::value_t::number_float:
    return amqp::field_value{value.get<double>()};
  case json::value_t::string:
    return amqp::field_value{amqp::longstr{value.get<std::string>()}};
  case json::value_t::array: {
    amqp::field_array out;
    for (const json& item : value) {
      auto one = value_from_json(item);
      if (!one)
        return one;
      out.values.push_back(std::move(*one));
    }
    return amqp::field_value{std::move(out)};
  }
  default: {
    auto table = table_from_json(value);
    return table ? result<amqp::field_value>{amqp::field_value{std::move(*table)}} : table.error();
  }
  }
}

} // namespace

json table_to_json(const amqp::field_table& table) {
  json out = json::object();
  for (const auto& [name, value] : table.entries)
    out[name] = std::visit(to_json_value{}, value.value);
  return out;
}

result<amqp::field_table> table_from_json(const json& value) {
  amqp::field_table out;
  if (value.is_array() && value.empty())
    return out;
  if (!value.is_object())
    return error{0, "arguments must be an object"};
  for (const auto& [name, item] : value.items()) {
    auto one = value_from_json(item);
    if (!one)
      return one.error();
    out.set(name, std::move(*one));
  }
  return out;
}

} // namespace broker

#include "exchanges/consistent_hash.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "amqp/reply.hpp"
#include "base/bytes.hpp"
#include "base/limits.hpp"
#include "model/field_text.hpp"
#include "model/persistent_map.hpp"

namespace broker {
namespace {

/// The hashed part of a publish.
struct hashed_part {
  enum class kind : uint8_t { routing_key, header, property };
  kind what = kind::routing_key;
  std::string header;
  content_property property = content_property::correlation_id;
};

std::optional<content_property> parse_property(std::string_view name) {
  if (name == "correlation_id")
    return content_property::correlation_id;
  if (name == "message_id")
    return content_property::message_id;
  if (name == "timestamp")
    return content_property::timestamp;
  return std::nullopt;
}

/// A text argument, or null if it is absent.
result<const std::string*> text_argument(const amqp::field_table& arguments, std::string_view name) {
  const amqp::field_value* value = arguments.find(name);
  if (!value)
    return nullptr;
  if (const std::string* text = value->as_string())
    return text;
  return amqp::precondition_failed("invalid type '" + std::string{field_type_name(*value)} + "' for arg '"
                                   + std::string{name} + "'; expected longstr");
}

result<hashed_part> parse_arguments(const amqp::field_table& arguments) {
  const auto header = text_argument(arguments, "hash-header");
  if (!header)
    return header.error();
  const auto property = text_argument(arguments, "hash-property");
  if (!property)
    return property.error();
  if (*header && *property)
    return amqp::precondition_failed("hash-header and hash-property are mutually exclusive");
  hashed_part part;
  if (*header) {
    part.what = hashed_part::kind::header;
    part.header = **header;
  } else if (*property) {
    const auto known = parse_property(**property);
    if (!known)
      return amqp::precondition_failed("Unsupported property: " + **property);
    part.what = hashed_part::kind::property;
    part.property = *known;
  }
  return part;
}

/// As Erlang prints it in RabbitMQ's text.
std::string shown(std::string_view key) {
  const bool printable = std::all_of(key.begin(), key.end(), [](char c) { return c >= ' ' && c <= '~'; });
  return printable && !key.empty() ? "<<\"" + std::string{key} + "\">>" : amqp::show_octets(key);
}

/// Weights beyond limits::hash_weight_max count as that.
result<uint64_t> parse_weight(std::string_view key) {
  std::string_view digits = key;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+'))
    digits.remove_prefix(1);
  uint64_t weight = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9')
      return amqp::precondition_failed("The binding key must be an integer: " + shown(key));
    weight = std::min<uint64_t>(weight * 10 + static_cast<uint64_t>(c - '0'), limits::hash_weight_max);
  }
  if (digits.empty())
    return amqp::precondition_failed("The binding key must be an integer: " + shown(key));
  if (negative || weight == 0)
    return amqp::precondition_failed("The binding key must be greater than 0");
  return weight;
}

uint64_t weight_of(const bound& binding) {
  const auto weight = parse_weight(binding.record.routing_key);
  BROKER_ASSERT(weight.ok(), "the key of a binding is checked before it is made");
  return *weight;
}

uint64_t mixed(uint64_t hash) noexcept {
  hash = (hash ^ (hash >> 31)) * 0x9fb21c651e98df25u;
  hash = (hash ^ (hash >> 29)) * 0xd6e8feb86659fd93u;
  return hash ^ (hash >> 32);
}

/// A value with the type in front, so that the number 1 and the text "1" differ.
uint64_t hash_of(char type, std::string_view value) {
  return mixed(hash_bytes(value) + static_cast<uint8_t>(type));
}

/// Integers count by their value, texts and byte arrays by their bytes: clients choose the width.
uint64_t hash_of(const raw_field& field) {
  if (const auto number = integer_value(field)) {
    char octets[8];
    store_u64(octets, static_cast<uint64_t>(*number));
    return hash_of('l', {octets, sizeof octets});
  }
  return hash_of(field.type == 'x' ? 'S' : field.type, field.value);
}

class hash_table {
public:
  explicit hash_table(hashed_part part) : part_(std::move(part)) {}

  void bind(const bound_ptr& binding) {
    auto added = make_ref<member>();
    added->name = name_of(*binding);
    added->to = binding->to;
    added->weight = weight_of(*binding);
    if (const entry* present = members_.find(added->name))
      added->weight += present->who->weight;
    put(std::move(added));
  }

  void unbind(const bound_ptr& binding) {
    const entry* present = members_.find(name_of(*binding));
    BROKER_ASSERT(present != nullptr, "unbinding what was never bound");
    const uint64_t weight = weight_of(*binding);
    BROKER_ASSERT(present->who->weight >= weight, "weights are taken back as they were given");
    auto rest = make_ref<member>();
    rest->name = present->who->name;
    rest->to = present->who->to;
    rest->weight = present->who->weight - weight;
    if (rest->weight == 0)
      members_.erase(rest->name);
    else
      put(std::move(rest));
  }

  void route(const routing_input& what, found_destinations& into) const {
    const uint64_t hash = hash_of_publish(what);
    const entry* best = nullptr;
    double smallest = std::numeric_limits<double>::infinity();
    members_.for_each([&](const entry& one) {
      // 53 bits make a number in (0, 1]; its logarithm over the weight is exponentially distributed with that rate.
      const double drawn = static_cast<double>((mixed(hash ^ one.hash) >> 11) + 1) * 0x1.0p-53;
      const double score = -std::log(drawn) * one.inverse_weight;
      if (score < smallest || (score == smallest && best && one.who->name < best->who->name)) {
        smallest = score;
        best = &one;
      }
    });
    if (best)
      into.add(best->who->to);
  }

  routed_by looks_at() const {
    switch (part_.what) {
    case hashed_part::kind::header:
      return routed_by::headers;
    case hashed_part::kind::property:
      return routed_by::properties;
    default:
      return routed_by::keys;
    }
  }

private:
  struct member final : ref_counted {
    std::string name; ///< with a letter in front, since a queue and an exchange may have the same
    destination to;
    uint64_t weight = 0; ///< of all bindings
  };
  /// What routing reads lies side by side.
  struct entry {
    uint64_t hash = 0;
    double inverse_weight = 0;
    ref<member> who;
  };
  struct by_name {
    static std::string_view key(const entry& one) { return one.who->name; }
  };

  static std::string name_of(const bound& binding) {
    return (binding.record.to_exchange ? 'x' : 'q') + binding.record.destination;
  }

  void put(ref<member> who) {
    const uint64_t hash = mixed(hash_bytes(who->name));
    const double inverse_weight = 1.0 / static_cast<double>(who->weight);
    members_.put({hash, inverse_weight, std::move(who)});
  }

  /// Publishes without the header or property all have the same hash, as in RabbitMQ.
  uint64_t hash_of_publish(const routing_input& what) const {
    switch (part_.what) {
    case hashed_part::kind::header: {
      const raw_field* field = find_field(what.headers, part_.header);
      return field ? hash_of(*field) : hash_of('V', {});
    }
    case hashed_part::kind::property:
      return hash_of('S', find_property(what.properties, part_.property).value_or(std::string_view{}));
    default:
      return hash_of('S', what.keys.front());
    }
  }

  const hashed_part part_;
  persistent_map<entry, by_name> members_;
};

class consistent_hash_type final : public exchange_plugin {
public:
  std::string_view name() const override { return "x-consistent-hash"; }
  std::string_view description() const override { return "Consistent Hashing Exchange"; }

  result<void> validate(const exchange_record& exchange, const exchange_types&) const override {
    const auto part = parse_arguments(exchange.arguments);
    return part ? result<void>{} : part.error();
  }
  result<void> validate_binding(const exchange_record&, const binding_record& binding,
                                const exchange_types&) const override {
    const auto weight = parse_weight(binding.routing_key);
    return weight ? result<void>{} : weight.error();
  }
  ref<exchange_table> make_table(const exchange_record& exchange, const exchange_types&) const override {
    auto part = parse_arguments(exchange.arguments);
    BROKER_ASSERT(part.ok(), "the arguments of an exchange are checked before it is made");
    return make_ref<exchange_table_of<hash_table>>(hash_table{std::move(*part)});
  }
};

} // namespace

exchange_plugin_ptr make_consistent_hash_type() {
  return std::make_shared<const consistent_hash_type>();
}

} // namespace broker

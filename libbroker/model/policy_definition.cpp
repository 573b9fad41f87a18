#include "model/policy_definition.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "model/json.hpp"

namespace broker {
namespace {

using nlohmann::json;

/// The policy keys of one definition, read one by one. Readers are false for a value that is not valid.
struct definition_reader {
  policy_definition out;

  static bool whole(const json& value, uint64_t least, uint64_t& to) {
    if (!value.is_number_integer() || (value.is_number_integer() && !value.is_number_unsigned()))
      return false; // negative ones are the integers that are not unsigned
    to = value.get<uint64_t>();
    return to >= least;
  }
  static bool read(const json& value, std::optional<std::string>& to) {
    if (!value.is_string())
      return false;
    to = value.get<std::string>();
    return true;
  }
  template<uint64_t Least = 0>
  static bool limit(const json& value, std::optional<uint64_t>& to) {
    uint64_t number = 0;
    if (!whole(value, Least, number))
      return false;
    to = number;
    return true;
  }
  template<class Value>
  static bool named(const json& value, std::optional<Value> (&parse)(std::string_view), std::optional<Value>& to) {
    const auto* text = value.get_ptr<const std::string*>();
    to = text ? parse(*text) : std::nullopt;
    return to.has_value();
  }
  static bool one_of(const json& value, std::initializer_list<std::string_view> all) {
    const auto* text = value.get_ptr<const std::string*>();
    return text && std::find(all.begin(), all.end(), *text) != all.end();
  }
  static bool is_max_age(const json& value) {
    const auto* text = value.get_ptr<const std::string*>();
    if (!text || text->size() < 2)
      return false;
    const std::string_view digits{text->data(), text->size() - 1};
    return std::string_view{"YMDhms"}.find(text->back()) != std::string_view::npos
        && digits.find_first_not_of("0123456789") == digits.npos && digits.find_first_not_of('0') != digits.npos;
  }
};

struct policy_key {
  std::string_view name;
  bool (*read)(const json&, policy_definition&);
  std::string_view complaint; ///< after "VALUE "
  bool of_operators = false;
  bool of_classic = true;
  bool of_quorum = true;
};

bool accept_number(const json& value, policy_definition&) {
  uint64_t number = 0;
  return definition_reader::whole(value, 0, number);
}
bool accept_queue_version(const json& value, policy_definition&) {
  uint64_t number = 0;
  return definition_reader::whole(value, 1, number) && number <= 2;
}
bool accept_text(const json& value, policy_definition&) {
  return value.is_string();
}

bool read_leader_locator(const json& value, policy_definition& to) {
  return definition_reader::one_of(value, {"client-local", "balanced", "random", "least-leaders"})
      && definition_reader::read(value, to.leader_locator);
}
bool read_master_locator(const json& value, policy_definition& to) {
  return definition_reader::one_of(value, {"client-local", "min-masters", "random"})
      && definition_reader::read(value, to.leader_locator);
}

/// rabbit_policies.erl of 3.13: keys, texts and which types of queue know them. Those without an effect here (queues
/// have one storage, streams are refused) are checked all the same.
constexpr policy_key policy_keys[] = {
  {"alternate-exchange",
   [](const json& v, policy_definition& to) { return definition_reader::read(v, to.alternate_exchange); },
   "is not a valid alternate exchange name"},
  {"consumer-timeout",
   [](const json& v, policy_definition& to) { return definition_reader::limit(v, to.consumer_timeout_ms); },
   "is not a valid consumer timeout"},
  {"dead-letter-exchange",
   [](const json& v, policy_definition& to) { return definition_reader::read(v, to.dead_letter_exchange); },
   "is not a valid dead letter exchange name"},
  {"dead-letter-routing-key",
   [](const json& v, policy_definition& to) { return definition_reader::read(v, to.dead_letter_routing_key); },
   "is not a valid dead letter routing key"},
  {"dead-letter-strategy",
   [](const json& v, policy_definition& to) {
     return definition_reader::named(v, parse_dead_letter_strategy, to.strategy);
   },
   "is not a valid dead letter strategy", false, false},
  {"message-ttl", [](const json& v, policy_definition& to) { return definition_reader::limit(v, to.message_ttl_ms); },
   "is not a valid message TTL", true},
  {"expires", [](const json& v, policy_definition& to) { return definition_reader::limit<1>(v, to.expires_ms); },
   "is not a valid queue expiry", true},
  {"max-length", [](const json& v, policy_definition& to) { return definition_reader::limit(v, to.max_length); },
   "is not a valid maximum length", true},
  {"max-length-bytes",
   [](const json& v, policy_definition& to) { return definition_reader::limit(v, to.max_length_bytes); },
   "is not a valid maximum length in bytes", true},
  {"max-in-memory-length", accept_number, "is not a valid maximum memory in bytes", true, false},
  {"max-in-memory-bytes", accept_number, "is not a valid maximum memory in bytes", true, false},
  {"queue-mode",
   [](const json& v, policy_definition&) {
     return definition_reader::one_of(v, {"default", "lazy"});
   },
   "is not a valid queue-mode value", false, true, false},
  {"queue-version", accept_queue_version, "is not a valid queue-version value", true},
  {"overflow",
   [](const json& v, policy_definition& to) { return definition_reader::named(v, parse_overflow, to.overflow); },
   "is not a valid overflow value", true},
  {"delivery-limit",
   [](const json& v, policy_definition& to) { return definition_reader::limit(v, to.delivery_limit); },
   "is not a valid delivery limit", true, false},
  {"max-age", [](const json& v, policy_definition&) { return definition_reader::is_max_age(v); },
   "is not a valid max age", false, false, false},
  {"queue-leader-locator", read_leader_locator, "is not a valid queue leader locator value", false, false},
  {"queue-master-locator", read_master_locator, "invalid queue-master-locator value", false, true, false},
  {"initial-cluster-size", accept_number, "is not a valid cluster size", false, false, false},
  {"target-group-size", accept_number, "is not a valid target count", true, false},
  {"stream-max-segment-size-bytes", accept_number, "is not a valid segment size", false, false, false},
  {"stream-filter-size-bytes",
   [](const json& v, policy_definition&) {
     uint64_t size = 0;
     return definition_reader::whole(v, 16, size) && size <= 255;
   },
   "is not a valid filter size. Valid range is 16-255"},
  {"federation-upstream", accept_text, "is not a valid upstream name"},
  {"federation-upstream-set", accept_text, "is not a valid upstream set name"},
  {"federation-upstream-pattern", accept_text, "is not a valid upstream pattern"},
};

/// Read together by read_mirroring; in the order of RabbitMQ's checks.
constexpr policy_key mirroring_keys[] = {
  {"ha-mode", nullptr, {}, true, true, false},
  {"ha-params", nullptr, {}, true, true, false},
  {"ha-sync-mode", nullptr, {}, true, true, false},
  {"ha-sync-batch-size", nullptr, {}, false, true, true},
  {"ha-promote-on-shutdown", nullptr, {}, false, true, false},
  {"ha-promote-on-failure", nullptr, {}, false, true, false},
};

const policy_key* find_key(std::string_view name, bool operator_policy) {
  for (const auto& all : {std::span<const policy_key>{policy_keys}, std::span<const policy_key>{mirroring_keys}})
    for (const policy_key& one : all)
      if (one.name == name)
        return operator_policy && !one.of_operators ? nullptr : &one;
  return nullptr;
}

error complaint(std::string text) {
  return {0, std::move(text)};
}

result<void> read_mode(const json& mode, const json* params, mirroring_options& to) {
  const std::string given = params ? json_term(*params) : "none";
  if (mode == "all") {
    to.what = mirroring_options::mode::all;
    return params ? result<void>{complaint("ha-mode=\"all\" does not take parameters")} : result<void>{};
  }
  if (mode == "exactly") {
    to.what = mirroring_options::mode::exactly;
    if (params && definition_reader::whole(*params, 1, to.copies))
      return {};
    return complaint("ha-mode=\"exactly\" takes an integer, " + given + " given");
  }
  if (mode != "nodes")
    return complaint(json_term(mode) + " is not a valid ha-mode value");
  to.what = mirroring_options::mode::nodes;
  if (!params || !params->is_array())
    return complaint("ha-mode=\"nodes\" takes a list, " + given + " given");
  if (params->empty())
    return complaint("ha-mode=\"nodes\" list must be non-empty");
  json others = json::array();
  for (const json& node : *params)
    node.is_string() ? to.nodes.push_back(node.get<std::string>()) : others.push_back(node);
  if (!others.empty())
    return complaint("ha-mode=\"nodes\" takes a list of strings, " + json_term(others) + " was not a string");
  return {};
}

/// "automatic" or "manual", "always" or "when-synced": true for the first.
result<void> read_choice(const json* value, std::string_view key, std::string_view first, std::string_view second,
                         std::string_view order, bool& to) {
  if (!value)
    return {};
  if (*value != first && *value != second)
    return complaint(std::string{key} + " must be " + std::string{order} + ", got " + json_term(*value));
  to = *value == first;
  return {};
}

result<mirroring_options> read_mirroring(const json& definition) {
  const auto find = [&](const char* key) {
    const auto at = definition.find(key);
    return at == definition.end() ? nullptr : &*at;
  };
  const json* mode = find("ha-mode");
  if (!mode)
    return complaint("ha-mode must be specified to specify ha-params, ha-sync-mode or ha-promote-on-shutdown");
  mirroring_options to;
  if (auto done = read_mode(*mode, find("ha-params"), to); !done)
    return done.error();
  if (auto done = read_choice(find("ha-sync-mode"), "ha-sync-mode", "automatic", "manual",
                              "\"manual\" or \"automatic\"", to.sync_automatically);
      !done)
    return done.error();
  const json* size = find("ha-sync-batch-size");
  if (size && !definition_reader::whole(*size, 1, to.sync_batch_size))
    return complaint("ha-sync-batch-size takes an integer greater than 0, " + json_term(*size) + " given");
  constexpr std::string_view promotions = "\"always\" or \"when-synced\"";
  if (auto done = read_choice(find("ha-promote-on-shutdown"), "ha-promote-on-shutdown", "always", "when-synced",
                              promotions, to.promote_unsynced_on_shutdown);
      !done)
    return done.error();
  if (auto done = read_choice(find("ha-promote-on-failure"), "ha-promote-on-failure", "always", "when-synced",
                              promotions, to.promote_unsynced_on_failure);
      !done)
    return done.error();
  return to;
}

} // namespace

result<policy_definition> read_policy_definition(const json& definition, bool operator_policy) {
  if (!definition.is_object())
    return complaint("definition must be a dictionary: " + json_term(definition));
  if (definition.empty())
    return complaint("no policy provided");
  policy_definition out;
  std::string strangers;
  bool mirrored = false;
  for (const auto& [name, value] : definition.items()) {
    const policy_key* key = find_key(name, operator_policy);
    if (!key) {
      strangers += (strangers.empty() ? "{<<\"" : ",{<<\"") + name + "\">>," + json_term(value) + "}";
      continue;
    }
    out.for_classic = out.for_classic && key->of_classic;
    out.for_quorum = out.for_quorum && key->of_quorum;
    mirrored = mirrored || !key->read;
    if (key->read && !key->read(value, out))
      return complaint(json_term(value) + " " + std::string{key->complaint});
  }
  if (mirrored) {
    auto mirroring = read_mirroring(definition);
    if (!mirroring)
      return mirroring.error();
    out.mirroring = std::move(*mirroring);
  }
  if (!strangers.empty())
    return complaint("[" + strangers + "] are not recognised policy settings");
  return out;
}

} // namespace broker

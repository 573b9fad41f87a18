// Policies and operator policies (features.md O29-O31): a pattern on names, what it applies to, and a definition that
// is merged with a queue's or exchange's own arguments. Immutable, thread-safe; compiled once per change.
//
// Of the policies that match an object the one with the highest priority is in force; among equals the one whose name
// comes first (RabbitMQ leaves that open). One operator policy is chosen likewise and merged with it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "metadata/records.hpp"
#include "model/queue_options.hpp"

namespace broker {

/// What a definition says; an empty optional is a key that is not in it.
struct policy_definition {
  std::optional<std::string> alternate_exchange; ///< of exchanges
  std::optional<uint64_t> message_ttl_ms;
  std::optional<uint64_t> expires_ms;
  std::optional<uint64_t> max_length;
  std::optional<uint64_t> max_length_bytes;
  std::optional<overflow_policy> overflow;
  std::optional<std::string> dead_letter_exchange;
  std::optional<std::string> dead_letter_routing_key;
  std::optional<dead_letter_strategy> strategy;
  std::optional<uint64_t> delivery_limit;
  std::optional<uint64_t> consumer_timeout_ms;
  std::optional<std::string> leader_locator;
  std::optional<mirroring_options> mirroring;
  bool for_classic = true; ///< every key means something to a classic queue; otherwise it matches none
  bool for_quorum = true;

  friend bool operator==(const policy_definition&, const policy_definition&) = default;
};

/// rabbit_mirror_queue_misc: of two modes the one that makes more copies counts.
bool makes_more_copies(const mirroring_options& one, const mirroring_options& other);

/// What policies apply to.
enum class policy_target : uint8_t { exchange, classic_queue, quorum_queue };
policy_target target_of(queue_type type);

class policy {
public:
  /// Checks everything; record().definition becomes canonical JSON. Errors (code 0) in rabbitmqctl's words:
  /// "Validation failed\n\n<<"zzz">> is not a valid ha-mode value" and the like, "JSON decoding error. ..." for no
  /// JSON.
  static result<std::shared_ptr<const policy>> compile(policy_record record, bool operator_policy);
  ~policy();

  bool matches(policy_target target, std::string_view name) const;
  const policy_record& record() const noexcept { return record_; }
  const policy_definition& definition() const noexcept { return definition_; }

private:
  struct pattern;
  policy(policy_record record, policy_definition definition, std::unique_ptr<const pattern> compiled);

  const policy_record record_;
  const policy_definition definition_;
  const std::unique_ptr<const pattern> pattern_;
};
using policy_ptr = std::shared_ptr<const policy>;

/// In order of precedence: whichever matches first is in force.
using policy_list = std::vector<policy_ptr>;
void put_policy_into(policy_list& list, policy_ptr what);
/// Null if there was none of that name.
policy_ptr take_policy_from(policy_list& list, std::string_view name);
const policy* policy_in_force(const policy_list& list, policy_target target, std::string_view name);

/// A queue's options from its arguments, its policy and its operator policy (either may be null). The operator policy's
/// limits and the policy's: the lower; its other keys win over the policy's. Then an argument wins over both, except
/// that of two limits the lower counts.
queue_options merge_options(const amqp::field_table& arguments, const policy* user, const policy* operators);

} // namespace broker

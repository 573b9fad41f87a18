#include "model/policy.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <re2/re2.h>

#include "base/limits.hpp"
#include "model/json.hpp"
#include "model/policy_definition.hpp"

namespace broker {
namespace {

error invalid(const std::string& reason) {
  return {0, "Validation failed\n\n" + reason};
}

RE2::Options regex_options() {
  RE2::Options options{RE2::Latin1}; // names are octets
  options.set_log_errors(false);
  options.set_max_mem(limits::pattern_memory_bytes);
  return options;
}

bool comes_first(const policy& a, const policy& b) {
  return a.record().priority != b.record().priority ? a.record().priority > b.record().priority
                                                    : a.record().name < b.record().name;
}

bool covers(std::string_view apply_to, policy_target target) {
  if (apply_to == "all")
    return true;
  if (target == policy_target::exchange)
    return apply_to == "exchanges";
  return apply_to == "queues"
      || apply_to == (target == policy_target::quorum_queue ? "quorum_queues" : "classic_queues");
}

bool is_apply_to(std::string_view text) {
  constexpr std::string_view all[] = {"all", "exchanges", "queues", "classic_queues", "quorum_queues", "streams"};
  return std::find(std::begin(all), std::end(all), text) != std::end(all);
}

template<class Value>
const std::optional<Value>& first_of(const std::optional<Value>& a, const std::optional<Value>& b) {
  return a ? a : b;
}

std::optional<uint64_t> lower_of(const std::optional<uint64_t>& a, const std::optional<uint64_t>& b) {
  return a && b ? std::min(*a, *b) : first_of(a, b);
}

mirroring_options merged(const mirroring_options& user, const mirroring_options& operators) {
  mirroring_options out = makes_more_copies(user, operators) ? user : operators;
  out.sync_automatically = operators.sync_automatically;
  out.sync_batch_size = user.sync_batch_size; // the rest is no operator's key
  out.promote_unsynced_on_shutdown = user.promote_unsynced_on_shutdown;
  out.promote_unsynced_on_failure = user.promote_unsynced_on_failure;
  return out;
}

/// Operator policy over policy (O31).
policy_definition merged(const policy_definition& user, const policy_definition& operators) {
  policy_definition out = user; // what only users may set
  out.message_ttl_ms = lower_of(user.message_ttl_ms, operators.message_ttl_ms);
  out.expires_ms = lower_of(user.expires_ms, operators.expires_ms);
  out.max_length = lower_of(user.max_length, operators.max_length);
  out.max_length_bytes = lower_of(user.max_length_bytes, operators.max_length_bytes);
  out.delivery_limit = lower_of(user.delivery_limit, operators.delivery_limit);
  out.overflow = first_of(operators.overflow, user.overflow);
  if (operators.mirroring)
    out.mirroring = user.mirroring ? merged(*user.mirroring, *operators.mirroring) : *operators.mirroring;
  return out;
}

} // namespace

bool makes_more_copies(const mirroring_options& one, const mirroring_options& other) {
  using mode = mirroring_options::mode;
  const auto rank = [](mode what) { return what == mode::all ? 3 : what == mode::exactly ? 2 : what == mode::nodes; };
  const int difference = rank(one.what) - rank(other.what);
  return difference != 0           ? difference > 0
       : one.what == mode::exactly ? one.copies > other.copies
                                   : one.nodes.size() > other.nodes.size();
}

policy_target target_of(queue_type type) {
  return type == queue_type::quorum ? policy_target::quorum_queue : policy_target::classic_queue;
}

struct policy::pattern {
  explicit pattern(const std::string& text) : regex(text, regex_options()) {}
  RE2 regex;
};

policy::policy(policy_record record, policy_definition definition, std::unique_ptr<const pattern> compiled)
  : record_(std::move(record)), definition_(std::move(definition)), pattern_(std::move(compiled)) {}
policy::~policy() = default;

result<policy_ptr> policy::compile(policy_record record, bool operator_policy) {
  const auto parsed = parse_json(record.definition, limits::definition_bytes_max);
  if (!parsed)
    return parsed.error();
  auto compiled = std::make_unique<const pattern>(record.pattern);
  if (!compiled->regex.ok())
    return invalid("pattern should be regular expression but is invalid: {\"" + compiled->regex.error() + "\",0}");
  if (!is_apply_to(record.apply_to))
    return invalid("apply-to '" + record.apply_to
                   + "' unrecognised; should be one of: 'queues', 'classic_queues',  'quorum_queues', 'streams', "
                     "'exchanges', or 'all'");
  auto definition = read_policy_definition(*parsed, operator_policy);
  if (!definition)
    return invalid(definition.error().text);
  record.definition = parsed->dump();
  return policy_ptr{new policy{std::move(record), std::move(*definition), std::move(compiled)}};
}

bool policy::matches(policy_target target, std::string_view name) const {
  if (!covers(record_.apply_to, target))
    return false;
  if ((target == policy_target::classic_queue && !definition_.for_classic)
      || (target == policy_target::quorum_queue && !definition_.for_quorum))
    return false;
  return RE2::PartialMatch(re2::StringPiece{name.data(), name.size()}, pattern_->regex);
}

void put_policy_into(policy_list& list, policy_ptr what) {
  take_policy_from(list, what->record().name);
  const auto at =
    std::find_if(list.begin(), list.end(), [&](const policy_ptr& one) { return comes_first(*what, *one); });
  list.insert(at, std::move(what));
}

policy_ptr take_policy_from(policy_list& list, std::string_view name) {
  const auto at =
    std::find_if(list.begin(), list.end(), [&](const policy_ptr& one) { return one->record().name == name; });
  if (at == list.end())
    return nullptr;
  policy_ptr taken = *at;
  list.erase(at);
  return taken;
}

const policy* policy_in_force(const policy_list& list, policy_target target, std::string_view name) {
  for (const policy_ptr& one : list)
    if (one->matches(target, name))
      return one.get();
  return nullptr;
}

namespace {

/// rabbit_quorum_queue: what it does with combinations it does not know.
void settle_for_quorum(queue_options& options) {
  if (options.overflow == overflow_policy::reject_publish_dlx)
    options.overflow = overflow_policy::drop_head;
  if (options.overflow != overflow_policy::reject_publish || !options.dead_letter_exchange)
    options.strategy = dead_letter_strategy::at_most_once;
}

void merge_definition(queue_options& out, const amqp::field_table& arguments, const policy* user,
                      const policy* operators) {
  static const policy_definition nothing;
  const policy_definition& of_user = user ? user->definition() : nothing;
  const policy_definition from = operators ? merged(of_user, operators->definition()) : of_user;
  out.message_ttl_ms = lower_of(out.message_ttl_ms, from.message_ttl_ms);
  out.expires_ms = lower_of(out.expires_ms, from.expires_ms);
  out.max_length = lower_of(out.max_length, from.max_length);
  out.max_length_bytes = lower_of(out.max_length_bytes, from.max_length_bytes);
  out.delivery_limit = lower_of(out.delivery_limit, from.delivery_limit);
  out.consumer_timeout_ms = lower_of(out.consumer_timeout_ms, from.consumer_timeout_ms);
  if (!arguments.find("x-overflow"))
    out.overflow = from.overflow.value_or(out.overflow);
  if (!arguments.find("x-dead-letter-strategy"))
    out.strategy = from.strategy.value_or(out.strategy);
  out.dead_letter_exchange = first_of(out.dead_letter_exchange, from.dead_letter_exchange);
  out.dead_letter_routing_key = first_of(out.dead_letter_routing_key, from.dead_letter_routing_key);
  if (out.leader_locator.empty())
    out.leader_locator = from.leader_locator.value_or("");
  if (from.mirroring && out.type == queue_type::classic)
    out.mirroring = *from.mirroring;
}

} // namespace

queue_options merge_options(const amqp::field_table& arguments, const policy* user, const policy* operators) {
  queue_options out = options_of_arguments(arguments);
  if (user || operators)
    merge_definition(out, arguments, user, operators);
  if (out.type == queue_type::quorum)
    settle_for_quorum(out);
  return out;
}

} // namespace broker

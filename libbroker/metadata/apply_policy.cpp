// Policies in force (features.md O29-O31): computed when a queue, an exchange or a policy comes or changes, so that
// using them costs nothing. A policy's change looks at every name of its vhost once with that policy's pattern only;
// whatever it neither was nor is in force for keeps its record.
#include <algorithm>

#include "metadata/state_impl.hpp"
#include "model/queue_arguments.hpp"

namespace broker {
namespace {

std::string name_of(const policy* which) {
  return which ? which->record().name : std::string{};
}

bool has_name(const std::string& in_force, const policy_ptr& which) {
  return which && in_force == which->record().name;
}

} // namespace

void metadata_state::impl::derive(const vhost_tables& vhost, queue_record& record) {
  const policy_target target = target_of(type_of_arguments(record.arguments));
  const policy* user = policy_in_force(*vhost.policies, target, record.name);
  const policy* operators = policy_in_force(*vhost.operator_policies, target, record.name);
  record.policy = name_of(user);
  record.operator_policy = name_of(operators);
  record.options = std::make_shared<const queue_options>(merge_options(record.arguments, user, operators));
}

void metadata_state::impl::derive(const vhost_tables& vhost, exchange_record& record) {
  const policy* user = policy_in_force(*vhost.policies, policy_target::exchange, record.name);
  record.policy = name_of(user);
  const auto* argument = record.arguments.find("alternate-exchange");
  const std::string* text = argument ? argument->as_string() : nullptr;
  if (text)
    record.alternate_exchange = *text;
  else
    record.alternate_exchange = user ? user->definition().alternate_exchange.value_or("") : "";
}

void metadata_state::impl::policy_changed(vhost_tables& vhost, bool operators, const policy_ptr& was,
                                          const policy_ptr& is, changes_t& changes) {
  const auto touched = [&](policy_target target, const std::string& name, const std::string& in_force) {
    return has_name(in_force, was) || (is && is->matches(target, name));
  };
  std::vector<queue_ptr> queues;
  vhost.queues.for_each([&](const queue_ptr& one) {
    if (touched(target_of(one->options->type), one->name, operators ? one->operator_policy : one->policy))
      queues.push_back(one);
  });
  std::sort(queues.begin(), queues.end(), [](const queue_ptr& a, const queue_ptr& b) { return a->name < b->name; });
  for (const queue_ptr& before : queues) {
    auto after = std::make_shared<queue_record>(*before);
    derive(vhost, *after);
    if (after->policy == before->policy && after->operator_policy == before->operator_policy
        && *after->options == *before->options)
      continue;
    place_copies(*after, false);
    replace_queue(vhost, before, std::move(after), changes);
  }
  if (operators)
    return; // no key of theirs means anything to an exchange
  for (const auto& node : vhost.exchanges.sorted()) {
    const exchange_record& before = *node->record;
    if (!touched(policy_target::exchange, before.name, before.policy))
      continue;
    auto after = std::make_shared<exchange_record>(before);
    derive(vhost, *after);
    if (after->policy != before.policy || after->alternate_exchange != before.alternate_exchange)
      own_exchange(vhost, after->name).record = std::move(after);
  }
}

command_result metadata_state::impl::apply(const put_policy& what, changes_t& changes) {
  auto compiled = policy::compile(what.policy, what.operator_policy);
  if (!compiled)
    return refused(compiled.error());
  if (!now.find_vhost(what.policy.vhost))
    return missing_vhost(what.policy.vhost);
  vhost_tables& vhost = *own_vhost(what.policy.vhost);
  auto list = std::make_shared<policy_list>(vhost.list_of(what.operator_policy));
  const policy_ptr was = take_policy_from(*list, what.policy.name);
  put_policy_into(*list, *compiled);
  (what.operator_policy ? vhost.operator_policies : vhost.policies) = std::move(list);
  policy_changed(vhost, what.operator_policy, was, *compiled, changes);
  command_result out;
  out.created = !was;
  return out;
}

command_result metadata_state::impl::apply(const delete_policy& what, changes_t& changes) {
  const vhost_tables* existing = now.find_vhost(what.vhost);
  auto list = std::make_shared<policy_list>(existing ? existing->list_of(what.operator_policy) : policy_list{});
  const policy_ptr was = take_policy_from(*list, what.name);
  if (!was)
    return refused({0, "Parameter does not exist"});
  vhost_tables& vhost = *own_vhost(what.vhost);
  (what.operator_policy ? vhost.operator_policies : vhost.policies) = std::move(list);
  policy_changed(vhost, what.operator_policy, was, nullptr, changes);
  return {};
}

} // namespace broker

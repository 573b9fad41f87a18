#include "metadata/snapshot_view.hpp"

#include <algorithm>
#include <bit>
#include <optional>

#include "amqp/reply.hpp"
#include "metadata/own_parameters.hpp"
#include "model/policy.hpp"
#include "model/queue_arguments.hpp"

namespace broker {

namespace {

std::string_view name_of(access how) {
  return how == access::configure ? "configure" : how == access::write ? "write" : "read";
}

/// Empty: no limit.
std::optional<uint64_t> limit_of(const limit_table& limits, const std::string& name) {
  const auto found = limits.find(name);
  if (found == limits.end() || found->second < 0)
    return std::nullopt;
  return static_cast<uint64_t>(found->second);
}

} // namespace

std::string resource_text(std::string_view kind, std::string_view name, std::string_view vhost) {
  std::string text{kind};
  text.append(" '").append(name).append("' in vhost '").append(vhost).append("'");
  return text;
}

bool login::has_tag(std::string_view tag) const {
  return std::find(tags.begin(), tags.end(), tag) != tags.end();
}

snapshot_view::snapshot_view(metadata_tables tables, uint64_t version, queue_id next_queue,
                             std::shared_ptr<const metadata_settings> settings)
  : tables_(std::move(tables)), version_(version), next_queue_(next_queue), settings_(std::move(settings)) {}

bool snapshot_view::vhost_exists(std::string_view vhost) const {
  return tables_.find_vhost(vhost) != nullptr;
}

queue_ptr snapshot_view::find_queue(std::string_view vhost, std::string_view name) const {
  const vhost_tables* in = tables_.find_vhost(vhost);
  const queue_ptr* found = in ? in->queues.find(name) : nullptr;
  return found ? *found : nullptr;
}

exchange_ptr snapshot_view::find_exchange(std::string_view vhost, std::string_view name) const {
  const vhost_tables* in = tables_.find_vhost(vhost);
  const ref<exchange_node>* found = in ? in->exchanges.find(name) : nullptr;
  return found ? (*found)->record : nullptr;
}

routed_by snapshot_view::route(const exchange_record& from, const message& what, std::vector<queue_ptr>& to) const {
  const vhost_tables* in = tables_.find_vhost(from.vhost);
  return in ? route_message(*in, from, what, to) : routed_by::keys;
}

bool snapshot_view::tracing(std::string_view vhost) const {
  const vhost_tables* in = tables_.find_vhost(vhost);
  return in && in->record->tracing;
}

bool snapshot_view::any_tracing() const {
  bool any = false;
  tables_.vhosts.for_each([&](const ref<vhost_tables>& one) { any = any || one->record->tracing; });
  return any;
}

// -- who may do what --------------------------------------------------------------------------------------------------

result<login> snapshot_view::authenticate(std::string_view user, std::string_view password, bool loopback) const {
  const auto* found = tables_.users.find(user);
  const bool accepted =
    found ? password_matches((*found)->hashing, (*found)->password_hash, password) : refuse_password(password);
  if (!accepted)
    return error{amqp::reply::access_refused, "user '" + std::string{user} + "' - invalid credentials"};
  const auto& local_only = settings_->loopback_users;
  if (!loopback && std::find(local_only.begin(), local_only.end(), user) != local_only.end())
    return error{amqp::reply::access_refused, "user '" + std::string{user} + "' can only connect via localhost"};
  return login{(*found)->name, (*found)->tags};
}

result<void> snapshot_view::open_vhost(const login& who, std::string_view vhost) const {
  const vhost_tables* in = tables_.find_vhost(vhost);
  if (!in)
    return amqp::not_allowed("vhost " + std::string{vhost} + " not found");
  if (!in->permissions.find(who.user))
    return amqp::not_allowed("access to vhost '" + std::string{vhost} + "' refused for user '" + who.user + "'");
  return {};
}

result<void> snapshot_view::authorise(const login& who, std::string_view vhost, resource_kind kind,
                                      std::string_view name, access how) const {
  const bool is_exchange = kind == resource_kind::exchange;
  const std::string_view shown = is_exchange && name.empty() ? "amq.default" : name;
  const vhost_tables* in = tables_.find_vhost(vhost);
  const auto* row = in ? in->permissions.find(who.user) : nullptr;
  if (row) {
    const user_rights& rights = **row;
    const bool allowed = how == access::configure ? rights.may_configure(shown)
                       : how == access::write     ? rights.may_write(shown)
                                                  : rights.may_read(shown);
    if (allowed)
      return {};
  }
  return amqp::access_refused(std::string{name_of(how)} + " access to "
                              + resource_text(is_exchange ? "exchange" : "queue", shown, vhost) + " refused for user '"
                              + who.user + "'");
}

result<void> snapshot_view::authorise_topic(const login& who, const exchange_record& exchange, access how,
                                            std::string_view routing_key) const {
  if (exchange.kind != exchange_type::topic)
    return {};
  const vhost_tables* in = tables_.find_vhost(exchange.vhost);
  if (!in || in->topic_permissions.empty())
    return {};
  const auto* row = in->topic_permissions.find(topic_rights::key_of(who.user, exchange.name));
  if (!row)
    return {};
  const bool allowed = how == access::write ? (*row)->may_write(routing_key, exchange.vhost, who.client_id)
                                            : (*row)->may_read(routing_key, exchange.vhost, who.client_id);
  if (allowed)
    return {};
  return amqp::access_refused(std::string{name_of(how)} + " access to topic '" + std::string{routing_key} + "' in "
                              + resource_text("exchange", exchange.name, exchange.vhost) + " refused for user '"
                              + who.user + "'");
}

// -- limits -----------------------------------------------------------------------------------------------------------

result<void> snapshot_view::admit_connection(const login& who, std::string_view vhost, uint64_t of_vhost,
                                             uint64_t of_user) const {
  if (const vhost_tables* in = tables_.find_vhost(vhost))
    if (const auto limit = limit_of(in->record->limits, "max-connections"); limit && of_vhost >= *limit)
      return amqp::not_allowed("access to vhost '" + std::string{vhost} + "' refused for user '" + who.user
                               + "': connection limit (" + std::to_string(*limit) + ") is reached");
  const auto* user = tables_.users.find(who.user);
  const auto limit = user ? limit_of((*user)->limits, "max-connections") : std::nullopt;
  if (limit && of_user >= *limit)
    return amqp::not_allowed("connection refused for user '" + who.user + "': user connection limit ("
                             + std::to_string(*limit) + ") is reached");
  return {};
}

result<void> snapshot_view::admit_channel(const login& who, uint64_t of_user) const {
  const auto* user = tables_.users.find(who.user);
  const auto limit = user ? limit_of((*user)->limits, "max-channels") : std::nullopt;
  if (limit && of_user >= *limit)
    return amqp::not_allowed("number of channels opened for user '" + who.user
                             + "' has reached the maximum allowed user limit of (" + std::to_string(*limit) + ")");
  return {};
}

// -- lists ------------------------------------------------------------------------------------------------------------

void snapshot_view::for_each_queue(const std::function<void(const queue_ptr&)>& visit) const {
  for (const auto& vhost : tables_.vhosts.sorted())
    for (const queue_ptr& queue : vhost->queues.sorted())
      visit(queue);
}

void snapshot_view::visit_queues(const std::function<void(const queue_ptr&)>& visit) const {
  tables_.vhosts.for_each([&](const auto& vhost) { vhost->queues.for_each(visit); });
}

static_assert(metadata_snapshot::parts_max <= decltype(vhost_tables::queues)::parts_max);

void snapshot_view::visit_queues(size_t part, size_t parts, const std::function<void(const queue_ptr&)>& visit) const {
  tables_.vhosts.for_each([&](const auto& vhost) { vhost->queues.for_each_of(part, parts, visit); });
}

uint64_t snapshot_view::queue_count() const {
  uint64_t count = 0;
  tables_.vhosts.for_each([&](const auto& vhost) { count += vhost->queues.size(); });
  return count;
}

void snapshot_view::for_each_exchange(const std::function<void(const exchange_ptr&)>& visit) const {
  for (const auto& vhost : tables_.vhosts.sorted())
    for (const auto& node : vhost->exchanges.sorted())
      visit(node->record);
}

void snapshot_view::for_each_binding(const std::function<void(std::string_view, const binding_record&)>& visit) const {
  for (const auto& vhost : tables_.vhosts.sorted())
    for (const auto& node : vhost->exchanges.sorted())
      for (const bound_ptr& binding : node->router.sorted())
        visit(vhost->name(), binding->record);
}

void snapshot_view::for_each_user(const std::function<void(const user_record&)>& visit) const {
  for (const auto& user : tables_.users.sorted())
    visit(*user);
}

void snapshot_view::for_each_permission(
  const std::function<void(std::string_view, std::string_view, const permission&)>& visit) const {
  for (const auto& vhost : tables_.vhosts.sorted())
    for (const auto& row : vhost->permissions.sorted())
      visit(vhost->name(), row->user, row->rights);
}

// -- what operators set -----------------------------------------------------------------------------------------------

result<void> metadata_snapshot::authorise_topic(const login&, const exchange_record&, access, std::string_view) const {
  return {};
}
result<void> metadata_snapshot::admit_connection(const login&, std::string_view, uint64_t, uint64_t) const {
  return {};
}
result<void> metadata_snapshot::admit_channel(const login&, uint64_t) const {
  return {};
}
void metadata_snapshot::visit_queues(size_t part, size_t, const std::function<void(const queue_ptr&)>& visit) const {
  if (part == 0)
    visit_queues(visit);
}
uint64_t metadata_snapshot::queue_count() const {
  uint64_t count = 0;
  for_each_queue([&](const queue_ptr&) { ++count; });
  return count;
}
queue_options metadata_snapshot::options_of(const queue_record& wanted) const {
  return merge_options(wanted.arguments, nullptr, nullptr);
}
std::shared_ptr<const vhost_record> metadata_snapshot::find_vhost(std::string_view) const {
  return nullptr;
}
std::shared_ptr<const user_record> metadata_snapshot::find_user(std::string_view) const {
  return nullptr;
}
void metadata_snapshot::for_each_vhost(const std::function<void(const vhost_record&)>&) const {}
void metadata_snapshot::for_each_policy(bool, const std::function<void(const policy_record&)>&) const {}
void metadata_snapshot::for_each_topic_permission(
  const std::function<void(std::string_view, std::string_view, const topic_permission&)>&) const {}
void metadata_snapshot::for_each_parameter(const std::function<void(const parameter_record&)>&) const {}
void metadata_snapshot::for_each_global_parameter(const std::function<void(const parameter_record&)>&) const {}
std::string metadata_snapshot::find_global_parameter(std::string_view) const {
  return {};
}
void metadata_snapshot::for_each_node(const std::function<void(const node_ptr&)>&) const {}

queue_options snapshot_view::options_of(const queue_record& wanted) const {
  const vhost_tables* in = tables_.find_vhost(wanted.vhost);
  if (!in)
    return metadata_snapshot::options_of(wanted);
  const policy_target target = target_of(type_of_arguments(wanted.arguments));
  return merge_options(wanted.arguments, policy_in_force(*in->policies, target, wanted.name),
                       policy_in_force(*in->operator_policies, target, wanted.name));
}

std::shared_ptr<const vhost_record> snapshot_view::find_vhost(std::string_view vhost) const {
  const vhost_tables* found = tables_.find_vhost(vhost);
  return found ? found->record : nullptr;
}

std::shared_ptr<const user_record> snapshot_view::find_user(std::string_view user) const {
  const auto* found = tables_.users.find(user);
  return found ? *found : nullptr;
}

void snapshot_view::for_each_vhost(const std::function<void(const vhost_record&)>& visit) const {
  for (const auto& vhost : tables_.vhosts.sorted())
    visit(*vhost->record);
}

void snapshot_view::for_each_policy(bool operators, const std::function<void(const policy_record&)>& visit) const {
  for (const auto& vhost : tables_.vhosts.sorted())
    for (const policy_ptr& one : vhost->list_of(operators))
      visit(one->record());
}

void snapshot_view::for_each_topic_permission(
  const std::function<void(std::string_view, std::string_view, const topic_permission&)>& visit) const {
  for (const auto& vhost : tables_.vhosts.sorted())
    for (const auto& row : vhost->topic_permissions.sorted())
      visit(vhost->name(), row->user, row->rights);
}

void snapshot_view::for_each_parameter(const std::function<void(const parameter_record&)>& visit) const {
  for (const auto& vhost : tables_.vhosts.sorted())
    for (const auto& one : vhost->parameters.sorted())
      visit(one->record);
}

void snapshot_view::for_each_global_parameter(const std::function<void(const parameter_record&)>& visit) const {
  for (const auto& one : tables_.global_parameters.sorted())
    if (!is_own_parameter(one->record.name))
      visit(one->record);
}

std::string snapshot_view::find_global_parameter(std::string_view name) const {
  const auto* found = tables_.global_parameters.find(parameter_entry{{"", "", std::string{name}, {}}}.key);
  return found ? (*found)->record.value : std::string{};
}

size_t parts_of(const metadata_snapshot& in, size_t queues) {
  const size_t least = in.queue_count() / queues;
  return std::bit_ceil(std::clamp<size_t>(least, 1, metadata_snapshot::parts_max));
}

// -- the cluster ------------------------------------------------------------------------------------------------------

void snapshot_view::for_each_node(const std::function<void(const node_ptr&)>& visit) const {
  for (const node_ptr& one : *tables_.nodes)
    visit(one);
}

node_ptr metadata_snapshot::find_node(std::string_view name) const {
  node_ptr found;
  for_each_node([&](const node_ptr& one) {
    if (one->name == name)
      found = one;
  });
  return found;
}

node_ptr metadata_snapshot::find_node(uint64_t id) const {
  node_ptr found;
  for_each_node([&](const node_ptr& one) {
    if (one->id == id)
      found = one;
  });
  return found;
}

} // namespace broker

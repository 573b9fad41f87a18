#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/limits.hpp"
#include "metadata/state_impl.hpp"
#include "model/json.hpp"

namespace broker {
namespace {

/// Parameters of plug-ins that this version has a use for, now or once it has the part they belong to (O28: they must
/// survive export and import). Policies and limits have commands of their own.
constexpr std::string_view components[] = {"federation-upstream", "federation-upstream-set", "shovel"};

error validation_failed(const std::string& why) {
  return {0, "Validation failed\n\n" + why};
}

} // namespace

command_result missing_vhost(const std::string& name) {
  return refused({0, "Virtual host " + name + " does not exist"});
}

result<void> check_limits(const limit_table& limits, std::initializer_list<std::string_view> known) {
  std::string strangers;
  for (const auto& [name, value] : limits)
    if (std::find(known.begin(), known.end(), name) == known.end())
      strangers += (strangers.empty() ? "{<<\"" : ",{<<\"") + name + "\">>," + std::to_string(value) + "}";
  if (strangers.empty())
    return {};
  return validation_failed("Unrecognised terms [" + strangers + "] in limits");
}

command_result metadata_state::impl::apply(const put_vhost& what, changes_t& changes) {
  const std::string& name = what.vhost.name;
  const vhost_tables* existing = now.find_vhost(name);
  if (existing && what.must_be_new)
    return refused({0, "Virtual host \"" + name + "\" already exists"});
  if (name.empty() || name.size() > limits::name_max_bytes)
    return refused({0, "a virtual host's name has 1 to " + std::to_string(limits::name_max_bytes) + " octets"});
  const std::string& type = what.vhost.default_queue_type;
  if (!type.empty() && type != "undefined" && !parse_queue_type(type))
    return refused({0, "Unsupported default queue type: " + type});
  if (auto known = check_limits(what.vhost.limits, {"max-connections", "max-queues"}); !known)
    return refused(known.error());
  vhost_record record = what.vhost;
  if (type == "undefined")
    record.default_queue_type.clear();
  command_result out;
  out.created = !existing;
  if (existing) { // set_tracing and set_vhost_limits change these
    record.tracing = existing->record->tracing;
    record.limits = existing->record->limits;
    own_vhost(name)->record = std::make_shared<const vhost_record>(std::move(record));
    return out;
  }
  create_vhost(std::move(record));
  changed = true;
  changes.push_back({metadata_change::kind::vhost_created, nullptr, name});
  return out;
}

command_result metadata_state::impl::apply(const delete_vhost& what, changes_t& changes) {
  if (!now.find_vhost(what.name))
    return refused({0, "Virtual host '" + what.name + "' does not exist"});
  vhost_tables& vhost = *own_vhost(what.name);
  for (const queue_ptr& queue : vhost.queues.sorted())
    remove_queue(vhost, queue, false, changes);
  for (const auto& exchange : vhost.exchanges.sorted())
    remove_exchange(vhost, exchange->record->name, false, changes);
  now.vhosts.erase(what.name);
  changes.push_back({metadata_change::kind::vhost_deleted, nullptr, what.name});
  return {};
}

command_result metadata_state::impl::apply(const set_vhost_limits& what, changes_t&) {
  const vhost_tables* vhost = now.find_vhost(what.vhost);
  if (!vhost)
    return missing_vhost(what.vhost);
  if (auto known = check_limits(what.limits, {"max-connections", "max-queues"}); !known)
    return refused(known.error());
  vhost_record record = *vhost->record;
  record.limits = what.limits;
  own_vhost(what.vhost)->record = std::make_shared<const vhost_record>(std::move(record));
  return {};
}

command_result metadata_state::impl::apply(const set_tracing& what, changes_t&) {
  const vhost_tables* vhost = now.find_vhost(what.vhost);
  if (!vhost)
    return missing_vhost(what.vhost);
  vhost_record record = *vhost->record;
  record.tracing = what.on;
  own_vhost(what.vhost)->record = std::make_shared<const vhost_record>(std::move(record));
  return {};
}

command_result metadata_state::impl::apply(const set_parameter& what, changes_t&) {
  parameter_record record = what.parameter;
  const auto value = parse_json(record.value, limits::definition_bytes_max);
  if (!value)
    return refused(value.error());
  record.value = value->dump();
  if (record.component.empty()) {
    record.vhost.clear();
    now.global_parameters.put(std::make_shared<const parameter_entry>(std::move(record)));
    changed = true;
    return {};
  }
  if (std::find(std::begin(components), std::end(components), record.component) == std::end(components))
    return refused(validation_failed("component " + record.component + " not found"));
  if (!now.find_vhost(record.vhost))
    return missing_vhost(record.vhost);
  auto& parameters = own_vhost(record.vhost)->parameters;
  parameters.put(std::make_shared<const parameter_entry>(std::move(record)));
  return {};
}

command_result metadata_state::impl::apply(const clear_parameter& what, changes_t&) {
  const std::string key = parameter_entry{{what.vhost, what.component, what.name, {}}}.key;
  const error missing{0, "Parameter does not exist"};
  if (what.component.empty()) {
    if (!now.global_parameters.erase(key))
      return refused(missing);
    changed = true;
    return {};
  }
  const vhost_tables* vhost = now.find_vhost(what.vhost);
  if (!vhost || !vhost->parameters.find(key))
    return refused(missing);
  own_vhost(what.vhost)->parameters.erase(key);
  return {};
}

} // namespace broker

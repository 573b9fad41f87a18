#include "amqp/reply.hpp"
#include "metadata/equivalence.hpp"
#include "metadata/state_impl.hpp"

namespace broker {
namespace {

error not_on_default_exchange() {
  return amqp::access_refused("operation not permitted on the default exchange");
}

bool is_reserved(std::string_view name) {
  return name.substr(0, 4) == "amq.";
}

/// The far end of a binding in `vhost`; empty if it is missing.
destination resolve(const vhost_tables& vhost, const binding_record& binding) {
  destination to;
  if (binding.to_exchange) {
    if (const ref<exchange_node>* found = vhost.exchanges.find(binding.destination))
      to.exchange = (*found)->record;
  } else if (const auto* found = vhost.queues.find(binding.destination)) {
    to.queue = *found;
  }
  return to;
}

bool is_of_default_exchange(const binding_record& binding) {
  return binding.source.empty() || (binding.to_exchange && binding.destination.empty());
}

/// Both ends of a binding exist and are open to the connection.
result<void> check_ends(const vhost_tables& vhost, const binding_record& binding, connection_id by) {
  if (is_of_default_exchange(binding))
    return not_on_default_exchange();
  if (!vhost.exchanges.find(binding.source))
    return amqp::not_found("no " + resource_text("exchange", binding.source, vhost.name()));
  const destination to = resolve(vhost, binding);
  if (!to.queue && !to.exchange)
    return amqp::not_found(
      "no " + resource_text(binding.to_exchange ? "exchange" : "queue", binding.destination, vhost.name()));
  return to.queue ? check_access(*to.queue, by) : result<void>{};
}

} // namespace

command_result metadata_state::impl::apply(const declare_exchange& what, changes_t& changes) {
  const exchange_record& wanted = what.exchange;
  const vhost_tables* vhost = now.find_vhost(wanted.vhost);
  if (!vhost)
    return no_such_vhost(wanted.vhost);
  const exchange_plugin_ptr type = settings->exchange_types->find(wanted.type);
  if (!type)
    return refused(unknown_exchange_type(wanted.type));
  if (wanted.name.empty())
    return refused(not_on_default_exchange());
  command_result out;
  if (const ref<exchange_node>* existing = vhost->exchanges.find(wanted.name)) {
    if (auto equal = check_equivalent(*(*existing)->record, wanted); !equal)
      return refused(equal.error());
    return out;
  }
  if (is_reserved(wanted.name))
    return refused(amqp::access_refused("exchange name '" + wanted.name + "' contains reserved prefix 'amq.*'"));
  if (auto valid = type->validate(wanted, *settings->exchange_types); !valid)
    return refused(valid.error());
  exchange_record record = wanted;
  record.delay_queue = type->delays() ? make_delay_queue(wanted) : nullptr;
  if (record.delay_queue)
    changes.push_back({metadata_change::kind::queue_created, record.delay_queue, {}});
  insert_exchange(*own_vhost(wanted.vhost), std::move(record));
  out.created = true;
  return out;
}

command_result metadata_state::impl::apply(const delete_exchange& what, changes_t& changes) {
  if (what.name.empty())
    return refused(not_on_default_exchange());
  if (is_reserved(what.name))
    return refused(
      amqp::access_refused("deletion of system " + resource_text("exchange", what.name, what.vhost) + " not allowed"));
  const vhost_tables* vhost = now.find_vhost(what.vhost);
  const ref<exchange_node>* found = vhost ? vhost->exchanges.find(what.name) : nullptr;
  if (!found)
    return {};
  if (what.if_unused && (*found)->router.size() != 0)
    return refused(amqp::precondition_failed(resource_text("exchange", what.name, what.vhost) + " in use"));
  remove_exchange(*own_vhost(what.vhost), what.name, true, changes);
  return {};
}

command_result metadata_state::impl::apply(const bind& what, changes_t&) {
  const vhost_tables* vhost = now.find_vhost(what.vhost);
  if (!vhost)
    return no_such_vhost(what.vhost);
  if (auto ends = check_ends(*vhost, what.binding, what.by); !ends)
    return refused(ends.error());
  binding_record record = what.binding;
  sort_arguments(record.arguments);
  const exchange_node& source = **vhost->exchanges.find(record.source);
  command_result out;
  if (source.router.has(binding_identity(record)))
    return out;
  if (auto valid = check_binding(*source.record, record); !valid)
    return refused(valid.error());
  const auto inserted = insert_binding(*own_vhost(what.vhost), std::move(record));
  BROKER_ASSERT(inserted.ok() && *inserted, "checked before");
  out.created = true;
  return out;
}

command_result metadata_state::impl::apply(const unbind& what, changes_t& changes) {
  const vhost_tables* vhost = now.find_vhost(what.vhost);
  if (!vhost)
    return no_such_vhost(what.vhost);
  if (is_of_default_exchange(what.binding))
    return refused(not_on_default_exchange());
  binding_record record = what.binding;
  sort_arguments(record.arguments);
  const std::string identity = binding_identity(record);
  const ref<exchange_node>* const source = vhost->exchanges.find(record.source);
  if (!source || !(*source)->router.has(identity))
    return {};
  if (const auto queue = resolve(*vhost, record).queue) // what is not bound is not looked at, as RabbitMQ's is not
    if (auto open = check_access(*queue, what.by); !open)
      return refused(open.error());
  vhost_tables& own = *own_vhost(what.vhost);
  forget_binding(own.name(), *own_exchange(own, record.source).router.unbind(identity));
  delete_unused_exchanges(own, {record.source}, changes);
  return {};
}

queue_ptr metadata_state::impl::make_delay_queue(const exchange_record& exchange) {
  auto queue = std::make_shared<queue_record>();
  queue->id = next_queue++;
  queue->vhost = exchange.vhost;
  queue->name = "amq.delayed." + exchange.name;
  queue->durable = exchange.durable;
  queue->delays_for = exchange.name;
  queue->node = exchange.delay_queue ? exchange.delay_queue->node : std::string{};
  queue->options = std::make_shared<const queue_options>();
  return queue;
}

void metadata_state::impl::insert_exchange(vhost_tables& vhost, exchange_record record) {
  const auto resolved = resolve_type(record, *settings->exchange_types);
  BROKER_ASSERT(resolved.ok(), "the type has been checked before");
  derive(vhost, record);
  exchange_router router{record, *settings->exchange_types};
  auto shared = std::make_shared<const exchange_record>(std::move(record));
  const bool added = vhost.exchanges.put(make_ref<exchange_node>(std::move(shared), std::move(router)));
  BROKER_ASSERT(added, "an exchange is inserted once");
}

result<void> metadata_state::impl::check_binding(const exchange_record& source, const binding_record& record) const {
  const exchange_types& types = *settings->exchange_types;
  return types.find(source.type)->validate_binding(source, record, types);
}

result<bool> metadata_state::impl::insert_binding(vhost_tables& vhost, binding_record record) {
  auto binding = std::make_shared<bound>();
  binding->identity = binding_identity(record);
  binding->to = resolve(vhost, record);
  BROKER_ASSERT(binding->to.queue || binding->to.exchange, "the destination exists");
  exchange_node& source = own_exchange(vhost, record.source);
  if (auto valid = check_binding(*source.record, record); !valid)
    return valid.error();
  binding->record = std::move(record);
  if (!source.router.bind(binding))
    return false;
  bindings_to[{vhost.name(), binding->record.destination, binding->record.to_exchange}].insert(
    {binding->record.source, binding->identity});
  return true;
}

void metadata_state::impl::forget_binding(const std::string& vhost, const bound& binding) {
  const auto at = bindings_to.find({vhost, binding.record.destination, binding.record.to_exchange});
  BROKER_ASSERT(at != bindings_to.end(), "every binding is indexed by its destination");
  at->second.erase({binding.record.source, binding.identity});
  if (at->second.empty())
    bindings_to.erase(at);
}

std::set<std::string> metadata_state::impl::remove_bindings_to(vhost_tables& vhost, bool to_exchange,
                                                               const std::string& name) {
  std::set<std::string> sources;
  const auto at = bindings_to.find({vhost.name(), name, to_exchange});
  if (at == bindings_to.end())
    return sources;
  for (const auto& [source, identity] : at->second) {
    const bound_ptr removed = own_exchange(vhost, source).router.unbind(identity);
    BROKER_ASSERT(removed != nullptr, "the index knows only bindings that exist");
    sources.insert(source);
  }
  bindings_to.erase(at);
  return sources;
}

void metadata_state::impl::forget_delay_queue(const exchange_record& exchange, changes_t& changes) {
  if (exchange.delay_queue)
    changes.push_back({metadata_change::kind::queue_deleted, exchange.delay_queue, {}});
}

void metadata_state::impl::remove_exchange(vhost_tables& vhost, const std::string& name, bool cascade,
                                           changes_t& changes) {
  for (const bound_ptr& binding : (*vhost.exchanges.find(name))->router.sorted())
    forget_binding(vhost.name(), *binding);
  const std::string keep = name; // NOLINT(performance-unnecessary-copy-initialization): it may live in the record
  // A binding from the exchange to itself has just been forgotten and goes with the router.
  std::set<std::string> sources = remove_bindings_to(vhost, true, keep);
  forget_delay_queue(*(*vhost.exchanges.find(keep))->record, changes);
  vhost.exchanges.erase(keep);
  sources.erase(keep);
  if (cascade)
    delete_unused_exchanges(vhost, std::move(sources), changes);
}

void metadata_state::impl::delete_unused_exchanges(vhost_tables& vhost, std::set<std::string> sources,
                                                   changes_t& changes) {
  while (!sources.empty()) {
    const std::string name = *sources.begin();
    sources.erase(sources.begin());
    const ref<exchange_node>* found = vhost.exchanges.find(name);
    if (!found || !(*found)->record->auto_delete || (*found)->router.size() != 0)
      continue;
    sources.merge(remove_bindings_to(vhost, true, name));
    forget_delay_queue(*(*vhost.exchanges.find(name))->record, changes);
    vhost.exchanges.erase(name);
  }
}

} // namespace broker

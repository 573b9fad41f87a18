#include "metadata/metadata_state.hpp"

#include <utility>

#include "amqp/reply.hpp"
#include "metadata/snapshot_view.hpp"
#include "metadata/state_impl.hpp"

namespace broker {

command_result no_such_vhost(std::string_view name) {
  return refused(amqp::not_allowed("vhost " + std::string{name} + " not found"));
}

metadata_state::impl::impl(metadata_settings what)
  : settings(std::make_shared<const metadata_settings>(std::move(what))) {
  vhost_record first;
  first.name = settings->default_vhost;
  first.description = "Default virtual host";
  create_vhost(std::move(first));
}

vhost_tables* metadata_state::impl::own_vhost(std::string_view name) {
  ref<vhost_tables>* slot = now.vhosts.find_mutable(name);
  if (!slot)
    return nullptr;
  if (!(*slot)->unique()) {
    auto copy = make_ref<vhost_tables>();
    copy->record = (*slot)->record;
    copy->queues = (*slot)->queues;
    copy->exchanges = (*slot)->exchanges;
    copy->permissions = (*slot)->permissions;
    copy->topic_permissions = (*slot)->topic_permissions;
    copy->policies = (*slot)->policies;
    copy->operator_policies = (*slot)->operator_policies;
    copy->parameters = (*slot)->parameters;
    *slot = std::move(copy);
  }
  changed = true;
  return slot->get();
}

exchange_node& metadata_state::impl::own_exchange(vhost_tables& vhost, std::string_view name) {
  ref<exchange_node>* slot = vhost.exchanges.find_mutable(name);
  BROKER_ASSERT(slot != nullptr, "the exchange has been found before");
  if (!(*slot)->unique())
    *slot = make_ref<exchange_node>((*slot)->record, (*slot)->router);
  return **slot;
}

void metadata_state::impl::create_vhost(vhost_record what) {
  struct builtin {
    const char* name;
    const char* type;
    bool internal;
  };
  // W35
  constexpr builtin builtins[] = {{"", "direct", false},
                                  {"amq.direct", "direct", false},
                                  {"amq.fanout", "fanout", false},
                                  {"amq.topic", "topic", false},
                                  {"amq.headers", "headers", false},
                                  {"amq.match", "headers", false},
                                  {"amq.rabbitmq.trace", "topic", true}};
  auto vhost = make_ref<vhost_tables>();
  vhost->record = std::make_shared<const vhost_record>(std::move(what));
  for (const builtin& one : builtins) {
    exchange_record record;
    record.vhost = vhost->name();
    record.name = one.name;
    record.type = one.type;
    record.durable = true;
    record.internal = one.internal;
    insert_exchange(*vhost, std::move(record));
  }
  now.vhosts.put(std::move(vhost));
}

metadata_state::metadata_state(metadata_settings settings) : impl_(std::make_unique<impl>(std::move(settings))) {}
metadata_state::~metadata_state() = default;

std::optional<command_result> metadata_state::apply(const proposed_command& what,
                                                    std::vector<metadata_change>& changes) {
  if (!impl_->admit(what))
    return std::nullopt;
  impl_->by = what.by;
  command_result out = apply(what.what, changes);
  impl_->by = {};
  if (!impl_->find_node(what.by.node)) // refused to start, or forgotten just now
    impl_->proposers.erase(what.by.node);
  return out;
}

command_result metadata_state::apply(const command& what, std::vector<metadata_change>& changes) {
  impl_->changed = false;
  command_result out = std::visit([&](const auto& one) { return impl_->apply(one, changes); }, what);
  BROKER_ASSERT(out.ok() || !impl_->changed, "a refused command changes nothing");
  if (impl_->changed) {
    ++impl_->version;
    impl_->current = nullptr;
  }
  return out;
}

// Caches compare versions, so they rise whatever takes the place of what.
void metadata_state::change_places(metadata_state& fresh) {
  fresh.impl_->version = impl_->version + 1;
  fresh.impl_->current = nullptr;
  std::swap(impl_, fresh.impl_);
}

snapshot_ptr metadata_state::snapshot() const {
  if (!impl_->current)
    impl_->current =
      std::make_shared<const snapshot_view>(impl_->now, impl_->version, impl_->next_queue, impl_->settings);
  return impl_->current;
}

snapshot_ptr metadata_state::snapshot_before_queues() const {
  return std::make_shared<const snapshot_view>(impl_->now, impl_->version, queue_id{1}, impl_->settings);
}

} // namespace broker

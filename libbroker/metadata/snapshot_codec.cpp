// The whole state as bytes. Everything in the order of names, so that equal states give equal bytes whatever led to
// them.
#include "metadata/records_codec.hpp"
#include "metadata/state_impl.hpp"

namespace broker {
namespace {

constexpr uint64_t snapshot_magic = 0x574152524d455441u; // "WARRMETA"
constexpr uint32_t snapshot_format = 1;

error not_a_snapshot(const std::string& why) {
  return {0, "not a metadata snapshot: " + why};
}

void write_vhost(const vhost_tables& from, proto::Vhost& to) {
  to.set_name(from.name);
  for (const auto& queue : from.queues.sorted())
    to_proto(*queue, *to.add_queues());
  for (const auto& node : from.exchanges.sorted()) {
    to_proto(*node->record, *to.add_exchanges());
    for (const bound_ptr& binding : node->router.sorted())
      to_proto(binding->record, *to.add_bindings());
  }
  for (const auto& row : from.permissions.sorted()) {
    auto& out = *to.add_permissions();
    out.set_user(row->user);
    to_proto(row->rights, *out.mutable_rights());
  }
}

} // namespace

std::string metadata_state::serialise() const {
  proto::MetadataSnapshot out;
  out.set_magic(snapshot_magic);
  out.set_format(snapshot_format);
  out.set_next_queue_id(impl_->next_queue);
  out.set_seeded(impl_->seeded);
  for (const auto& vhost : impl_->now.vhosts.sorted())
    write_vhost(*vhost, *out.add_vhosts());
  for (const auto& user : impl_->now.users.sorted())
    to_proto(*user, *out.add_users());
  std::string bytes = out.SerializeAsString();
  BROKER_ASSERT(!bytes.empty(), "metadata beyond Protobuf's 2 GiB");
  return bytes;
}

result<void> metadata_state::impl::read_vhost(const proto::Vhost& from) {
  auto vhost = make_ref<vhost_tables>();
  vhost->name = from.name();
  for (const proto::Queue& one : from.queues()) {
    auto record = from_proto(one);
    if (!record)
      return record.error();
    if (record->id == 0 || record->id >= next_queue || record->vhost != vhost->name || vhost->queues.find(record->name))
      return not_a_snapshot("queue '" + record->name + "'");
    insert_queue(*vhost, std::make_shared<const queue_record>(std::move(*record)));
  }
  for (const proto::Exchange& one : from.exchanges()) {
    auto record = from_proto(one);
    if (!record)
      return record.error();
    if (record->vhost != vhost->name || vhost->exchanges.find(record->name))
      return not_a_snapshot("exchange '" + record->name + "'");
    if (record->delay_queue && (record->delay_queue->id == 0 || record->delay_queue->id >= next_queue))
      return not_a_snapshot("the hidden queue of exchange '" + record->name + "'");
    const exchange_plugin_ptr type = settings->exchange_types->find(record->type);
    if (!type)
      return error{0, resource_text("exchange", record->name, record->vhost) + " is of type '" + record->type
                        + "', which no plug-in of this node provides"};
    if (auto valid = type->validate(*record, *settings->exchange_types); !valid)
      return error{0, resource_text("exchange", record->name, record->vhost) + ": " + valid.error().text};
    insert_exchange(*vhost, std::move(*record));
  }
  for (const proto::Binding& one : from.bindings()) {
    auto record = from_proto(one);
    if (!record)
      return record.error();
    if (auto done = insert_read_binding(*vhost, std::move(*record)); !done)
      return done;
  }
  for (const proto::UserPermission& one : from.permissions()) {
    auto rights = user_rights::compile(one.user(), from_proto(one.rights()));
    if (!rights)
      return rights.error();
    vhost->permissions.put(*rights);
  }
  now.vhosts.put(std::move(vhost));
  return {};
}

result<void> metadata_state::impl::insert_read_binding(vhost_tables& vhost, binding_record record) {
  const bool has_destination = record.to_exchange ? vhost.exchanges.find(record.destination) != nullptr
                                                  : vhost.queues.find(record.destination) != nullptr;
  if (!has_destination || !vhost.exchanges.find(record.source))
    return not_a_snapshot("a binding from '" + record.source + "' to '" + record.destination + "' leads nowhere");
  const auto inserted = insert_binding(vhost, std::move(record));
  return inserted ? result<void>{} : inserted.error();
}

result<void> metadata_state::restore(std::string_view bytes) {
  proto::MetadataSnapshot from;
  if (!from.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || from.magic() != snapshot_magic)
    return not_a_snapshot(std::to_string(bytes.size()) + " bytes of something else");
  if (from.format() != snapshot_format)
    return not_a_snapshot("format " + std::to_string(from.format()) + ", this version knows "
                          + std::to_string(snapshot_format));
  auto fresh = std::make_unique<impl>(*impl_->settings);
  fresh->now = {};
  fresh->next_queue = from.next_queue_id();
  fresh->seeded = from.seeded();
  fresh->version = impl_->version + 1;
  for (const proto::Vhost& one : from.vhosts())
    if (auto done = fresh->read_vhost(one); !done)
      return done;
  for (const proto::User& one : from.users())
    fresh->now.users.put(std::make_shared<const user_record>(from_proto(one)));
  impl_ = std::move(fresh);
  return {};
}

} // namespace broker

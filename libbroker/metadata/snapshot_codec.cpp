// The whole state as bytes. Everything in the order of names, so that equal states give equal bytes whatever led to
// them.
#include "metadata/records_codec.hpp"
#include "metadata/state_hashes.hpp"
#include "metadata/state_impl.hpp"

namespace broker {
namespace {

constexpr uint64_t snapshot_magic = 0x574152524d455441u; // "WARRMETA"
constexpr uint32_t snapshot_format = 1;

error not_a_snapshot(const std::string& why) {
  return {0, "not a metadata snapshot: " + why};
}

void write_vhost(const vhost_tables& from, proto::Vhost& to) {
  to.set_name(from.name());
  to_proto(*from.record, *to.mutable_record());
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
  for (const auto& row : from.topic_permissions.sorted()) {
    auto& out = *to.add_topic_permissions();
    out.set_user(row->user);
    to_proto(row->rights, *out.mutable_rights());
  }
  for (const policy_ptr& one : *from.policies)
    to_proto(one->record(), *to.add_policies());
  for (const policy_ptr& one : *from.operator_policies)
    to_proto(one->record(), *to.add_operator_policies());
  for (const auto& one : from.parameters.sorted())
    to_proto(one->record, *to.add_parameters());
}

/// A copy of what metadata_state::impl holds, but for its indexes.
struct state_image final : metadata_image {
  std::string serialise() const override;

  metadata_tables now;
  queue_id next_queue = 1;
  bool seeded = false;
  uint64_t next_node = 1;
  uint64_t next_run = 1;
  std::map<uint64_t, proposer> proposers;
};

result<void> read_policies(const google::protobuf::RepeatedPtrField<proto::Policy>& from, bool operators,
                           std::shared_ptr<const policy_list>& to) {
  auto list = std::make_shared<policy_list>();
  for (const proto::Policy& one : from) {
    auto compiled = policy::compile(from_proto(one), operators);
    if (!compiled)
      return not_a_snapshot("policy '" + one.name() + "': " + compiled.error().text);
    put_policy_into(*list, *compiled);
  }
  to = std::move(list);
  return {};
}

/// Permissions, policies and parameters.
result<void> read_rules(const proto::Vhost& from, vhost_tables& to) {
  for (const proto::UserPermission& one : from.permissions()) {
    auto rights = user_rights::compile(one.user(), from_proto(one.rights()));
    if (!rights)
      return rights.error();
    to.permissions.put(*rights);
  }
  for (const proto::UserTopicPermission& one : from.topic_permissions()) {
    auto rights = topic_rights::compile(one.user(), from_proto(one.rights()));
    if (!rights)
      return rights.error();
    to.topic_permissions.put(*rights);
  }
  for (const proto::Parameter& one : from.parameters())
    to.parameters.put(std::make_shared<const parameter_entry>(from_proto(one)));
  if (auto done = read_policies(from.policies(), false, to.policies); !done)
    return done;
  return read_policies(from.operator_policies(), true, to.operator_policies);
}

} // namespace

std::string state_image::serialise() const {
  proto::MetadataSnapshot out;
  out.set_magic(snapshot_magic);
  out.set_format(snapshot_format);
  out.set_next_queue_id(next_queue);
  out.set_seeded(seeded);
  for (const auto& vhost : now.vhosts.sorted())
    write_vhost(*vhost, *out.add_vhosts());
  for (const auto& user : now.users.sorted())
    to_proto(*user, *out.add_users());
  for (const auto& one : now.global_parameters.sorted())
    to_proto(one->record, *out.add_global_parameters());
  for (const node_ptr& one : *now.nodes) {
    const auto last = proposers.find(one->id);
    to_proto(*one, last == proposers.end() ? proposer{} : last->second, *out.add_nodes());
  }
  out.set_next_node_id(next_node);
  out.set_next_run(next_run);
  out.set_cluster(now.cluster);
  std::string bytes = out.SerializeAsString();
  BROKER_ASSERT(!bytes.empty(), "metadata beyond Protobuf's 2 GiB");
  return bytes;
}

// -- hashes
// -------------------------------------------------------------------------------------------------------------

template<class Record, class Bytes>
uint64_t state_hashes::of_record(const std::shared_ptr<const Record>& record, Bytes bytes) {
  known& one = known_[record.get()];
  if (!one.record)
    one = {record, hash_bytes(bytes(*record))};
  return one.hash;
}

/// The parts of serialise(), in its order; of each kind how many there are.
uint64_t state_hashes::of(const metadata_image& image) {
  const auto* all = dynamic_cast<const state_image*>(&image);
  BROKER_ASSERT(all != nullptr, "an image of metadata_state");
  if (known_.size() > 10'000)
    known_.clear();
  std::string parts;
  const auto put = [&](uint64_t value) { parts.append(reinterpret_cast<const char*>(&value), sizeof value); };
  const auto encoded = [](const auto& from, auto to) {
    to_proto(from, to);
    return to.SerializeAsString();
  };
  const auto named = [](const auto& row, auto to) {
    to.set_user(row.user);
    to_proto(row.rights, *to.mutable_rights());
    return to.SerializeAsString();
  };
  const auto parameter = [&](const parameter_entry& one) { return encoded(one.record, proto::Parameter{}); };
  const auto rule = [&](const policy& one) { return encoded(one.record(), proto::Policy{}); };
  const auto put_all = [&](const auto& records, const auto& bytes) {
    put(records.size());
    for (const auto& one : records)
      put(of_record(one, bytes));
  };
  put(all->next_queue);
  put(all->seeded ? 1 : 0);
  put(all->next_node);
  put(all->next_run);
  put(all->now.cluster);
  put(all->now.vhosts.size());
  for (const auto& vhost : all->now.vhosts.sorted()) {
    put(of_record(vhost->record,
                  [&](const vhost_record& one) { return one.name + '\0' + encoded(one, proto::VhostRecord{}); }));
    put_all(vhost->queues.sorted(), [&](const queue_record& one) { return encoded(one, proto::Queue{}); });
    put(vhost->exchanges.size());
    for (const auto& node : vhost->exchanges.sorted()) {
      put(of_record(node->record, [&](const exchange_record& one) { return encoded(one, proto::Exchange{}); }));
      put_all(node->router.sorted(), [&](const bound& one) { return encoded(one.record, proto::Binding{}); });
    }
    put_all(vhost->permissions.sorted(), [&](const user_rights& one) { return named(one, proto::UserPermission{}); });
    put_all(vhost->topic_permissions.sorted(),
            [&](const topic_rights& one) { return named(one, proto::UserTopicPermission{}); });
    put_all(*vhost->policies, rule);
    put_all(*vhost->operator_policies, rule);
    put_all(vhost->parameters.sorted(), parameter);
  }
  put_all(all->now.users.sorted(), [&](const user_record& one) { return encoded(one, proto::User{}); });
  put_all(all->now.global_parameters.sorted(), parameter);
  put(all->now.nodes->size());
  for (const node_ptr& one : *all->now.nodes) {
    put(of_record(one, [&](const node_record& node) {
      proto::Node to;
      to_proto(node, proposer{}, to);
      return to.SerializeAsString();
    }));
    const auto last = all->proposers.find(one->id);
    put(last == all->proposers.end() ? 0 : last->second.run);
    put(last == all->proposers.end() ? 0 : last->second.sequence);
  }
  return hash_bytes(parts);
}

std::shared_ptr<const metadata_image> metadata_state::image() const {
  auto image = std::make_shared<state_image>();
  image->now = impl_->now;
  image->next_queue = impl_->next_queue;
  image->seeded = impl_->seeded;
  image->next_node = impl_->next_node;
  image->next_run = impl_->next_run;
  image->proposers = impl_->proposers;
  return image;
}

result<queue_ptr> metadata_state::impl::read_queue(const vhost_tables& vhost, const proto::Queue& from) const {
  auto record = from_proto(from);
  if (!record)
    return record.error();
  if (record->id == 0 || record->id >= next_queue || record->vhost != vhost.name() || vhost.queues.find(record->name))
    return not_a_snapshot("queue '" + record->name + "'");
  if (record->placement) {
    if (!settings->replication)
      return not_a_snapshot("queue '" + record->name + "' is replicated, and this node replicates none");
    const node_ptr master = find_node(uint64_t{record->placement->master});
    if (!master || master->name != record->node || record->placement->mastership != record->mastership)
      return not_a_snapshot("the master of queue '" + record->name + "'");
  }
  derive(vhost, *record);
  return queue_ptr{std::make_shared<const queue_record>(std::move(*record))};
}

result<void> metadata_state::impl::read_vhost(const proto::Vhost& from) {
  auto vhost = make_ref<vhost_tables>();
  vhost_record described = from_proto(from.record());
  described.name = from.name(); // snapshots of part 1 have no record
  vhost->record = std::make_shared<const vhost_record>(std::move(described));
  if (auto done = read_rules(from, *vhost); !done) // first: queues and exchanges are derived from them
    return done;
  for (const proto::Queue& one : from.queues()) {
    auto record = read_queue(*vhost, one);
    if (!record)
      return record.error();
    insert_queue(*vhost, std::move(*record));
  }
  for (const proto::Exchange& one : from.exchanges()) {
    auto record = from_proto(one);
    if (!record)
      return record.error();
    if (record->vhost != vhost->name() || vhost->exchanges.find(record->name))
      return not_a_snapshot("exchange '" + record->name + "'");
    if (record->delay_queue && (record->delay_queue->id == 0 || record->delay_queue->id >= next_queue))
      return not_a_snapshot("the hidden queue of exchange '" + record->name + "'");
    const exchange_plugin_ptr type = settings->exchange_types->find(record->type);
    if (!type)
      return error{0, resource_text("exchange", record->name, record->vhost) + " is of type '" + record->type
                        + "', which no plug-in of this node provides"};
    if (auto valid = type->validate(*record, *settings->exchange_types); !valid)
      return error{0, resource_text("exchange", record->name, record->vhost) + ": " + valid.error().text};
    if (record->delay_queue) {
      auto hidden = std::make_shared<queue_record>(*record->delay_queue);
      hidden->options = std::make_shared<const queue_options>();
      hidden->placement = nullptr; // such queues are not replicated
      record->delay_queue = std::move(hidden);
    }
    insert_exchange(*vhost, std::move(*record));
  }
  for (const proto::Binding& one : from.bindings()) {
    auto record = from_proto(one);
    if (!record)
      return record.error();
    if (auto done = insert_read_binding(*vhost, std::move(*record)); !done)
      return done;
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

result<void> metadata_state::impl::read_nodes(const proto::MetadataSnapshot& from) {
  next_node = std::max<uint64_t>(from.next_node_id(), 1);
  next_run = std::max<uint64_t>(from.next_run(), 1);
  now.cluster = from.cluster();
  auto nodes = std::make_shared<std::vector<node_ptr>>();
  for (const proto::Node& one : from.nodes()) {
    const uint64_t before = nodes->empty() ? 0 : nodes->back()->id;
    if (one.id() <= before || one.id() >= next_node || one.run() >= next_run)
      return not_a_snapshot("node '" + one.name() + "'");
    nodes->push_back(std::make_shared<const node_record>(from_proto(one)));
    if (one.proposer_run() != 0)
      proposers[one.id()] = {one.id(), one.proposer_run(), one.proposer_sequence()};
  }
  now.nodes = std::move(nodes);
  return {};
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
  if (auto done = fresh->read_nodes(from); !done) // first: placements name them
    return done;
  for (const proto::Vhost& one : from.vhosts())
    if (auto done = fresh->read_vhost(one); !done)
      return done;
  for (const proto::User& one : from.users())
    fresh->now.users.put(std::make_shared<const user_record>(from_proto(one)));
  for (const proto::Parameter& one : from.global_parameters())
    fresh->now.global_parameters.put(std::make_shared<const parameter_entry>(from_proto(one)));
  impl_ = std::move(fresh);
  return {};
}

} // namespace broker

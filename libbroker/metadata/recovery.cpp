#include "metadata/recovery.hpp"

#include <optional>

#include "base/assert.hpp"
#include "metadata/metadata_state.hpp"
#include "raft/membership.hpp"

namespace broker {
namespace {

result<void> replay(const stored_metadata& stored, metadata_inventory& into) {
  metadata_state state{metadata_settings{}};
  if (stored.snapshot)
    if (auto done = state.restore(stored.snapshot_data); !done)
      return done;
  std::vector<metadata_change> changes;
  for (const consensus::entry& one : stored.log) {
    if (one.type == consensus::entry::kind::config) {
      auto members = raft::decode_membership(one.data);
      if (!members)
        return error{0, "metadata log entry " + std::to_string(one.index) + ": malformed members"};
      into.members = std::move(*members);
    } else if (one.type == consensus::entry::kind::command) {
      auto what = decode_proposed(one.data);
      if (!what)
        return error{0, "metadata log entry " + std::to_string(one.index) + ": " + what.error().text};
      state.apply(*what, changes);
    }
  }
  const snapshot_ptr now = state.snapshot();
  now->for_each_node([&](const node_ptr& one) { into.nodes.push_back(one); });
  now->for_each_vhost([&](const vhost_record&) { ++into.vhosts; });
  into.queues += now->queue_count();
  now->for_each_user([&](const user_record&) { ++into.users; });
  return {};
}

result<metadata_inventory> inventory_of(const stored_metadata& stored) {
  metadata_inventory out;
  out.identity = stored.identity.value_or(metadata_identity{0, 1, 0, false});
  out.state = stored.state;
  if (!out.identity.joins)
    out.members.voters = {out.identity.self};
  if (stored.snapshot) {
    out.snapshot_index = out.last_index = stored.snapshot->index;
    out.last_term = stored.snapshot->term;
    out.members = stored.snapshot->members;
  }
  if (!stored.log.empty()) {
    out.last_index = stored.log.back().index;
    out.last_term = stored.log.back().term;
  }
  if (auto done = replay(stored, out); !done)
    return done.error();
  return out;
}

} // namespace

result<metadata_inventory> look_at(metadata_store& store) {
  const auto stored = store.load();
  return stored ? inventory_of(*stored) : stored.error();
}

result<void> prepare_to_join(metadata_store& store, uint64_t cluster, consensus::node_id self) {
  BROKER_ASSERT(cluster != 0 && self != 0, "a member has an id in a cluster");
  const auto stored = store.load();
  if (!stored)
    return stored.error();
  if (stored->identity || stored->snapshot || !stored->log.empty() || stored->state != consensus::hard_state{})
    return error{0, "the metadata store is not empty: the node must be reset before it joins a cluster"};
  return store.write_identity({cluster, self, 0, true});
}

// The new identity first: a crash in between leaves a node that nobody listens to, and that this can be done to again.
result<metadata_inventory> become_only_member(metadata_store& store, uint64_t new_cluster) {
  const auto stored = store.load();
  if (!stored)
    return stored.error();
  auto before = inventory_of(*stored);
  if (!before)
    return before.error();
  if (before->last_index == 0)
    return error{0, "the metadata store is empty: there is nothing to recover"};
  BROKER_ASSERT(new_cluster != 0, "a cluster has a number");
  metadata_identity who = before->identity;
  who.cluster = new_cluster;
  who.joins = false;
  if (auto written = store.write_identity(who); !written)
    return written.error();
  const consensus::hard_state next{before->state.term + 1, who.self};
  const consensus::entry alone{before->last_index + 1, next.term, consensus::entry::kind::config,
                               raft::encode_membership({{who.self}, {}})};
  if (auto written = store.write(next, std::nullopt, {alone}); !written)
    return written.error();
  return before;
}

} // namespace broker

// Where copies of queues are, and who is master: the replication's commands (replication/placement.hpp), and what
// follows from policies and nodes (copies.hpp). A record's node and mastership are its placement's, always.
#include <algorithm>

#include "metadata/copies.hpp"
#include "metadata/placements.hpp"
#include "metadata/state_impl.hpp"

namespace broker {
namespace {

using replication::member;
using replication::node_id;
using replication::placement;

/// Of commands on nodes a replica may list: every node is one, none is named twice, and the master's is among them.
result<void> check_place(const replication::place& what, const placement& queue, const replication::node_table& nodes) {
  std::vector<node_id> sorted = what.nodes;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
    return error{0, "a node holds one copy of a queue"};
  for (const node_id one : what.nodes)
    if (!nodes.find(one))
      return error{0, "node " + std::to_string(one) + " is not in the cluster"};
  if (!std::binary_search(sorted.begin(), sorted.end(), queue.master))
    return error{0, "the master's node holds a copy: another one must be master first"};
  return {};
}

std::string shown(const queue_record& queue) {
  return resource_text("queue", queue.name, queue.vhost);
}

} // namespace

std::vector<copy_holder> metadata_state::impl::copy_holders() const {
  std::vector<copy_holder> out;
  const replication::node_table table = sessions_of(*now.nodes);
  for (const node_ptr& one : *now.nodes) {
    const auto id = static_cast<node_id>(one->id);
    if (!table.find(id))
      continue;
    const auto copies = copies_on.find(id);
    const auto plain = plain_on.find(one->name);
    out.push_back(
      {one, (copies == copies_on.end() ? 0 : copies->second) + (plain == plain_on.end() ? 0 : plain->second)});
  }
  return out;
}

void metadata_state::impl::count_copies(const queue_record& queue, bool added) {
  if (!settings->replication)
    return;
  const auto count = [added](auto& all, const auto& key) {
    auto& number = all[key];
    BROKER_ASSERT(added || number != 0, "what is taken away was counted");
    added ? ++number : --number;
    if (number == 0)
      all.erase(key);
  };
  if (!queue.placement)
    return count(plain_on, queue.node);
  for (const node_id one : queue.placement->nodes)
    count(copies_on, one);
}

void metadata_state::impl::adopt(queue_record& record, placement next) {
  if (record.placement && replication::note_lost(next, *record.placement, sessions_of(*now.nodes), next_run))
    ++next_run;
  replication::check(next);
  BROKER_ASSERT(next.queue == record.id, "a placement is of one queue");
  const node_ptr master = find_node(uint64_t{next.master});
  BROKER_ASSERT(master != nullptr, "a master's node is in the cluster");
  record.node = master->name;
  record.mastership = next.mastership;
  record.placement = std::make_shared<const placement>(std::move(next));
}

// A queue begins to be replicated only while its master's node is up: under that session it has everything, and nobody
// else has anything. If the node is down, that is when it is back.
bool metadata_state::impl::begin_placement(queue_record& record) {
  const node_ptr home = find_node(record.node);
  const replication::node_table table = sessions_of(*now.nodes);
  if (!home || !home->up || !table.find(static_cast<node_id>(home->id)))
    return false;
  const member master{static_cast<node_id>(home->id), home->session};
  placement first;
  first.queue = record.id;
  first.mastership = std::max<epoch>(record.mastership, 1);
  first.master = master.node;
  first.isr = {master};
  first.nodes = {master.node};
  adopt(record, std::move(first));
  return true;
}

replication::place metadata_state::impl::wanted_place(const queue_record& record, const placement& present,
                                                      const std::vector<copy_holder>& holders, bool is_new) const {
  if (!asks_for_copies(record))
    return {{present.master}, 1}; // of a queue that shall not be replicated any more, its master stays
  wanted_copies copies = copies_of(record, present, holders);
  const uint32_t least =
    is_new ? first_min_in_sync(record, copies, holders) : rising_min_in_sync(copies.min_in_sync, present);
  return {std::move(copies.nodes), least};
}

void metadata_state::impl::place_copies(queue_record& record, bool is_new, uint32_t present_min) {
  if (!settings->replication)
    return;
  if (!record.placement && (!asks_for_copies(record) || !begin_placement(record)))
    return;
  placement next = *record.placement;
  placement present = next;
  present.min_in_sync = std::max(present.min_in_sync, present_min);
  replication::place wanted = wanted_place(record, present, copy_holders(), is_new);
  if (wanted.nodes == next.nodes && wanted.min_in_sync == next.min_in_sync)
    return;
  const auto done = replication::apply(next, nodes_of(next, sessions_of(*now.nodes)), std::move(wanted));
  BROKER_ASSERT(done.ok(), "what copies_of wants is a placement");
  adopt(record, std::move(next));
}

void metadata_state::impl::replace_queue(vhost_tables& vhost, const queue_ptr& before,
                                         std::shared_ptr<queue_record> after, changes_t& changes) {
  BROKER_ASSERT(before->id == after->id && before->exclusive == after->exclusive, "a queue stays what it is");
  count_copies(*before, false);
  count_copies(*after, true);
  const bool added = vhost.queues.put(after);
  BROKER_ASSERT(!added, "the queue has been found before");
  changes.push_back({metadata_change::kind::queue_changed, std::move(after), {}});
}

// Mostly nothing is to be changed: that is found out without a copy of every record, and without sorting them. How many
// copies a node has decides where others go, never whether: what is asked here does not hang on the order.
void metadata_state::impl::place_all_copies(changes_t& changes) {
  if (!settings->replication)
    return;
  const auto holders = copy_holders();
  const auto is_wrong = [&](const queue_ptr& queue) {
    if (!queue->placement)
      return asks_for_copies(*queue);
    const replication::place wanted = wanted_place(*queue, *queue->placement, holders, false);
    return wanted.nodes != queue->placement->nodes || wanted.min_in_sync != queue->placement->min_in_sync;
  };
  for (const auto& one : now.vhosts.sorted())
    for (const queue_ptr& before : one->queues.sorted_if(is_wrong)) {
      auto after = std::make_shared<queue_record>(*before);
      place_copies(*after, false);
      if (after->placement != before->placement)
        replace_queue(*own_vhost(one->name()), before, std::move(after), changes);
    }
}

bool metadata_state::impl::ends_with_run(const queue_record& queue, const std::string& node) const {
  if (!queue.placement)
    return queue.node == node && (queue.exclusive || !queue.durable);
  const placement& copies = *queue.placement;
  return !queue.durable && !replication::anyone_in_sync_alive(copies, nodes_of(copies, sessions_of(*now.nodes)));
}

bool metadata_state::impl::forget_copies(queue_record& record, node_id gone) {
  placement next = *record.placement;
  if (!replication::forget(next, nodes_of(next, sessions_of(*now.nodes)), gone))
    return false;
  adopt(record, std::move(next));
  place_copies(record, false);
  return true;
}

command_result metadata_state::impl::apply(const change_placement& what, changes_t& changes) {
  const vhost_tables* vhost = now.find_vhost(what.vhost);
  const queue_ptr* found = vhost ? vhost->queues.find(what.name) : nullptr;
  if (!found || (*found)->id != what.id)
    return refused({0, "no " + resource_text("queue", what.name, what.vhost) + " with id " + std::to_string(what.id)});
  const queue_ptr before = *found;
  if (!before->placement)
    return refused({0, shown(*before) + " is not replicated"});
  const replication::node_table nodes = nodes_of(*before->placement, sessions_of(*now.nodes));
  const auto* place = std::get_if<replication::place>(&what.what);
  if (place)
    if (auto sound = check_place(*place, *before->placement, nodes); !sound)
      return refused(sound.error());
  placement next = *before->placement;
  const auto done = replication::apply(next, nodes, what.what);
  if (next == *before->placement)
    return done ? command_result{} : refused({0, shown(*before) + ": " + done.error().text});
  auto after = std::make_shared<queue_record>(*before);
  if (place && place->nodes.size() != before->placement->nodes.size() && before->options->type == queue_type::quorum)
    after->copies = static_cast<uint32_t>(place->nodes.size());
  adopt(*after, std::move(next));
  // Where copies shall be is proposed; how many of them must be in sync is not.
  place_copies(*after, false, before->placement->min_in_sync);
  replace_queue(*own_vhost(what.vhost), before, std::move(after), changes);
  return {};
}

} // namespace broker

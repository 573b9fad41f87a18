// Nodes of the cluster: who they are, whether they are up, and which of their proposals have been applied.
//
// A proposal is applied exactly once however often it is in the log: leaders come and go, and whoever proposed sends
// again what it does not see applied. So each node's proposals are numbered, and only the next number counts.
#include <algorithm>

#include "metadata/state_impl.hpp"

namespace broker {
namespace {

auto id_at_least(uint64_t id) {
  return [id](const node_ptr& one) { return one->id >= id; };
}

metadata_change node_change(metadata_change::kind what, const node_ptr& node) {
  return {what, nullptr, node->name, node};
}

} // namespace

// -- proposers --------------------------------------------------------------------------------------------------------

bool metadata_state::impl::admit(const proposed_command& what) {
  if (what.by.node == 0)
    return true;
  const auto at = proposers.find(what.by.node);
  const proposer last = at == proposers.end() ? proposer{what.by.node, 0, 0} : at->second;
  if (std::holds_alternative<node_started>(what.what)) {
    const bool forgotten = what.by.node < next_node && !find_node(what.by.node);
    if (forgotten || what.by.run <= last.run || what.by.sequence != 1)
      return false;
  } else if (at == proposers.end() || what.by.run != last.run || what.by.sequence != last.sequence + 1) {
    return false;
  }
  proposers[what.by.node] = what.by;
  return true;
}

uint64_t metadata_state::last_applied(uint64_t node, uint64_t run) const {
  const proposer last = last_of(node);
  return last.run == run ? last.sequence : 0;
}

proposer metadata_state::last_of(uint64_t node) const {
  const auto at = impl_->proposers.find(node);
  return at == impl_->proposers.end() ? proposer{} : at->second;
}

bool metadata_state::was_forgotten(uint64_t node) const {
  return node < impl_->next_node && !impl_->find_node(node);
}

// -- the table --------------------------------------------------------------------------------------------------------

node_ptr metadata_state::impl::find_node(std::string_view name) const {
  const auto at =
    std::find_if(now.nodes->begin(), now.nodes->end(), [&](const auto& one) { return one->name == name; });
  return at == now.nodes->end() ? nullptr : *at;
}

node_ptr metadata_state::impl::find_node(uint64_t id) const {
  const auto at = std::find_if(now.nodes->begin(), now.nodes->end(), id_at_least(id));
  return at == now.nodes->end() || (*at)->id != id ? nullptr : *at;
}

void metadata_state::impl::put_node(node_record record) {
  auto nodes = std::make_shared<std::vector<node_ptr>>(*now.nodes);
  const auto at = std::find_if(nodes->begin(), nodes->end(), id_at_least(record.id));
  const bool replaces = at != nodes->end() && (*at)->id == record.id;
  auto node = std::make_shared<const node_record>(std::move(record));
  if (replaces)
    *at = std::move(node);
  else
    nodes->insert(at, std::move(node));
  now.nodes = std::move(nodes);
  changed = true;
}

void metadata_state::impl::erase_node(uint64_t id) {
  auto nodes = std::make_shared<std::vector<node_ptr>>(*now.nodes);
  std::erase_if(*nodes, [&](const node_ptr& one) { return one->id == id; });
  BROKER_ASSERT(nodes->size() + 1 == now.nodes->size(), "the node has been found before");
  now.nodes = std::move(nodes);
  proposers.erase(id);
  changed = true;
}

// -- start, end and return of a run -----------------------------------------------------------------------------------

result<void> metadata_state::impl::check_start(const node_started& what) const {
  if (auto rights = user_rights::compile(what.default_user.name, what.default_rights); !rights)
    return rights.error();
  if (by.node == 0)
    return {};
  const node_ptr known = find_node(by.node);
  if (known && known->name != what.node)
    return error{0, "this is the metadata of node " + known->name + ", not of " + what.node};
  if (const node_ptr other = find_node(what.node); other && other->id != by.node)
    return error{0, "node " + what.node + " is registered under another id: it must be reset and join again"};
  return {};
}

// May be refused, so before anything else changes.
result<void> metadata_state::impl::seed(const node_started& what, changes_t& changes) {
  const std::string& vhost = what.default_vhost.empty() ? settings->default_vhost : what.default_vhost;
  put_user user;
  user.user = what.default_user;
  if (auto done = apply(user, changes); !done.ok())
    return done.failure;
  if (!now.find_vhost(vhost)) { // whoever joins starts with what the first node was configured with
    BROKER_ASSERT(!vhost.empty(), "a default vhost has a name");
    if (const vhost_tables* own = now.find_vhost(settings->default_vhost); own && own->queues.empty())
      now.vhosts.erase(settings->default_vhost);
    vhost_record first;
    first.name = vhost;
    first.description = "Default virtual host";
    create_vhost(std::move(first));
  }
  const command_result granted = apply(set_permission{vhost, what.default_user.name, what.default_rights}, changes);
  BROKER_ASSERT(granted.ok(), "rights that compile, of a user that exists, in a vhost that does");
  seeded = changed = true;
  return {};
}

// This node is all that is left of a cluster (recovery.hpp).
void metadata_state::impl::leave_others_behind(changes_t& changes) {
  const std::vector<node_ptr> before = *now.nodes;
  for (const node_ptr& one : before)
    if (one->id != by.node)
      apply(node_down{one->name, one->incarnation}, changes);
}

/// The number of the run.
uint64_t metadata_state::impl::note_start(const node_started& what, changes_t& changes) {
  const node_ptr known = find_node(by.node);
  next_node = std::max(next_node, by.node + 1);
  if (now.cluster != 0 && now.cluster != what.cluster)
    leave_others_behind(changes);
  now.cluster = what.cluster;
  put_node({by.node, what.node, what.host, what.port, what.incarnation, next_run, true, next_run});
  const node_ptr now_known = find_node(by.node);
  if (!known)
    changes.push_back(node_change(metadata_change::kind::node_registered, now_known));
  changes.push_back(node_change(metadata_change::kind::node_up, now_known));
  return next_run++;
}

void metadata_state::impl::drop_transient_queues(const std::string& node, changes_t& changes) {
  for (const auto& one : now.vhosts.sorted()) {
    vhost_tables& vhost = *own_vhost(one->name());
    // What a RabbitMQ node loses by stopping is simply gone when it is back: nothing cascades to durable exchanges.
    for (const queue_ptr& queue :
         vhost.queues.sorted_if([&](const queue_ptr& each) { return ends_with_run(*each, node); }))
      remove_queue(vhost, queue, false, changes);
  }
}

command_result metadata_state::impl::apply(const node_started& what, changes_t& changes) {
  if (auto sound = check_start(what); !sound)
    return refused(sound.error());
  if (!seeded)
    if (auto done = seed(what, changes); !done)
      return refused(done.error());
  command_result out;
  if (by.node != 0)
    out.number = note_start(what, changes);
  drop_transient_queues(what.node, changes);
  place_all_copies(changes);
  const bool others = std::any_of(now.nodes->begin(), now.nodes->end(),
                                  [&](const node_ptr& one) { return one->up && one->name != what.node; });
  if (!what.alone || others)
    return out;
  for (const auto& one : now.vhosts.sorted()) {
    vhost_tables& vhost = *own_vhost(one->name());
    for (const auto& node : vhost.exchanges.sorted())
      if (!node->record->durable)
        remove_exchange(vhost, node->record->name, false, changes);
  }
  return out;
}

command_result metadata_state::impl::apply(const node_down& what, changes_t& changes) {
  const node_ptr known = find_node(what.name);
  if (!known || known->incarnation != what.incarnation)
    return {};
  if (known->up) {
    node_record record = *known;
    record.up = false;
    put_node(std::move(record));
  }
  if (!what.silent)
    drop_transient_queues(what.name, changes);
  if (known->up)
    changes.push_back(node_change(metadata_change::kind::node_down, find_node(what.name)));
  return {};
}

command_result metadata_state::impl::apply(const node_up& what, changes_t& changes) {
  const node_ptr known = find_node(what.name);
  const bool anew = what.anew && settings->replication;
  if (!known || (known->up && !anew) || known->incarnation != what.incarnation || what.incarnation == 0)
    return {};
  node_record record = *known;
  record.up = true;
  if (settings->replication) // its replicas must not be taken for those of the session that has ended
    record.session = next_run++;
  put_node(std::move(record));
  changes.push_back(node_change(metadata_change::kind::node_up, find_node(what.name)));
  place_all_copies(changes);
  return {};
}

// -- membership -------------------------------------------------------------------------------------------------------

command_result metadata_state::impl::apply(const register_node& what, changes_t& changes) {
  if (what.name.empty())
    return refused({0, "a node has a name"});
  if (const node_ptr known = find_node(what.name)) {
    if (known->incarnation != 0)
      return refused(
        {0, "node " + what.name
              + " is a member of the cluster already: 'forget_cluster_node' it first if it has been reset"});
    changes.push_back(node_change(metadata_change::kind::node_forgotten, known));
    erase_node(known->id);
  }
  node_record record;
  record.id = next_node++;
  record.name = what.name;
  record.host = what.host;
  record.port = what.port;
  command_result out;
  out.number = record.id;
  put_node(std::move(record));
  changes.push_back(node_change(metadata_change::kind::node_registered, find_node(what.name)));
  return out;
}

command_result metadata_state::impl::apply(const forget_node& what, changes_t& changes) {
  const node_ptr known = find_node(what.name);
  if (!known)
    return refused({0, "The node selected is not in the cluster."});
  if (known->up)
    return refused({0, "RabbitMQ on node " + what.name + " must be stopped with 'rabbitmqctl -n " + what.name
                         + " stop_app' before it can be removed"});
  if (now.nodes->size() == 1)
    return refused({0, "The last node of a cluster cannot be removed from it."});
  erase_node(known->id);
  forget_queues(*known, changes);
  rehome_delay_queues(what.name, now.nodes->front()->name, changes);
  changes.push_back(node_change(metadata_change::kind::node_forgotten, known));
  return {};
}

void metadata_state::impl::forget_queues(const node_record& gone, changes_t& changes) {
  const auto id = static_cast<replication::node_id>(gone.id);
  for (const auto& one : now.vhosts.sorted()) {
    vhost_tables& vhost = *own_vhost(one->name());
    for (const queue_ptr& queue : vhost.queues.sorted()) {
      if (queue->placement ? !replication::concerns(*queue->placement, id) : queue->node != gone.name)
        continue;
      auto after = std::make_shared<queue_record>(*queue);
      if (queue->placement && forget_copies(*after, id))
        replace_queue(vhost, queue, std::move(after), changes);
      else
        remove_queue(vhost, queue, true, changes);
    }
  }
}

void metadata_state::impl::rehome_delay_queues(const std::string& from, const std::string& to, changes_t& changes) {
  for (const auto& one : now.vhosts.sorted()) {
    for (const auto& node : one->exchanges.sorted()) {
      const exchange_record& before = *node->record;
      if (!before.delay_queue || before.delay_queue->node != from)
        continue;
      forget_delay_queue(before, changes);
      auto after = std::make_shared<exchange_record>(before);
      auto moved = std::make_shared<queue_record>(*before.delay_queue);
      moved->id = next_queue++;
      moved->node = to;
      after->delay_queue = std::move(moved);
      changes.push_back({metadata_change::kind::queue_created, after->delay_queue, {}});
      own_exchange(*own_vhost(one->name()), before.name).record = std::move(after);
    }
  }
}

} // namespace broker

#include "replication/placement.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/assert.hpp"
#include "replication/plant.hpp"

namespace broker::replication {

namespace {

error refused(const char* why) {
  return error{0, why};
}

std::vector<node_status>::iterator place_of(std::vector<node_status>& nodes, node_id node) {
  return std::partition_point(nodes.begin(), nodes.end(), [node](const node_status& one) { return one.node < node; });
}

/// Where it is, or belongs, in a list that rises by node.
template<class Members>
auto place_in(Members& rising, node_id node) {
  return std::partition_point(rising.begin(), rising.end(), [node](const member& one) { return one.node < node; });
}

void next_mastership(placement& queue, node_id master) {
  ++queue.mastership;
  ++queue.version;
  queue.master = master;
  queue.inventories.clear();
}

/// An added incarnation must still be the registered one when the command applies (M3): one that has restarted since
/// may have lost what it had acknowledged.
bool may_be_listed(const placement& queue, const node_table& nodes, member who) {
  return queue.lists(who) || nodes.current(who) || planted(plant::add_stale_inc);
}

result<void> run(placement& queue, const node_table& nodes, const alter_isr& what) {
  const bool same_version = what.version == queue.version || planted(plant::no_version_check);
  if (what.mastership != queue.mastership || !same_version)
    return refused("the in-sync set has changed meanwhile");
  ++queue.version;
  if (what.isr.empty() || !rising(what.isr))
    return refused("not an in-sync set");
  if (std::none_of(what.isr.begin(), what.isr.end(), [&](const member& one) { return one.node == queue.master; }))
    return refused("the master may not leave its in-sync set");
  for (const member& one : what.isr)
    if (!may_be_listed(queue, nodes, one))
      return refused("a replica that restarted meanwhile may not be added");
  queue.isr = what.isr;
  return {};
}

/// The set stays as it is: only a living master takes members out (M1). A dead member may be the one that holds the
/// last confirmed message when the candidate dies before its first act (C2).
result<void> run(placement& queue, const node_table& nodes, const promote& what) {
  if (what.mastership != queue.mastership)
    return refused("there is another master meanwhile");
  const member* master = queue.listed(queue.master);
  BROKER_ASSERT(master != nullptr, "a master is listed in its in-sync set");
  if (nodes.current_and_live(*master))
    return refused("the master is alive");
  const member candidate{what.candidate, nodes.registered(what.candidate)};
  if (!nodes.live(what.candidate))
    return refused("the candidate is not alive");
  if (!queue.lists(candidate)) {
    if (!planted(plant::promote_outside))
      return refused("the candidate is not in sync");
    std::erase_if(queue.isr, [&](const member& one) { return one.node == candidate.node; });
    queue.isr.push_back(candidate);
    std::sort(queue.isr.begin(), queue.isr.end());
  }
  BROKER_ASSERT(queue.lists(candidate), "only the in-sync are promoted (R3)");
  next_mastership(queue, what.candidate);
  if (planted(plant::promote_shrinks))
    std::erase_if(queue.isr, [&](const member& one) { return !nodes.live(one.node); });
  return {};
}

result<void> run(placement& queue, const node_table& nodes, const hand_over& what) {
  if (what.mastership != queue.mastership)
    return refused("there is another master meanwhile");
  if (what.to.node == queue.master)
    return refused("it is the master already");
  if (!nodes.current_and_live(what.to))
    return refused("the candidate is not alive");
  if (!queue.lists(what.to)) {
    if (!planted(plant::hand_over_outside))
      return refused("the candidate is not in sync");
    std::erase_if(queue.isr, [&](const member& one) { return one.node == what.to.node; });
    queue.isr.push_back(what.to);
    std::sort(queue.isr.begin(), queue.isr.end());
  }
  BROKER_ASSERT(queue.lists(what.to), "only the in-sync take over");
  next_mastership(queue, what.to.node);
  return {};
}

result<void> run(placement& queue, const node_table& nodes, const report_inventory& what) {
  if (what.mastership != queue.mastership && !planted(plant::known_epoch))
    return refused("there is another master meanwhile");
  if (!nodes.current(what.what.who) || queue.listed(what.what.who.node) == nullptr)
    return refused("not a listed replica");
  if (anyone_in_sync_alive(queue, nodes))
    return refused("a replica in sync is alive");
  std::erase_if(queue.inventories, [&](const inventory& one) { return one.who.node == what.what.who.node; });
  queue.inventories.push_back(what.what);
  return {};
}

/// The inventory of the node's present life, or null.
const inventory* report_of(const placement& queue, const node_table& nodes, node_id node) {
  for (const inventory& one : queue.inventories)
    if (one.who.node == node && nodes.current(one.who))
      return &one;
  return nullptr;
}

bool eligible(const inventory& one) {
  return one.clean && (!one.empty || planted(plant::wiped_eligible));
}

result<void> check_inventories(const placement& queue, const node_table& nodes, const recover& what) {
  const inventory* own = report_of(queue, nodes, what.candidate);
  if (own == nullptr)
    return refused("the candidate has not reported its log");
  if (!eligible(*own))
    return refused("the candidate's log is damaged or was emptied");
  for (const member& one : queue.isr) {
    const inventory* other = report_of(queue, nodes, one.node);
    if (other == nullptr || !nodes.live(one.node)) {
      if (!what.grace_over)
        return refused("not every listed replica has reported its log");
      if (other == nullptr)
        continue;
    }
    const bool better = planted(plant::shortest) ? other->last < own->last : own->last < other->last;
    if (eligible(*other) && better)
      return refused("another replica has more of the log");
  }
  return {};
}

/// Only the candidate becomes current. The others stay listed under incarnations that are gone: they cannot be promoted
/// and the new master may remove them, but what they hold is not forgotten (C11).
result<void> run(placement& queue, const node_table& nodes, const recover& what) {
  if (what.mastership != queue.mastership)
    return refused("there is another master meanwhile");
  if (anyone_in_sync_alive(queue, nodes))
    return refused("a replica in sync is alive");
  if (queue.listed(what.candidate) == nullptr)
    return refused("the candidate is not listed");
  if (!nodes.live(what.candidate))
    return refused("the candidate is not alive");
  if (!what.accept_data_loss)
    if (auto checked = check_inventories(queue, nodes, what); !checked)
      return checked;
  for (member& one : queue.isr)
    if (one.node == what.candidate || (planted(plant::recover_all) && nodes.live(one.node)))
      one.inc = nodes.registered(one.node);
  BROKER_ASSERT(nodes.current_and_live(*queue.listed(what.candidate)), "who is recovered is current");
  next_mastership(queue, what.candidate);
  return {};
}

/// V moves, so that whatever the master has proposed under the old placement is decided anew.
result<void> run(placement& queue, const node_table&, const place& what) {
  if (what.nodes.empty() || what.min_in_sync == 0 || what.min_in_sync > what.nodes.size())
    return refused("not a placement");
  queue.nodes = what.nodes;
  queue.min_in_sync = what.min_in_sync;
  ++queue.version;
  return {};
}

} // namespace

const node_status* node_table::find(node_id node) const {
  for (const node_status& one : nodes) // a cluster has a handful of nodes
    if (one.node == node)
      return &one;
  return nullptr;
}

incarnation node_table::registered(node_id node) const {
  const node_status* found = find(node);
  return found ? found->inc : 0;
}

bool node_table::live(node_id node) const {
  const node_status* found = find(node);
  return found != nullptr && found->live;
}

const member* placement::listed(node_id node) const {
  for (const member& one : isr)
    if (one.node == node)
      return &one;
  return nullptr;
}

bool placement::lists(member who) const {
  const member* found = listed(who.node);
  return found != nullptr && found->inc == who.inc;
}

bool placement::places(node_id node) const {
  return std::find(nodes.begin(), nodes.end(), node) != nodes.end();
}

bool rising(const std::vector<member>& members) {
  return std::adjacent_find(members.begin(), members.end(),
                            [](const member& a, const member& b) { return a.node >= b.node; })
      == members.end();
}

incarnation placement::incarnation_of(node_id node, incarnation session) const {
  const auto at = place_in(lost, node);
  return at == lost.end() || at->node != node ? session : std::max(session, at->inc);
}

node_table nodes_of(const placement& queue, node_table sessions) {
  for (node_status& one : sessions.nodes)
    one.inc = queue.incarnation_of(one.node, one.inc);
  return sessions;
}

bool note_lost(placement& queue, const placement& before, const node_table& sessions, incarnation fresh) {
  if (planted(plant::keep_copy_inc))
    return false;
  bool any = false;
  const auto look = [&](node_id node) {
    if (queue.holds(node) || sessions.find(node) == nullptr)
      return;
    any = true;
    const auto at = place_in(queue.lost, node);
    if (at == queue.lost.end() || at->node != node)
      queue.lost.insert(at, {node, fresh});
    else
      at->inc = fresh;
  };
  for (const node_id one : before.nodes)
    look(one);
  for (const member& one : before.isr)
    look(one.node);
  if (any) // of sessions that are over nothing needs to be said
    std::erase_if(queue.lost, [&](const member& one) { return one.inc < sessions.registered(one.node); });
  BROKER_ASSERT(rising(queue.lost), "lists each node once, rising");
  return any;
}

result<void> register_node(node_table& nodes, member who) {
  BROKER_ASSERT(who.node != 0 && who.inc != 0, "a node registers under a number and an incarnation");
  auto at = place_of(nodes.nodes, who.node);
  if (at == nodes.nodes.end() || at->node != who.node) {
    nodes.nodes.insert(at, node_status{who.node, who.inc, true});
    return {};
  }
  if (who.inc <= at->inc)
    return refused("the incarnation is not above the registered one");
  at->inc = who.inc;
  at->live = true;
  return {};
}

result<void> session_expired(node_table& nodes, member who) {
  auto at = place_of(nodes.nodes, who.node);
  if (at == nodes.nodes.end() || at->node != who.node || at->inc != who.inc)
    return refused("not the registered incarnation");
  at->live = false;
  return {};
}

result<void> apply(placement& queue, const node_table& nodes, const placement_command& what) {
  check(queue);
  const auto before = std::pair{queue.mastership, queue.version};
  auto done = std::visit([&](const auto& one) { return run(queue, nodes, one); }, what);
  BROKER_ASSERT(before.first <= queue.mastership && before.second <= queue.version, "epoch and version only rise");
  BROKER_ASSERT(before.first == queue.mastership || before.second < queue.version, "a new epoch is a new version");
  check(queue);
  return done;
}

void check(const placement& queue) {
  BROKER_ASSERT(queue.mastership != 0 && queue.version != 0, "epochs and versions start at 1");
  BROKER_ASSERT(!queue.isr.empty(), "an in-sync set is never empty");
  BROKER_ASSERT(rising(queue.isr), "an in-sync set lists each node once, rising");
  BROKER_ASSERT(rising(queue.lost), "who has lost its copy is named once, rising");
  BROKER_ASSERT(queue.listed(queue.master) != nullptr, "a master is listed in its in-sync set");
  BROKER_ASSERT(queue.min_in_sync != 0, "a confirmed entry is somewhere");
}

} // namespace broker::replication

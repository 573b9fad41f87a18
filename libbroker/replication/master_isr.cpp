// Changes of the in-sync set and hand-over (T12-T14, R3, R7).
#include <algorithm>

#include "base/assert.hpp"
#include "replication/master.hpp"
#include "replication/plant.hpp"

namespace broker::replication {

void master::propose(const replica_core& core, std::vector<member> isr, effects& out) {
  BROKER_ASSERT(core.is_master(), "only a master proposes its in-sync set");
  BROKER_ASSERT(!pending_, "one proposal at a time: its outcome decides what counts");
  BROKER_ASSERT(std::any_of(isr.begin(), isr.end(), [&](const member& one) { return one.node == core.settings.self; }),
                "a master stays in its in-sync set");
  pending_ = alter_isr{core.mastership, core.known.queue.version, std::move(isr)};
  out.proposals.emplace_back(*pending_);
}

bool master::gone(const replica_core& core, const member& listed) const {
  return listed.node != core.settings.self && !core.known.nodes.current_and_live(listed);
}

/// It has everything that is or may be committed: what this master has committed, and what the one before it may have
/// committed without this one knowing, which is part of the log it took office with (C3, KAFKA-7128).
bool master::may_add(const replica_core& core, const peer& who) const {
  const member as_registered{who.node, core.known.nodes.registered(who.node)};
  if (core.known.queue.lists(as_registered) || !core.known.nodes.live(who.node) || !core.known.queue.places(who.node))
    return false;
  if (!who.heard || who.probe || who.barred || who.must_start_over || (who.copying && !planted(plant::ack_in_copy)))
    return false;
  seqno needed = planted(plant::join_at_commit) ? core.commit : std::max(core.commit, office_);
  if (planted(plant::join_short) && needed != 0)
    --needed;
  return who.match >= needed;
}

bool master::propose_change(replica_core& core, node_id who, effects& out) {
  const peer* one = find(who);
  if (pending_ || one == nullptr)
    return false;
  const bool add = may_add(core, *one);
  const member* listed = core.known.queue.listed(who);
  const bool unwanted =
    listed != nullptr && !core.known.queue.places(who) && core.known.queue.isr.size() > core.known.queue.nodes.size();
  if (!add && !unwanted && (listed == nullptr || !gone(core, *listed)))
    return false;
  std::vector<member> isr = core.known.queue.isr;
  std::erase_if(isr, [who](const member& entry) { return entry.node == who; });
  if (add) {
    isr.push_back({who, core.known.nodes.registered(who)});
    std::sort(isr.begin(), isr.end());
  }
  propose(core, std::move(isr), out);
  return true;
}

bool master::remove_slow(replica_core& core, node_id who, effects& out) {
  peer* one = find(who);
  if (pending_ || one == nullptr || core.known.queue.listed(who) == nullptr || one->match >= core.log.length())
    return false;
  std::vector<member> isr = core.known.queue.isr;
  std::erase_if(isr, [who](const member& entry) { return entry.node == who; });
  one->barred = true;
  propose(core, std::move(isr), out);
  return true;
}

void master::pardon(node_id who) {
  if (peer* one = find(who))
    one->barred = false;
}

/// The same one again, never another: the first may still be on its way and commit (C6).
void master::repeat_pending(effects& out) {
  BROKER_ASSERT(pending_.has_value(), "something waits for its outcome");
  if (planted(plant::forget_pending)) {
    pending_.reset();
    return;
  }
  out.proposals.emplace_back(*pending_);
}

bool master::begin_hand_over(const replica_core& core, node_id to) {
  const member candidate{to, core.known.nodes.registered(to)};
  if (to == core.settings.self || !core.known.nodes.live(to))
    return false;
  if (!core.known.queue.lists(candidate) && !planted(plant::hand_over_outside))
    return false;
  hand_over_to_ = candidate;
  hand_over_asked_ = false;
  return true;
}

/// Waiting until all is committed and over there keeps the pause short; it is not what makes the hand-over safe: that
/// is that the candidate is in sync when the command applies.
bool master::propose_hand_over(const replica_core& core, effects& out) {
  const peer* to = find(hand_over_to_.node);
  if (to == nullptr || to->match != core.log.length() || core.commit != core.log.length())
    return false;
  BROKER_ASSERT(core.is_master(), "only a master hands over");
  hand_over_asked_ = true;
  out.proposals.emplace_back(hand_over{core.mastership, hand_over_to_});
  return true;
}

} // namespace broker::replication

#include "metadata/group_keeper.hpp"

#include <algorithm>

#include "base/limits.hpp"
#include "base/raft_limits.hpp"
#include "raft/membership.hpp"

namespace broker {
namespace {

using kind = membership_step::kind;

bool is_up(const metadata_snapshot& nodes, consensus::node_id who) {
  const node_ptr node = nodes.find_node(who);
  return node && node->up;
}

/// A forgotten leader first makes another one the leader.
membership_step leave(const consensus::membership& members, const metadata_snapshot& nodes, consensus::node_id self) {
  for (const consensus::node_id who : members.voters)
    if (who != self && is_up(nodes, who))
      return {kind::transfer, who};
  return {};
}

membership_step remove_forgotten(const consensus::membership& members, const metadata_state& state,
                                 consensus::node_id self) {
  for (const auto& list : {members.learners, members.voters})
    for (const consensus::node_id who : list)
      if (who != self && state.was_forgotten(who))
        return {kind::remove, who};
  return {};
}

} // namespace

membership_step next_membership_step(const consensus::membership& members, const metadata_state& state,
                                     consensus::node_id self, consensus::node_id tried) {
  const snapshot_ptr nodes = state.snapshot();
  if (const auto step = remove_forgotten(members, state, self); step.what != kind::none)
    return step;
  if (state.was_forgotten(self))
    return leave(members, *nodes, self);
  membership_step step;
  nodes->for_each_node([&](const node_ptr& node) {
    if (step.what == kind::none && !raft::is_member(members, node->id))
      step = {kind::add_learner, node->id};
  });
  if (step.what != kind::none || members.voters.size() >= limits::metadata_voters_max)
    return step;
  std::vector<consensus::node_id> ready;
  for (const consensus::node_id who : members.learners)
    if (is_up(*nodes, who))
      ready.push_back(who);
  if (ready.empty())
    return {};
  const auto after = std::upper_bound(ready.begin(), ready.end(), tried);
  return {kind::promote, after == ready.end() ? ready.front() : *after};
}

} // namespace broker

#include "replication/supervise.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace broker::replication {

namespace {

size_t preference(const placement& queue, node_id node) {
  const auto at = std::find(queue.nodes.begin(), queue.nodes.end(), node);
  return static_cast<size_t>(at - queue.nodes.begin());
}

log_position heard_of(const std::vector<progress>& heard, node_id node) {
  for (const progress& one : heard)
    if (one.node == node)
      return one.last;
  return {};
}

bool is_better(const placement& queue, const std::vector<progress>& heard, const rank_candidate& rank, node_id one,
               node_id other) {
  const candidate_rank a = rank ? rank(one) : candidate_rank{}, b = rank ? rank(other) : candidate_rank{};
  if (a.leaving != b.leaving)
    return b.leaving;
  const log_position mine = heard_of(heard, one), theirs = heard_of(heard, other);
  if (mine != theirs)
    return mine > theirs;
  if (a.masters != b.masters)
    return a.masters < b.masters;
  return preference(queue, one) < preference(queue, other);
}

/// The metadata knows the inventories and refuses all but the best: try them in order of preference.
std::optional<placement_command> recovery(const metadata_view& now, bool grace_over) {
  for (const inventory& one : now.queue.inventories) {
    placement tried = now.queue;
    const recover what{now.queue.mastership, one.who.node, grace_over, false};
    if (apply(tried, now.nodes, what).ok())
      return what;
  }
  return std::nullopt;
}

} // namespace

std::optional<placement_command> supervise(const metadata_view& now, const std::vector<progress>& heard,
                                           bool grace_over, const rank_candidate& rank) {
  check(now.queue);
  const member* master = now.queue.listed(now.queue.master);
  BROKER_ASSERT(master != nullptr, "a master is listed in its in-sync set");
  if (now.nodes.current_and_live(*master))
    return std::nullopt;
  const member* best = nullptr;
  for (const member& one : now.queue.isr)
    if (now.nodes.current_and_live(one) && (best == nullptr || is_better(now.queue, heard, rank, one.node, best->node)))
      best = &one;
  if (best != nullptr)
    return promote{now.queue.mastership, best->node};
  return recovery(now, grace_over);
}

std::optional<place> restore_copies(const metadata_view& now, const std::vector<node_id>& gone,
                                    const std::vector<node_id>& candidates) {
  std::vector<node_id> nodes = now.queue.nodes;
  bool changed = false;
  for (node_id& one : nodes) {
    if (now.nodes.live(one) || one == now.queue.master || std::find(gone.begin(), gone.end(), one) == gone.end())
      continue;
    const auto fresh = std::find_if(candidates.begin(), candidates.end(), [&](node_id node) {
      return now.nodes.live(node) && std::find(nodes.begin(), nodes.end(), node) == nodes.end();
    });
    if (fresh == candidates.end())
      break;
    one = *fresh;
    changed = true;
  }
  if (!changed)
    return std::nullopt;
  return place{std::move(nodes), now.queue.min_in_sync};
}

} // namespace broker::replication

// What a placement is when a node is removed from the cluster for ever, and questions the metadata asks.
#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "replication/placement.hpp"

namespace broker::replication {

namespace {

/// Who comes nearest to a master among the listed: one that is alive, else one that had everything when it was last
/// heard of; then the one the placement names first.
node_id nearest_to_master(const placement& queue, const node_table& nodes) {
  const auto rank = [&](const member& one) {
    const int state = nodes.current_and_live(one) ? 0 : nodes.current(one) ? 1 : 2;
    const auto at = std::find(queue.nodes.begin(), queue.nodes.end(), one.node);
    return std::pair{state, at - queue.nodes.begin()};
  };
  return std::min_element(queue.isr.begin(), queue.isr.end(),
                          [&](const member& a, const member& b) { return rank(a) < rank(b); })
    ->node;
}

} // namespace

bool anyone_in_sync_alive(const placement& queue, const node_table& nodes) {
  return std::any_of(queue.isr.begin(), queue.isr.end(),
                     [&](const member& one) { return nodes.current_and_live(one); });
}

bool concerns(const placement& queue, node_id node) {
  return queue.holds(node)
      || std::any_of(queue.lost.begin(), queue.lost.end(), [&](const member& one) { return one.node == node; })
      || std::any_of(queue.inventories.begin(), queue.inventories.end(),
                     [&](const inventory& one) { return one.who.node == node; });
}

bool forget(placement& queue, const node_table& nodes, node_id gone) {
  check(queue);
  BROKER_ASSERT(nodes.find(gone) == nullptr, "a node is forgotten when it is no node any more");
  if (queue.isr.size() == 1 && queue.isr.front().node == gone)
    return false;
  std::erase_if(queue.isr, [&](const member& one) { return one.node == gone; });
  std::erase(queue.nodes, gone);
  std::erase_if(queue.inventories, [&](const inventory& one) { return one.who.node == gone; });
  std::erase_if(queue.lost, [&](const member& one) { return one.node == gone; });
  ++queue.version;
  if (queue.master == gone) {
    ++queue.mastership;
    queue.master = nearest_to_master(queue, nodes);
    queue.inventories.clear();
  }
  if (queue.nodes.empty())
    queue.nodes.push_back(queue.master);
  queue.min_in_sync = std::min(queue.min_in_sync, static_cast<uint32_t>(queue.nodes.size()));
  check(queue);
  return true;
}

bool is_sound(const placement& queue) {
  return queue.mastership != 0 && queue.version != 0 && rising(queue.isr) && rising(queue.lost)
      && queue.listed(queue.master) != nullptr && queue.min_in_sync != 0 && queue.min_in_sync <= queue.nodes.size();
}

} // namespace broker::replication

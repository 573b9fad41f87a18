#include "metadata/master_moves.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/assert.hpp"
#include "metadata/placements.hpp"

namespace broker {

namespace {

using replication::member;
using replication::node_id;
using replication::node_table;
using replication::placement;

bool contains_node(const std::vector<node_id>& rising, node_id one) {
  return std::binary_search(rising.begin(), rising.end(), one);
}

/// The record that the move is about, if it is of use still.
queue_ptr still_to_move(const master_move& what, const metadata_snapshot& in) {
  const queue_ptr queue = in.find_queue(what.vhost, what.name);
  return queue && queue->id == what.id && queue->placement && queue->mastership == what.mastership ? queue : nullptr;
}

struct balanced_queue {
  queue_ptr record;
  node_id master = 0; ///< as planned
};

/// Where the queue's master should go, with `masters` as they are; nothing: it stays.
std::optional<node_id> better_place(const balanced_queue& of, node_tables& nodes,
                                    const std::map<node_id, uint64_t>& masters) {
  const auto present = masters.find(of.master); // not among them: it must leave
  std::optional<node_id> best;
  uint64_t fewest = 0;
  const placement& queue = *of.record->placement;
  for (const node_id to : queue.nodes) {
    const auto at = masters.find(to);
    const bool able =
      to != of.master && at != masters.end() && (to == queue.master || may_take_over(queue, to, nodes.of(queue)));
    if (able && (!best || at->second < fewest)) {
      best = to;
      fewest = at->second;
    }
  }
  if (present != masters.end() && best && present->second < fewest + 2)
    return std::nullopt;
  return best;
}

} // namespace

bool has_master(const placement& queue, const node_table& nodes) {
  const member* master = queue.listed(queue.master);
  BROKER_ASSERT(master != nullptr, "a master is listed in its in-sync set");
  return nodes.current_and_live(*master);
}

bool may_take_over(const placement& queue, node_id to, const node_table& nodes) {
  const member* listed = queue.listed(to);
  return listed && to != queue.master && nodes.current_and_live(*listed) && queue.places(to);
}

std::vector<master_move> balancing_moves(const metadata_snapshot& in, const std::vector<node_id>& drained,
                                         const std::function<bool(const queue_record&)>& counts) {
  node_tables nodes{in};
  std::map<node_id, uint64_t> masters; // of nodes that may have some
  for (const replication::node_status& one : nodes.sessions().nodes)
    if (one.live && !contains_node(drained, one.node))
      masters[one.node] = 0;
  std::vector<balanced_queue> queues;
  in.for_each_queue([&](const queue_ptr& one) {
    if (!one->placement || !has_master(*one->placement, nodes.of(*one->placement)) || !counts(*one))
      return;
    queues.push_back({one, one->placement->master});
    if (const auto at = masters.find(one->placement->master); at != masters.end())
      ++at->second;
  });
  // Each move makes two numbers more equal, so that it ends.
  for (bool moved = true; std::exchange(moved, false);)
    for (balanced_queue& one : queues)
      if (const auto to = better_place(one, nodes, masters)) {
        if (const auto at = masters.find(one.master); at != masters.end())
          --at->second;
        ++masters[*to];
        one.master = *to;
        moved = true;
      }
  std::vector<master_move> moves;
  for (const balanced_queue& one : queues)
    if (const queue_record& queue = *one.record; one.master != queue.placement->master)
      moves.push_back({queue.vhost, queue.name, queue.id, queue.mastership, queue.placement->master, one.master});
  return moves;
}

void master_moves::clear() {
  plan_.clear();
  under_way_.clear();
}

std::vector<master_move> master_moves::step(uint64_t now, const metadata_snapshot& in,
                                            const std::vector<node_id>& drained) {
  std::vector<master_move> out;
  std::erase_if(under_way_,
                [&](const auto& one) { return one.second.until <= now || !still_to_move(one.second.what, in); });
  if (!ready())
    return out;
  node_tables nodes{in};
  while (ready()) {
    master_move next = std::move(plan_.front());
    plan_.pop_front();
    const queue_ptr queue = still_to_move(next, in);
    if (!queue || under_way_.contains(next.id) || contains_node(drained, next.to))
      continue;
    const node_table& table = nodes.of(*queue->placement);
    if (!has_master(*queue->placement, table) || !may_take_over(*queue->placement, next.to, table))
      continue;
    under_way_[next.id] = {next, now + patience_ms_};
    out.push_back(std::move(next));
  }
  return out;
}

void master_moves::changed(queue_id id, const queue_record* now) {
  if (const auto at = under_way_.find(id);
      at != under_way_.end() && (now == nullptr || now->mastership != at->second.what.mastership))
    under_way_.erase(at);
}

uint64_t master_moves::next_step() const {
  uint64_t next = UINT64_MAX;
  for (const auto& [id, one] : under_way_)
    next = std::min(next, one.until);
  return next;
}

} // namespace broker

#include "metadata/copies.hpp"

#include <algorithm>
#include <tuple>

#include "base/assert.hpp"

namespace broker {
namespace {

using replication::node_id;
using replication::placement;
using mode = mirroring_options::mode;

const copy_holder* find_holder(const std::vector<copy_holder>& holders, node_id id) {
  const auto at = std::find_if(holders.begin(), holders.end(), [&](const copy_holder& one) { return one.id() == id; });
  return at == holders.end() ? nullptr : &*at;
}

bool has_node(const std::vector<node_id>& nodes, node_id id) {
  return std::find(nodes.begin(), nodes.end(), id) != nodes.end();
}

/// Nodes that have a copy or shall have one, as far as they are nodes still; the master's at least.
std::vector<node_id> present_copies(const placement& present, const std::vector<copy_holder>& holders) {
  std::vector<node_id> out;
  for (const node_id one : present.nodes)
    if (find_holder(holders, one) && !has_node(out, one))
      out.push_back(one);
  if (!has_node(out, present.master))
    out.insert(out.begin(), present.master);
  return out;
}

/// New ones begin with another node for each queue, so that not all masters end up on one node when theirs is lost.
std::vector<node_id> on_all(const queue_record& queue, const placement& present,
                            const std::vector<copy_holder>& holders) {
  std::vector<node_id> out = present_copies(present, holders);
  std::vector<node_id> fresh;
  for (const copy_holder& one : holders)
    if (!has_node(out, one.id()))
      fresh.push_back(one.id());
  if (!fresh.empty())
    std::rotate(fresh.begin(), fresh.begin() + static_cast<std::ptrdiff_t>(queue.id % fresh.size()), fresh.end());
  out.insert(out.end(), fresh.begin(), fresh.end());
  return out;
}

std::vector<node_id> on_listed(const std::vector<std::string>& names, const placement& present,
                               const std::vector<copy_holder>& holders) {
  std::vector<node_id> out;
  for (const std::string& name : names) {
    const auto at =
      std::find_if(holders.begin(), holders.end(), [&](const copy_holder& one) { return one.node->name == name; });
    if (at != holders.end() && !has_node(out, at->id()))
      out.push_back(at->id());
  }
  if (!has_node(out, present.master))
    out.insert(out.begin(), present.master);
  return out;
}

/// Takes out what is too many: who is in sync and up stays before who is up only, those before the others, and of
/// equals the ones with the fewest copies.
void keep_best(std::vector<node_id>& nodes, uint64_t count, const placement& present,
               const std::vector<copy_holder>& holders) {
  const auto rank = [&](node_id id) {
    const copy_holder* holder = find_holder(holders, id);
    const bool up = holder && holder->node->up;
    const bool in_sync = up && present.in_sync(id, holder->node->session);
    return std::tuple{id == present.master ? 0 : in_sync ? 1 : up ? 2 : 3, holder ? holder->load : 0, id};
  };
  std::vector<node_id> best = nodes;
  std::sort(best.begin(), best.end(), [&](node_id a, node_id b) { return rank(a) < rank(b); });
  best.resize(std::min<uint64_t>(count, best.size()));
  std::erase_if(nodes, [&](node_id one) { return !has_node(best, one); });
}

std::vector<node_id> on_some(uint64_t count, const placement& present, const std::vector<copy_holder>& holders) {
  std::vector<node_id> out = present_copies(present, holders);
  if (out.size() > count)
    keep_best(out, count, present, holders);
  while (out.size() < count) {
    const copy_holder* best = nullptr;
    for (const copy_holder& one : holders)
      if (one.node->up && !has_node(out, one.id()) && (!best || one.load < best->load))
        best = &one;
    if (!best)
      break;
    out.push_back(best->id());
  }
  return out;
}

uint64_t quorum_size(const queue_record& queue) {
  if (queue.copies != 0)
    return queue.copies;
  return queue.options->initial_group_size != 0 ? queue.options->initial_group_size : quorum_copies;
}

std::vector<node_id> nodes_for(const queue_record& queue, const placement& present,
                               const std::vector<copy_holder>& holders) {
  if (queue.options->type == queue_type::quorum)
    return on_some(quorum_size(queue), present, holders);
  const mirroring_options& how = queue.options->mirroring;
  switch (how.what) {
  case mode::all:
    return on_all(queue, present, holders);
  case mode::exactly:
    return on_some(std::max<uint64_t>(how.copies, 1), present, holders);
  case mode::nodes:
    return on_listed(how.nodes, present, holders);
  case mode::none:
    break;
  }
  return {present.master};
}

} // namespace

bool asks_for_copies(const queue_record& queue) {
  BROKER_ASSERT(queue.options != nullptr, "a queue in the metadata has its options");
  if (queue.exclusive || !queue.delays_for.empty())
    return false;
  return queue.options->type == queue_type::quorum || queue.options->mirroring.what != mode::none;
}

wanted_copies copies_of(const queue_record& queue, const placement& present, const std::vector<copy_holder>& holders) {
  BROKER_ASSERT(asks_for_copies(queue), "copies are wanted");
  BROKER_ASSERT(find_holder(holders, present.master) != nullptr, "the master's node is a node");
  wanted_copies out;
  out.nodes = nodes_for(queue, present, holders);
  BROKER_ASSERT(has_node(out.nodes, present.master), "the master holds a copy");
  const auto copies = static_cast<uint32_t>(out.nodes.size());
  if (queue.options->type == queue_type::quorum)
    out.min_in_sync = copies / 2 + 1;
  else
    out.min_in_sync = copies >= 3 ? 2 : 1;
  return out;
}

bool copies_may_move(const queue_record& queue) {
  if (!asks_for_copies(queue))
    return false;
  return queue.options->type == queue_type::quorum || queue.options->mirroring.what == mode::exactly;
}

uint32_t rising_min_in_sync(uint32_t wanted, const placement& present) {
  return present.isr.size() >= wanted ? wanted : std::min(wanted, present.min_in_sync);
}

uint32_t first_min_in_sync(const queue_record& queue, const wanted_copies& wanted,
                           const std::vector<copy_holder>& holders) {
  if (queue.options->type == queue_type::quorum)
    return wanted.min_in_sync;
  const auto up = std::count_if(wanted.nodes.begin(), wanted.nodes.end(), [&](node_id one) {
    const copy_holder* holder = find_holder(holders, one);
    return holder && holder->node->up;
  });
  return std::clamp<uint32_t>(static_cast<uint32_t>(up), 1, wanted.min_in_sync);
}

} // namespace broker

#include "metadata/queue_supervisor.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "metadata/placements.hpp"

namespace broker {
namespace {

using kind = metadata_change::kind;
using replication::member;
using replication::node_id;
using replication::node_table;
using replication::placement;

bool is_healthy(const placement& queue, const node_table& nodes) {
  return has_master(queue, nodes)
      && std::all_of(queue.nodes.begin(), queue.nodes.end(), [&](node_id one) { return nodes.live(one); });
}

bool is_node_change(const metadata_change& change) {
  return change.what == kind::node_registered || change.what == kind::node_forgotten || change.what == kind::node_up
      || change.what == kind::node_down;
}

/// Of a policy that lists nodes: is the master's not among them?
bool is_unlisted(const queue_record& queue) {
  const mirroring_options& how = queue.options->mirroring;
  return asks_for_copies(queue) && queue.options->type == queue_type::classic
      && how.what == mirroring_options::mode::nodes
      && std::find(how.nodes.begin(), how.nodes.end(), queue.node) == how.nodes.end();
}

} // namespace

// -- what has changed -------------------------------------------------------------------------------------------------

void queue_supervisor::begin(uint64_t now, const metadata_snapshot& in) {
  nodes_.clear();
  loads_.clear();
  masters_.clear();
  open_.clear();
  asked_.clear();
  later_.clear();
  later_at_ = plan_at_ = UINT64_MAX;
  moves_.clear();
  under_way_.reset();
  note_nodes(now, in);
  walk_ = true;
}

void queue_supervisor::note_nodes(uint64_t now, const metadata_snapshot& in) {
  const node_table table = sessions_of(in);
  std::erase_if(nodes_, [&](const auto& one) { return table.find(one.first) == nullptr; });
  for (const replication::node_status& one : table.nodes) {
    const auto [at, fresh] = nodes_.try_emplace(one.node, node_note{one.inc, one.live, now});
    if (!fresh && (at->second.session != one.inc || at->second.up != one.live))
      at->second = {one.inc, one.live, now};
  }
  for (auto& [id, one] : asked_) // what was proposed may be of no use any more
    open_.insert_or_assign(id, std::move(one.which));
  asked_.clear();
  walk_ = true;
}

void queue_supervisor::note_queue(uint64_t now, const metadata_change& change) {
  const queue_record& queue = *change.queue;
  asked_.erase(queue.id);
  later_.erase(queue.id);
  moves_.changed(queue.id, change.what == kind::queue_deleted ? nullptr : &queue);
  if (change.what == kind::queue_deleted) {
    open_.erase(queue.id);
  } else if (queue.placement) {
    open_.insert_or_assign(queue.id, queue_name{queue.vhost, queue.name});
    plan_at_ = std::min(plan_at_, now + settings_.rebalance_ms);
  }
}

void queue_supervisor::follow(uint64_t now, const std::vector<metadata_change>& changes, const metadata_snapshot& in) {
  bool nodes = false;
  for (const metadata_change& one : changes) {
    nodes = nodes || is_node_change(one);
    if (one.queue)
      note_queue(now, one);
  }
  if (nodes)
    note_nodes(now, in);
}

void queue_supervisor::drain(std::vector<node_id> nodes) {
  std::sort(nodes.begin(), nodes.end());
  if (nodes == drained_)
    return;
  drained_ = std::move(nodes);
  walk_ = true;
}

bool queue_supervisor::is_drained(node_id node) const {
  return std::binary_search(drained_.begin(), drained_.end(), node);
}

uint64_t queue_supervisor::since(node_id node) const {
  const auto at = nodes_.find(node);
  return at == nodes_.end() ? 0 : at->second.since;
}

// -- looking at all of them -------------------------------------------------------------------------------------------

void queue_supervisor::begin_walk(const metadata_snapshot& in) {
  walk_ = false;
  plan_at_ = UINT64_MAX;
  survey& all = under_way_.emplace(in);
  in.for_each_node([&](const node_ptr& one) {
    if (const auto id = static_cast<node_id>(one->id); all.nodes.sessions().find(id)) {
      all.ids[one->name] = id;
      if (one->up && !is_drained(id))
        all.targets[id] = 0;
    }
  });
  constexpr size_t parts_of_a_step = 8;
  all.parts = parts_of(in, std::max<size_t>(settings_.walk_max / parts_of_a_step, 1));
}

// First all are counted; then, round by round, what must move and what may.
void queue_supervisor::look_at_part(const metadata_snapshot& in, survey& all, size_t& left) {
  const size_t round = all.done / all.parts;
  in.visit_queues(all.done % all.parts, all.parts, [&](const queue_ptr& one) {
    left -= std::min<size_t>(left, 1);
    if (round == 0)
      count(*one, all);
    else if (all.plan.size() < settings_.proposals_max)
      plan_move(*one, round == 1, all);
  });
  ++all.done;
}

void queue_supervisor::walk(uint64_t now, const metadata_snapshot& in) {
  constexpr size_t rounds = 3;
  if (walk_ || !under_way_)
    begin_walk(in);
  survey& all = *under_way_;
  const auto over = [&] { return all.done == rounds * all.parts || all.plan.size() == settings_.proposals_max; };
  for (size_t left = settings_.walk_max; left > 0 && !over();)
    look_at_part(in, all, left);
  if (!over())
    return;
  loads_ = std::move(all.loads);
  masters_ = std::move(all.masters);
  moves_.plan(std::move(all.plan));
  under_way_.reset();
  if (moves_.planned() == settings_.proposals_max)
    plan_at_ = now + settings_.rebalance_ms;
}

void queue_supervisor::count(const queue_record& queue, survey& all) {
  if (!queue.placement) {
    if (const auto at = all.ids.find(queue.node); at != all.ids.end())
      ++all.loads[at->second];
    return;
  }
  for (const node_id node : queue.placement->nodes)
    ++all.loads[node];
  const node_table& nodes = all.nodes.of(*queue.placement);
  if (!is_healthy(*queue.placement, nodes))
    open_.insert_or_assign(queue.id, queue_name{queue.vhost, queue.name});
  if (!has_master(*queue.placement, nodes))
    return;
  ++all.masters[queue.placement->master];
  if (const auto at = all.targets.find(queue.placement->master); at != all.targets.end())
    ++at->second;
}

/// A master leaves a node that is drained, or that its policy does not list, for whichever mirror's node has fewest
/// masters; and any other node if that makes the two more equal.
void queue_supervisor::plan_move(const queue_record& record, bool must, survey& all) const {
  if (!record.placement || record.placement->isr.size() < 2)
    return;
  const placement& queue = *record.placement;
  const node_table& nodes = all.nodes.of(queue);
  if (!has_master(queue, nodes))
    return;
  if (must != (is_drained(queue.master) || is_unlisted(record)))
    return;
  auto& masters = all.targets;
  std::optional<node_id> best;
  for (const node_id to : queue.nodes)
    if (may_take_over(queue, to, nodes) && !is_drained(to) && (!best || masters[to] < masters[*best]))
      best = to;
  if (!best || (!must && masters[queue.master] < masters[*best] + 2))
    return;
  if (const auto at = masters.find(queue.master); at != masters.end() && at->second > 0)
    --at->second;
  ++masters[*best];
  all.plan.push_back({record.vhost, record.name, record.id, queue.mastership, queue.master, *best});
}

replication::candidate_rank queue_supervisor::rank_of(node_id node) const {
  const auto at = masters_.find(node);
  return {is_drained(node), at == masters_.end() ? 0 : at->second};
}

// -- one queue --------------------------------------------------------------------------------------------------------

void queue_supervisor::look_later(const queue_record& queue, uint64_t when) {
  later_.insert_or_assign(queue.id, waiting{{queue.vhost, queue.name}, when});
  later_at_ = std::min(later_at_, when);
}

void queue_supervisor::propose(uint64_t now, const queue_record& queue, replication::placement_command what,
                               supervision& out) {
  BROKER_ASSERT(asked_.size() < settings_.proposals_max, "proposals are bounded");
  asked_.insert_or_assign(queue.id, waiting{{queue.vhost, queue.name}, now + settings_.retry_ms});
  out.proposals.push_back({queue.vhost, queue.name, queue.id, std::move(what)});
}

void queue_supervisor::propose_master(uint64_t now, const queue_record& queue, const view& seen,
                                      const heard_of_replicas& heard, supervision& out) {
  uint64_t alone = 0; // since when nobody in sync is alive, at the latest
  for (const member& one : seen.queue.isr)
    alone = std::max(alone, since(one.node));
  const bool grace_over = !settings_.wait_for_all && now - std::min(now, alone) >= settings_.grace_ms;
  const auto progress = heard ? heard(queue.id) : std::vector<replication::progress>{};
  const auto rank = [this](node_id node) { return rank_of(node); };
  if (auto what = replication::supervise(seen, progress, grace_over, rank)) {
    if (const auto* next = std::get_if<replication::promote>(&*what))
      ++masters_[next->candidate];
    return propose(now, queue, std::move(*what), out);
  }
  if (!grace_over && !settings_.wait_for_all)
    look_later(queue, alone + settings_.grace_ms);
}

void queue_supervisor::propose_copies(uint64_t now, const queue_record& queue, const view& seen, supervision& out) {
  if (!copies_may_move(queue))
    return;
  std::vector<node_id> gone;
  uint64_t next = UINT64_MAX;
  for (const node_id one : seen.queue.nodes) {
    if (one == seen.queue.master || seen.nodes.live(one))
      continue;
    if (const uint64_t when = since(one) + settings_.restore_ms; when <= now)
      gone.push_back(one);
    else
      next = std::min(next, when);
  }
  std::vector<node_id> candidates;
  for (const auto& [node, note] : nodes_)
    if (note.up && !is_drained(node) && !seen.queue.places(node))
      candidates.push_back(node);
  std::stable_sort(candidates.begin(), candidates.end(), [&](node_id a, node_id b) { return loads_[a] < loads_[b]; });
  auto what = replication::restore_copies(seen, gone, candidates);
  if (!what) {
    if (next != UINT64_MAX)
      look_later(queue, next);
    return;
  }
  for (const node_id one : what->nodes)
    if (!seen.queue.places(one))
      ++loads_[one];
  propose(now, queue, std::move(*what), out);
}

void queue_supervisor::look_at(uint64_t now, const queue_ptr& queue, const view& seen, const heard_of_replicas& heard,
                               supervision& out) {
  if (has_master(seen.queue, seen.nodes))
    propose_copies(now, *queue, seen, out);
  else
    propose_master(now, *queue, seen, heard, out);
}

// -- a step -----------------------------------------------------------------------------------------------------------

void queue_supervisor::open_due(uint64_t now) {
  for (auto* all : {&asked_, &later_})
    for (auto at = all->begin(); at != all->end();) {
      if (at->second.until > now) {
        ++at;
        continue;
      }
      open_.insert_or_assign(at->first, std::move(at->second.which));
      at = all->erase(at);
    }
  later_at_ = UINT64_MAX;
  for (const auto* all : {&asked_, &later_})
    for (const auto& [id, one] : *all)
      later_at_ = std::min(later_at_, one.until);
}

supervision queue_supervisor::step(uint64_t now, const metadata_snapshot& in, const heard_of_replicas& heard) {
  supervision out;
  if (now >= later_at_)
    open_due(now);
  if (walk_ || walking() || now >= plan_at_)
    walk(now, in);
  if (walking())
    return out; // the counts that proposals go by are not complete
  node_tables nodes{in};
  for (size_t looks = 4 * settings_.proposals_max; looks > 0 && !open_.empty(); --looks) {
    if (asked_.size() >= settings_.proposals_max)
      break;
    auto at = open_.upper_bound(last_);
    if (at == open_.end())
      at = open_.begin();
    last_ = at->first;
    const queue_ptr queue = in.find_queue(at->second.vhost, at->second.name);
    open_.erase(at);
    if (queue && queue->id == last_ && queue->placement && !asked_.contains(last_))
      look_at(now, queue, {*queue->placement, nodes.of(*queue->placement)}, heard, out);
  }
  for (const auto& [id, one] : asked_)
    later_at_ = std::min(later_at_, one.until);
  out.moves = moves_.step(now, in, drained_);
  BROKER_ASSERT(asked_.size() <= settings_.proposals_max && out.moves.size() <= settings_.moves_max,
                "a step is bounded");
  return out;
}

uint64_t queue_supervisor::next_step(uint64_t now) const {
  const bool looks = !open_.empty() && asked_.size() < settings_.proposals_max;
  if (walk_ || walking() || looks || moves_.ready())
    return now;
  uint64_t next = std::min(later_at_, plan_at_);
  if (moves_.planned() != 0)
    next = std::min(next, moves_.next_step());
  return std::max(next, now);
}

} // namespace broker

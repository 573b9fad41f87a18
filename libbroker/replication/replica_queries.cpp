// What is known of a replica, and what it tells in a recovery.
#include <algorithm>

#include "base/assert.hpp"
#include "replication/describe.hpp"
#include "replication/plant.hpp"
#include "replication/replica.hpp"

namespace broker::replication {

role replica::what() const {
  if (master_)
    return role::master;
  return core_.known.queue.lists({core_.settings.self, core_.inc}) ? role::mirror : role::joiner;
}

/// By the epoch of the last entry: a replica that lost its tail may well have heard of a newer epoch (C10).
inventory replica::stock() const {
  inventory mine;
  mine.who = {core_.settings.self, core_.inc};
  mine.last = core_.log.end();
  if (planted(plant::known_epoch))
    mine.last.mastership = core_.mastership;
  const member* listed = core_.known.queue.listed(core_.settings.self);
  mine.empty = listed == nullptr || core_.log.emptied_at() > listed->inc;
  return mine;
}

void replica::report(effects& out) const {
  const placement& queue = core_.known.queue;
  const node_table& nodes = core_.known.nodes;
  if (!core_.listed() || !nodes.current_and_live({core_.settings.self, core_.inc}))
    return;
  if (std::any_of(queue.isr.begin(), queue.isr.end(), [&](const member& one) { return nodes.current_and_live(one); }))
    return;
  out.proposals.emplace_back(report_inventory{queue.mastership, stock()});
}

std::vector<seq_range> replica::ended_above_commit() const {
  std::vector<seq_range> ended;
  for (const log_run& run : core_.log.runs())
    if (run.last() > core_.commit && run.ranges)
      ended.insert(ended.end(), run.ranges->begin(), run.ranges->end());
  return ended;
}

seqno replica::needed_from() const {
  seqno lowest = core_.log.memory_floor() + 1;
  if (master_)
    for (const peer& one : master_->peers())
      if (core_.known.nodes.live(one.node))
        lowest = std::min(lowest, one.next);
  return lowest;
}

/// Nodes by number and life, as seen: an absolute history is not part of it.
void replica::describe(std::string& out) const {
  put(out, core_.settings.self, core_.inc, core_.mastership, core_.matched, core_.commit, core_.delivered_upto,
      core_.leaving);
  const placement& queue = core_.known.queue;
  put(out, queue.mastership, queue.version, queue.master, queue.min_in_sync, queue.isr.size());
  for (const member& one : queue.isr)
    put(out, one.node, one.inc);
  put(out, queue.nodes.size(), queue.inventories.size());
  for (node_id one : queue.nodes)
    put(out, one);
  for (const inventory& one : queue.inventories)
    put(out, one.who.node, one.who.inc, one.last.mastership, one.last.seq, one.clean, one.empty);
  put(out, core_.known.nodes.nodes.size());
  for (const node_status& one : core_.known.nodes.nodes)
    put(out, one.node, one.inc, one.live);
  core_.log.describe(out);
  mirror_.describe(out);
  put(out, master_.has_value());
  if (master_)
    master_->describe(out);
}

void replica::check(seqno from) const {
  const replica_log& log = core_.log;
  BROKER_ASSERT(master_.has_value() == core_.is_master(), "the role follows from what is known");
  BROKER_ASSERT(core_.mastership >= core_.known.queue.mastership, "the highest epoch seen is kept");
  BROKER_ASSERT(core_.matched <= log.length(), "what was compared is there");
  BROKER_ASSERT(core_.commit <= log.length(), "what is committed is there (I4)");
  BROKER_ASSERT(log.durable() <= log.length(), "what is durable is there");
  BROKER_ASSERT(!log.copying() || (core_.commit == 0 && log.durable() == 0), "a log with a hole commits nothing");
  BROKER_ASSERT(!log.copying() || !master_, "a log with a hole has no master (I2)");
  BROKER_ASSERT(log.described_floor() <= log.memory_floor(), "what is in memory is known");
  const auto& runs = log.runs();
  const auto begin =
    std::partition_point(runs.begin(), runs.end(), [&](const log_run& run) { return run.last() < from; });
  seqno next = begin == runs.begin() ? log.described_floor() + 1 : std::prev(begin)->last() + 1;
  for (auto at = begin; at != runs.end(); ++at) {
    const log_run& run = *at;
    BROKER_ASSERT(run.in_memory() || run.last() <= log.memory_floor(), "only the oldest runs lack bodies");
    BROKER_ASSERT(run.first == next && run.count != 0, "a log has no gaps");
    BROKER_ASSERT(run.kind == entry_kind::publish || run.count == 1, "only publishes come in more than one");
    next = run.last() + 1;
  }
  BROKER_ASSERT(next == log.length() + 1, "the log ends with its last run");
  if (!master_)
    return;
  BROKER_ASSERT(master_->office() <= log.length(), "a master cuts nothing off");
  for (const peer& one : master_->peers()) {
    BROKER_ASSERT(one.node != core_.settings.self, "a master is not its own mirror");
    BROKER_ASSERT(one.match < one.next && one.next <= log.length() + 1, "what is acknowledged was sent");
    BROKER_ASSERT(one.copy_acked <= one.copy_read && one.copy_read <= one.copy_upto, "a copy proceeds in order");
  }
}

} // namespace broker::replication

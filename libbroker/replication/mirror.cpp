#include "replication/mirror.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "replication/describe.hpp"
#include "replication/plant.hpp"

namespace broker::replication {

namespace {

/// The first entry of `run` that is not here, or is here from another master. What is too far back to tell is committed
/// and so the same.
seqno first_new(const replica_core& core, const log_run& run) {
  seqno at = run.first;
  while (at <= run.last() && core.log.matches({run.mastership, at}))
    ++at;
  return at;
}

} // namespace

/// What the master does not have. Logs part between masterships, at the end of a run: else this one is not sound.
void mirror::drop_from(replica_core& core, seqno at, effects& out) const {
  BROKER_ASSERT(at > core.commit || planted(plant::hw_truncate), "a committed entry is never cut off (I4)");
  if (!core.log.can_truncate(at)) {
    out.damaged = true;
    return;
  }
  core.log.truncate(at, out.writes);
  core.matched = std::min(core.matched, at - 1);
}

/// Two entries of one seq and epoch are the same (I3), so they are compared by that. The old tail is kept until it
/// conflicts: a shorter message must not cut off what the master has sent and this replica has acknowledged.
void mirror::take(replica_core& core, const log_run& run, effects& out) const {
  const seqno at = first_new(core, run);
  if (at > run.last())
    return;
  if (at <= core.log.length())
    drop_from(core, at, out);
  if (out.damaged)
    return;
  if (!core.log.append(cut(run, at, run.last()), out.writes))
    out.damaged = true;
  else if (planted(plant::forget_early) && run.ranges)
    core.log.forget(*run.ranges, out.writes);
}

void mirror::receive(replica_core& core, node_id from, const append& message, effects& out) {
  master_ = from;
  replica_log& log = core.log;
  // The master has given the copy up: it sends what lies below the base (C17), or nothing, which it never does
  // meanwhile.
  if (log.copying() && (message.prev.seq < log.copy_base().seq || message.runs.empty())) {
    log.empty_out(core.inc, out.writes);
    core.matched = 0;
  }
  if (!log.matches(message.prev)) {
    const seqno hint = std::min(log.length(), message.prev.seq - 1);
    core.send(from, append_reject{append_reject::reason::gap, hint}, out);
    return;
  }
  const auto chain = log.chain_at(message.prev.seq);
  if (chain && message.prev_chain && *chain != *message.prev_chain)
    out.damaged = true;
  seqno upto = message.prev.seq;
  for (const log_run& run : message.runs) {
    BROKER_ASSERT(run.first == upto + 1, "a message has no gaps: the wire checks it");
    upto = run.last();
    const bool dropped = planted(plant::copy_drops_settles) && log.copying() && run.ranges;
    if (!out.damaged)
      take(core, dropped ? [&] { log_run empty = run; empty.ranges = nullptr; return empty; }() : run, out);
  }
  // From here on the master's log has, or will have, entries of its own mastership and no others. A tail of an earlier
  // one need not wait for them: nobody may write any more, and with the next office of this replica it would be truth.
  const bool behind = upto < log.length() && log.mastership_at(upto + 1) < core.mastership;
  if (message.ends && !out.damaged && behind && !planted(plant::ack_log_end))
    drop_from(core, upto + 1, out);
  if (out.damaged) {
    core.send(from, append_reject{append_reject::reason::damaged, 0}, out);
    return;
  }
  core.matched = std::max(core.matched, upto);
  BROKER_ASSERT(core.matched <= log.length(), "what was compared is there");
  core.delivered_upto = std::max(core.delivered_upto, message.delivered_upto);
  if (!log.copying())
    core.advance_commit(std::max(core.commit, std::min(message.commit, core.matched)), out);
  if (log.durable() >= core.matched || planted(plant::ack_before_fsync) || planted(plant::ack_in_copy))
    acknowledge(core, out);
}

/// Both bounds matter: what is only in memory dies with a crash, and beyond `matched` lies what an earlier master wrote
/// (C5).
void mirror::acknowledge(const replica_core& core, effects& out) const {
  if (core.log.copying() && !planted(plant::ack_in_copy))
    return;
  seqno upto = std::min(core.log.durable(), core.matched);
  if (planted(plant::ack_before_fsync) || (planted(plant::ack_in_copy) && core.log.copying()))
    upto = core.matched;
  if (planted(plant::ack_log_end))
    upto = core.log.durable();
  BROKER_ASSERT(upto <= core.log.length(), "only what is there is acknowledged");
  core.send(master_, append_ok{upto}, out);
}

void mirror::written(const replica_core& core, effects& out) const {
  if (master_ != 0 && core.matched != 0)
    acknowledge(core, out);
}

/// Only into an empty log: whatever is in a log may be the last copy of something, or have been acknowledged (C8).
void mirror::receive(replica_core& core, node_id from, const copy_begin& message, effects& out) {
  master_ = from;
  BROKER_ASSERT(message.base.end.seq != 0, "a copy of nothing is not begun: the wire checks it");
  if (core.log.length() != 0 && !planted(plant::wipe_in_place)) {
    core.send(from, append_reject{append_reject::reason::copy_refused, core.log.length()}, out);
    return;
  }
  core.log.begin_copy(message.base, out.writes);
  BROKER_ASSERT(core.log.copying() && core.log.durable() == 0, "a log with a hole is not durable");
  core.matched = message.base.end.seq;
  core.commit = 0;
  core.delivered_upto = message.base.delivered_upto;
}

void mirror::receive(replica_core& core, node_id from, const copy_chunk& message, effects& out) {
  master_ = from;
  replica_log& log = core.log;
  if (!log.copying() || message.from != log.copied_upto() + 1 || message.upto > log.copy_base().seq)
    return; // of a copy that has been given up
  log.add_copied(message.live, message.upto, out.writes);
  if (log.copied_upto() == log.copy_base().seq)
    copy_arrived(core, out);
  core.send(from, copy_ok{message.upto}, out);
}

/// From here on it is an ordinary log; its first acknowledgement waits until all of this is on disk.
void mirror::copy_arrived(replica_core& core, effects& out) const {
  BROKER_ASSERT(core.commit == 0, "a log with a hole commits nothing");
  core.log.end_copy(out.writes);
  BROKER_ASSERT(core.matched >= core.log.copy_base().seq, "the tail follows the copy's base");
}

/// Not while the in-sync set lists it under any incarnation: its disk may be the one that saves an entry (I1).
void mirror::receive(replica_core& core, node_id from, const start_over& message, effects& out) {
  master_ = from;
  if (message.whom != core.inc && !planted(plant::start_over_any))
    return;
  if (core.listed())
    return;
  core.leaving = !planted(plant::start_over_any);
  out.start_over = true;
}

void mirror::describe(std::string& out) const {
  put(out, master_);
}

} // namespace broker::replication

#include "replication/replica_timers.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace broker::replication {

replica_timers::watch& replica_timers::watch_of(node_id node) {
  for (watch& one : watched_)
    if (one.node == node)
      return one;
  watch fresh;
  fresh.node = node;
  watched_.push_back(fresh);
  return watched_.back();
}

void replica_timers::mark_length(uint64_t now_ms, seqno length) {
  lengths_.push_back({now_ms, length});
  const auto old = [now_ms](const mark& one) { return one.at_ms + limits::replication_behind_ms <= now_ms; };
  while (lengths_.size() > 1 && old(lengths_[1]))
    lengths_.erase(lengths_.begin()); // a few
  due_ = old(lengths_.front()) ? lengths_.front().length : 0;
}

/// Everyone else in sync has what was due, two at least, so this mirror is what confirms wait for. Not if it is only
/// that publishers are faster than it: so much is under way then that each waits for its turn, and without this mirror
/// the next one would be the slowest.
bool replica_timers::alone_behind(const peer& now, const replica& machine) const {
  if (now.match >= due_ || machine.log().bytes_between(now.match, due_) >= limits::replication_window_bytes)
    return false;
  size_t others = 0;
  for (const member& one : machine.known().queue.isr) {
    const peer* who = machine.office()->find(one.node); // null: the master
    if (who == &now)
      continue;
    if ((who ? who->match : machine.log().durable()) < due_)
      return false;
    ++others;
  }
  return others >= std::max<size_t>(2, machine.known().queue.min_in_sync);
}

/// A mirror that makes no progress although there is something to make. Back-off doubles with each removal, so that a
/// link that comes and goes cannot stall publishers every three seconds; a mirror that stays in sync for as long as its
/// last back-off starts anew.
void replica_timers::look_at(watch& one, const peer& now, uint64_t now_ms, replica& machine, effects& out) {
  const incarnation inc = machine.known().nodes.registered(one.node);
  const bool waiting = now.owes(machine.log().length());
  const bool moved = one.inc != inc || one.match != now.match || one.copied != now.copy_acked;
  if (!waiting || moved || one.moved_ms == 0)
    one.moved_ms = one.probed_ms = now_ms;
  one.inc = inc;
  one.match = now.match;
  one.copied = now.copy_acked;
  if (one.pardon_ms != 0 && now_ms >= one.pardon_ms) {
    one.pardon_ms = 0;
    machine.pardon(one.node);
  }
  const bool listed = machine.known().queue.listed(one.node) != nullptr;
  BROKER_ASSERT(now_ms >= one.moved_ms && now_ms >= one.probed_ms, "time does not go back");
  const uint64_t silent = now_ms - one.moved_ms;
  const bool slow = silent >= limits::replication_slow_ms || alone_behind(now, machine);
  if (listed && slow && machine.remove_slow(one.node, out)) {
    one.bar_ms = std::clamp(one.bar_ms * 2, limits::replication_return_ms, limits::replication_return_max_ms);
    one.pardon_ms = now_ms + one.bar_ms;
    return;
  }
  if (listed && !waiting && one.pardon_ms == 0 && one.bar_ms != 0 && silent == 0)
    one.bar_ms -= std::min(one.bar_ms, limits::replication_announce_ms);
  if (waiting && now_ms - one.probed_ms >= limits::replication_retry_ms) {
    one.probed_ms = now_ms;
    machine.probe_again(one.node);
  }
}

void replica_timers::was_late(uint64_t ms) {
  if (ms >= limits::replication_announce_ms) // a busy machine: what is due then has not been read yet either
    for (mark& one : lengths_)
      one.at_ms += ms;
  if (ms >= limits::replication_retry_ms)
    for (watch& one : watched_)
      one.moved_ms += one.moved_ms != 0 ? ms : 0;
}

void replica_timers::tick(uint64_t now_ms, replica& machine, effects& out) {
  if (!machine.is_master()) {
    watched_.clear();
    lengths_.clear();
    pending_version_ = 0;
    if (now_ms - reported_ms_ >= limits::replication_retry_ms) {
      reported_ms_ = now_ms;
      machine.report(out);
    }
    return;
  }
  if (mastership_ != machine.mastership()) {
    mastership_ = machine.mastership();
    watched_.clear();
    lengths_.clear();
  }
  mark_length(now_ms, machine.log().length());
  std::vector<node_id> nodes;
  for (const peer& one : machine.office()->peers())
    nodes.push_back(one.node);
  for (node_id node : nodes)
    if (machine.known().nodes.live(node))
      look_at(watch_of(node), *machine.office()->find(node), now_ms, machine, out);
  const auto& pending = machine.office()->pending();
  if (!pending || pending->version != pending_version_) {
    pending_version_ = pending ? pending->version : 0;
    pending_ms_ = now_ms;
  } else if (now_ms - pending_ms_ >= limits::replication_retry_ms) {
    pending_ms_ = now_ms;
    machine.repeat_pending(out);
  }
  machine.propose_hand_over(out);
  machine.announce();
  machine.pump(out);
}

} // namespace broker::replication

// Office, commit rule, acknowledgements.
#include "replication/master.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "replication/describe.hpp"
#include "replication/plant.hpp"

namespace broker::replication {

const peer* master::find(node_id node) const {
  for (const peer& one : peers_) // a handful
    if (one.node == node)
      return &one;
  return nullptr;
}

/// Everyone who holds or shall hold a copy. Those already known keep what is known of them.
void master::list_peers(const replica_core& core) {
  std::vector<node_id> nodes = core.known.queue.nodes;
  for (const member& one : core.known.queue.isr)
    nodes.push_back(one.node);
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  std::erase(nodes, core.settings.self);
  std::vector<peer> now;
  for (node_id node : nodes) {
    if (const peer* known = find(node)) {
      now.push_back(*known);
      continue;
    }
    peer fresh;
    fresh.node = node;
    fresh.next = core.log.length() + 1;
    now.push_back(fresh);
  }
  peers_ = std::move(now);
  BROKER_ASSERT(find(core.settings.self) == nullptr, "a master is not its own mirror");
}

void master::take_office(replica_core& core) {
  BROKER_ASSERT(core.is_master(), "an office is taken by the master");
  BROKER_ASSERT(!core.log.copying(), "a log with a hole is in no in-sync set");
  *this = {};
  office_ = core.log.length();
  BROKER_ASSERT(core.commit <= office_, "what is committed is in the log");
  list_peers(core);
}

void master::metadata_changed(replica_core& core, const metadata_view& before, effects& out) {
  BROKER_ASSERT(core.is_master(), "only the master is told so");
  list_peers(core);
  for (peer& one : peers_) {
    one.unserved = false;
    if (before.nodes.registered(one.node) != core.known.nodes.registered(one.node)) {
      const peer old = one;
      one = {};
      one.node = old.node;
      one.barred = old.barred; // it stays slow when it restarts
      one.next = core.log.length() + 1;
    }
  }
  if (pending_ && core.known.queue.version > pending_->version)
    pending_.reset();
  commit(core, out);
}

// -- T11
// ----------------------------------------------------------------------------------------------------------------

/// What every member of the largest set that may be in force has on disk. An addition counts from its proposal on and a
/// removal only once it is known to be committed: whichever way the proposal goes, the set that is then committed is
/// part of what was counted.
seqno master::counted(const replica_core& core) const {
  seqno lowest = planted(plant::no_own_fsync) ? core.log.length() : core.log.durable();
  const auto count = [&](const std::vector<member>& isr) {
    for (const member& one : isr) {
      if (one.node == core.settings.self)
        continue;
      const peer* who = find(one.node);
      const bool old = !core.known.nodes.current(one);
      if (who == nullptr || (old && !planted(plant::old_inc_ack)))
        lowest = 0; // it restarted: what it had acknowledged may be gone
      else
        lowest = std::min(lowest, who->match);
    }
  };
  const bool early = planted(plant::remove_early) && pending_;
  if (!early)
    count(core.known.queue.isr);
  if (pending_ && !planted(plant::join_uncounted))
    count(pending_->isr);
  const bool enough = core.known.queue.isr.size() >= core.known.queue.min_in_sync || planted(plant::min_at_publish);
  return enough ? lowest : 0;
}

void master::commit(replica_core& core, effects& out) {
  BROKER_ASSERT(core.is_master(), "only a master commits");
  const seqno upto = counted(core);
  BROKER_ASSERT(upto <= core.log.length(), "nothing counts that is not there");
  if (upto <= core.commit)
    return;
  BROKER_ASSERT(upto <= core.log.durable() || planted(plant::no_own_fsync),
                "a confirmed entry is on the own disk (G1)");
  core.advance_commit(upto, out);
}

void master::receive(replica_core& core, node_id from, incarnation inc, const append_ok& message, effects& out) {
  peer* who = find(from);
  if (who == nullptr || (inc != core.known.nodes.registered(from) && !planted(plant::old_inc_ack)))
    return; // of a life that is over: what it had may be gone
  BROKER_ASSERT(message.upto <= core.log.length() || planted(plant::ack_log_end) || planted(plant::keep_inc),
                "a mirror's matched prefix lies within the master's log");
  const seqno before = who->match;
  who->match = std::max(who->match, std::min(message.upto, core.log.length()));
  if (who->next <= who->match) { // nobody waits for what the store was asked for, or did not have: it is there
    who->next = who->match + 1;
    who->reading = who->unserved = false;
  }
  who->heard = who->streaming = true;
  who->back_step = 0;
  BROKER_ASSERT(who->match < who->next, "what is acknowledged was sent");
  if (who->match + 1 == who->next)
    who->in_flight_bytes = 0;
  else
    who->in_flight_bytes -= std::min(who->in_flight_bytes, core.log.bytes_between(before, who->match));
  if (who->copied())
    who->forget_copy();
  commit(core, out);
}

/// Twice as far with each answer that does not fit: one that was master itself has perhaps a thousand entries that
/// nobody else has. Not past what is in memory at once: what lies below has to be read, or is gone.
seqno master::step_back(const replica_core& core, peer& who, seqno hint) {
  const seqno further = who.back_step == 0 ? 0 : who.back_step - 1;
  who.back_step = std::clamp<seqno>(who.back_step * 2, 1, core.log.length() + 1);
  const seqno floor = core.log.memory_floor();
  const seqno target = hint - std::min(hint, further);
  return hint > floor ? std::max(target, floor) : target;
}

void master::receive(replica_core& core, node_id from, incarnation inc, const append_reject& message, effects&) {
  peer* who = find(from);
  if (who == nullptr || inc != core.known.nodes.registered(from))
    return;
  if (message.why == append_reject::reason::damaged)
    return; // it comes back under another incarnation
  BROKER_ASSERT(message.why != append_reject::reason::stale, "an older epoch's master hears of the newer one first");
  if (message.why == append_reject::reason::gap && who->copying && message.hint < who->copy_upto)
    return; // an answer to what was sent before the copy
  if (message.why == append_reject::reason::copy_refused) {
    who->forget_copy();
    who->copy_refused = true;
  }
  who->next = std::max(who->match, step_back(core, *who, std::min(who->next - 1, message.hint))) + 1;
  who->in_flight_bytes = 0;
  who->streaming = false;
  who->probe = true;
  who->heard = true;
  BROKER_ASSERT(who->match < who->next && who->next <= core.log.length() + 1, "the next entry is one of the log");
}

void master::probe_again(const replica_core& core, node_id who) {
  peer* to = find(who);
  BROKER_ASSERT(to != nullptr, "a replica of this queue");
  to->forget_copy();
  to->reading = false;
  to->next = core.log.length() + 1;
  to->in_flight_bytes = 0;
  to->back_step = 0;
  to->streaming = false;
  to->probe = true;
}

void master::announce(const replica_core& core) {
  for (peer& one : peers_)
    if ((one.told_commit < core.commit || one.told_delivered < core.delivered_upto) && !one.copying)
      one.probe = true;
}

void master::describe(std::string& out) const {
  put(out, office_, peers_.size());
  for (const peer& one : peers_) {
    put(out, one.node, one.match, one.next, one.told_commit, one.told_delivered, one.back_step);
    put(out, one.probe | one.heard << 1 | one.barred << 2 | one.reading << 3 | one.copying << 4 | one.copy_refused << 5
               | one.must_start_over << 6 | one.copy_reading << 7 | one.unserved << 8 | one.streaming << 9);
    if (one.copying)
      put(out, one.copy_upto, one.copy_read, one.copy_acked);
  }
  put(out, pending_.has_value(), hand_over_to_.node, hand_over_to_.inc, hand_over_asked_);
  if (pending_) {
    put(out, pending_->mastership, pending_->version, pending_->isr.size());
    for (const member& one : pending_->isr)
      put(out, one.node, one.inc);
  }
}

} // namespace broker::replication

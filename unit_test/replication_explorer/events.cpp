// What nodes and messages do.
#include <algorithm>
#include <cstring>

#include "base/assert.hpp"
#include "world.hpp"

namespace explorer {

using repl::plant;
using repl::planted;

void world::successors(const state& from, bool with_faults, const emit& out) {
  restarts(from, with_faults, out);
  node_events(from, with_faults, out);
  messages(from, out);
  for (int node = 0; node < bounds_.nodes; ++node)
    if (of(from, node).master)
      master_events(from, node, with_faults, out);
  metadata_events(from, with_faults, out);
  channel_events(from, with_faults, out);
  if (with_faults)
    faults(from, out);
}

/// Of a process that starts, or has a new session.
repl::incarnation world::next_inc(const state& at, int node) const {
  return std::max(repl::incarnation{of(at, node).inc}, head(at).nodes.registered(static_cast<repl::node_id>(node + 1)))
       + 1;
}

/// R6 as first written, when planted: registering takes the node out of an in-sync set that has a live member.
void world::register_as(state&, int node, repl::incarnation inc, repl::metadata_view& view) {
  const auto number = static_cast<repl::node_id>(node + 1);
  const auto done = repl::register_node(view.nodes, {number, inc});
  BROKER_ASSERT(done.ok(), "a higher incarnation registers");
  repl::placement& queue = view.queue;
  if (!planted(plant::register_shrinks) || queue.listed(number) == nullptr)
    return;
  repl::node_id other = 0;
  for (const repl::member& one : queue.isr)
    if (one.node != number && view.nodes.current_and_live(one) && other == 0)
      other = one.node;
  if (other == 0)
    return;
  std::erase_if(queue.isr, [&](const repl::member& one) { return one.node == number; });
  ++queue.version;
  if (queue.master != number)
    return;
  ++queue.mastership;
  queue.master = other;
}

/// kind 0: as the crash left it; 1: the last durable entry is silently gone; 2: the disk is empty; 3: emptied on
/// purpose.
void world::restart(const state& from, int node, int kind, const emit& out) {
  state next = from;
  sim_node old = steps_.node(from.node[node]);
  repl::replica_log log = old.image;
  uint32_t live = old.image_live;
  bool damaged = old.damaged;
  if (kind == 1 || kind == 2) {
    --next.left[kind == 1 ? tail : wipe];
    damaged = true;
    next.holders &= static_cast<uint8_t>(~(1 << node));
    if (next.holders == 0)
      return; // every in-sync disk is damaged: loss is allowed
  }
  if (kind == 1) {
    live &= (1u << log.length()) - 1;
    const auto cut = log.replay({0, repl::log_truncated{log.length()}});
    BROKER_ASSERT(cut.ok(), "a tail can be cut off");
    log.recovered();
  } else if (kind >= 2) {
    log = {};
    live = 0;
  }
  repl::metadata_view view = head(from);
  const bool keep = planted(plant::keep_inc) && kind != 3;
  const repl::incarnation inc = keep ? old.inc : next_inc(from, node);
  if (!keep) {
    register_as(next, node, inc, view);
    if (view.queue.mastership > static_cast<uint64_t>(bounds_.epochs) || !commit_view(next, view))
      return;
  }
  next.applied[node] = static_cast<uint8_t>(next.views - 1);
  try {
    sim_node fresh = steps_.start(static_cast<repl::node_id>(node + 1), inc, head(next), std::move(log), live);
    fresh.damaged = damaged;
    next.node[node] = steps_.put(fresh);
  } catch (const broken_assertion& broken) {
    fail("assertion: " + broken.text);
  }
  if (kind == 3)
    for (int other = 0; other < bounds_.nodes; ++other)
      std::memset(next.link[other][node], 0, sizeof next.link[other][node]);
  static const char* names[] = {"restart", "restart, last durable entry gone", "restart, disk empty",
                                "restart with an emptied log"};
  go(next, out, names[kind], node);
}

void world::restarts(const state& from, bool faults, const emit& out) {
  for (int node = 0; node < bounds_.nodes; ++node) {
    const summary& one = of(from, node);
    if (one.up && one.start_over && next_inc(from, node) <= bounds_.inc_max() + 1)
      restart(from, node, 3, out);
    if (one.up || (next_inc(from, node) == bounds_.inc_max() + 1 && !planted(plant::keep_inc)))
      continue;
    restart(from, node, 0, out);
    const bool whole = one.dlen != 0 && !one.image_copying && one.disk[one.dlen - 1] != 0;
    if (faults && from.left[tail] != 0 && whole)
      restart(from, node, 1, out);
    if (faults && from.left[wipe] != 0 && one.dlen != 0)
      restart(from, node, 2, out);
  }
}

void world::node_events(const state& from, bool, const emit& out) {
  for (int node = 0; node < bounds_.nodes; ++node) {
    const summary& one = of(from, node);
    if (!one.up)
      continue;
    if (from.applied[node] + 1 < from.views) {
      state next = from;
      ++next.applied[node];
      run(next, node, {step::apply, static_cast<uint8_t>(node + 1), next.view[next.applied[node]]});
      go(next, out, "apply metadata", node);
    }
    if (bounds_.budget[take] != 0 && from.applied[node] + 2 < from.views) { // what lies between it never sees
      state next = from;
      next.applied[node] = static_cast<uint8_t>(next.views - 1);
      run(next, node, {step::apply, static_cast<uint8_t>(node + 1), next.view[next.applied[node]]});
      go(next, out, "apply all metadata at once", node);
    }
    const repl::metadata_view& known = steps_.view(from.view[from.applied[node]]);
    const auto number = static_cast<repl::node_id>(node + 1);
    if (!known.nodes.live(number) && !head(from).nodes.live(number) && next_inc(from, node) <= bounds_.inc_max()) {
      state next = from;
      repl::metadata_view view = head(from);
      register_as(next, node, next_inc(from, node), view);
      if (view.queue.mastership <= static_cast<uint64_t>(bounds_.epochs) && commit_view(next, view)) {
        next.applied[node] = static_cast<uint8_t>(next.views - 1);
        run(next, node, {step::apply, static_cast<uint8_t>(node + 1), next.view[next.views - 1]});
        go(next, out, "register again", node);
      }
    }
    state next = from;
    if (one.unsynced && run(next, node, {step::sync})) {
      go(next, out, "fsync", node);
      next = from;
    }
    const bool room = one.reads && from.link[node][steps_.node(from.node[node]).reads.front().peer - 1][1] == 0;
    if (room && run(next, node, {step::read}))
      go(next, out, "the store answers a read", node);
  }
}

void world::messages(const state& from, const emit& out) {
  for (int a = 0; a < bounds_.nodes; ++a)
    for (int b = 0; b < bounds_.nodes; ++b) {
      const uint32_t message = from.link[a][b][0];
      if (message == 0 || !of(from, b).up)
        continue;
      state next = from;
      next.link[a][b][0] = next.link[a][b][1];
      next.link[a][b][1] = 0;
      run(next, b, {step::receive, static_cast<uint8_t>(a + 1), message});
      static const char* names[] = {"receive append",     "receive append_ok",  "receive append_reject",
                                    "receive copy_begin", "receive copy_chunk", "receive copy_ok",
                                    "receive start_over"};
      go(next, out, names[steps_.message(message).what.index()], b, a);
    }
}

void world::master_events(const state& from, int node, bool faults, const emit& out) {
  const summary& one = of(from, node);
  for (int peer = 0; peer < bounds_.nodes; ++peer)
    if (peer != node)
      peer_events(from, node, peer, faults, out);
  if (faults && one.len < entries_max)
    entry_events(from, node, out);
  state next = from;
  const bool repeats = planted(plant::no_version_check) ? from.proposals == 1 : planted(plant::forget_pending);
  if (one.pending && repeats && run(next, node, {step::repeat}))
    go(next, out, "repeat the proposal", node);
  next = from;
  if (bounds_.announce && run(next, node, {step::announce}))
    go(next, out, "announce the commit", node);
  next = from;
  if (planted(plant::deliver_early) && run(next, node, {step::deliver}))
    go(next, out, "deliver", node);
  next = from;
  if (one.handing_over && from.proposals < 2 && run(next, node, {step::propose_hand_over}))
    go(next, out, "propose the hand-over", node);
}

void world::peer_events(const state& from, int node, int peer, bool faults, const emit& out) {
  const summary& one = of(from, node);
  const auto number = static_cast<uint8_t>(peer + 1);
  const int bit = 1 << peer;
  const bool up = of(from, peer).up;
  state next = from;
  if (!one.pending && from.proposals < 2) {
    if (run(next, node, {step::propose, number})) {
      go(next, out, "propose the in-sync set", node, peer);
      next = from;
    }
    if (faults && from.left[slow] != 0 && up && (one.slow & bit) && run(next, node, {step::remove_slow, number})) {
      --next.left[slow];
      go(next, out, "propose removal of a slow mirror", node, peer);
      next = from;
    }
  }
  const bool room = from.link[node][peer][1] == 0;
  if (up && room && (one.wants_send & bit) && run(next, node, {step::send, number})) {
    go(next, out, "send", node, peer);
    next = from;
  }
  const bool silent = from.link[node][peer][0] == 0 && from.link[peer][node][0] == 0 && !of(from, peer).unsynced;
  const bool early = faults && from.left[retry] != 0;
  if (up && !one.reads && (one.stuck & bit) && (silent || early) && run(next, node, {step::retry, number})) {
    if (!silent)
      --next.left[retry];
    go(next, out, "retry timer", node, peer);
    next = from;
  }
  if (faults && from.left[hand_over] != 0 && !one.handing_over && run(next, node, {step::begin_hand_over, number})) {
    --next.left[hand_over];
    go(next, out, "begin to hand over", node, peer);
  }
}

/// Settles and purges of what is committed and live.
void world::entry_events(const state& from, int node, const emit& out) {
  const summary& one = of(from, node);
  uint32_t live = 0;
  for (int i = 0; i < one.len; ++i) {
    if (one.log[i] == 0)
      continue;
    const content& what = content_of(one.log[i]);
    if (what.kind == repl::entry_kind::publish && i < one.commit)
      live |= 2u << i;
    live &= ~what.ends;
  }
  for (uint8_t seq = 1; seq <= one.commit && from.left[settle] != 0; ++seq) {
    state next = from;
    if (!(live >> seq & 1) || !run(next, node, {step::settle, seq}))
      continue;
    --next.left[settle];
    go(next, out, "settle", node, seq);
  }
  state next = from;
  if (from.left[purge] != 0 && live != 0 && run(next, node, {step::purge, 0, live})) {
    --next.left[purge];
    go(next, out, "purge", node);
  }
  next = from;
  const bool ended = from.channel != 0 && steps_.channel(from.channel).idle();
  if (from.left[forget] != 0 && ended && run(next, node, {step::forget, 1})) {
    --next.left[forget];
    go(next, out, "forget the channel", node);
  }
}

} // namespace explorer

// What the metadata group, the supervisor, the channel and fate do.
#include <algorithm>
#include <cstring>

#include "base/assert.hpp"
#include "world.hpp"

namespace explorer {

using repl::plant;
using repl::planted;

void world::metadata_events(const state& from, bool faults, const emit& out) {
  for (int i = 0; i < from.proposals; ++i) { // it may reach the log at any later time, whoever made it
    state next = from;
    const uint32_t number = next.proposal[i];
    for (int j = i; j + 1 < proposals_max; ++j)
      next.proposal[j] = next.proposal[j + 1];
    next.proposal[proposals_max - 1] = 0;
    --next.proposals;
    if (command(next, steps_.proposal(number)))
      go(next, out, "the metadata commits a proposal", -1);
  }
  const repl::metadata_view& now = head(from);
  for (int node = 0; node < bounds_.nodes; ++node) {
    const bool down = !of(from, node).up;
    const auto number = static_cast<repl::node_id>(node + 1);
    if (!now.nodes.live(number) || !(down || (faults && from.left[expire] != 0)))
      continue;
    state next = from;
    if (!down)
      --next.left[expire];
    repl::metadata_view view = now;
    const auto done = repl::session_expired(view.nodes, {number, now.nodes.registered(number)});
    BROKER_ASSERT(done.ok(), "a registered incarnation expires");
    if (commit_view(next, view))
      go(next, out, "session_expired", node);
  }
  recoveries(from, out);
  policies(from, faults, out);
  for (int node = 0; node < bounds_.nodes; ++node) {
    const auto number = static_cast<repl::node_id>(node + 1);
    repl::metadata_view view = now;
    if (now.queue.master == number)
      continue;
    const auto done = repl::apply(view.queue, view.nodes, repl::promote{now.queue.mastership, number});
    state next = from;
    if (done.ok() && view.queue.mastership <= static_cast<uint64_t>(bounds_.epochs) && commit_view(next, view))
      go(next, out, "promote", node);
  }
}

/// Reports and the recovery itself are one step, unless inventories are explored on their own.
void world::recoveries(const state& from, const emit& out) {
  const repl::metadata_view& now = head(from);
  const auto& isr = now.queue.isr;
  if (std::any_of(isr.begin(), isr.end(), [&](const repl::member& one) { return now.nodes.current_and_live(one); }))
    return;
  repl::metadata_view reported = now;
  for (int node = 0; node < bounds_.nodes && !bounds_.split_inventory; ++node) {
    if (!of(from, node).replica)
      continue;
    repl::effects told;
    steps_.node(from.node[node]).machine->report(told);
    for (const repl::placement_command& one : told.proposals)
      (void)repl::apply(reported.queue, reported.nodes, one).ok(); // refused if its node has restarted meanwhile
  }
  for (int node = 0; node < bounds_.nodes; ++node) {
    repl::metadata_view view = reported;
    const repl::recover what{now.queue.mastership, static_cast<repl::node_id>(node + 1), bounds_.grace, false};
    const auto done = repl::apply(view.queue, view.nodes, what);
    state next = from;
    if (done.ok() && view.queue.mastership <= static_cast<uint64_t>(bounds_.epochs) && commit_view(next, view)) {
      if (planted(plant::recover_all))
        count_holders(next, now);
      go(next, out, "recover", node);
    }
  }
}

/// A policy takes the copy of a node away; sooner or later another one gives it back.
void world::policies(const state& from, bool faults, const emit& out) {
  const repl::placement& now = head(from).queue;
  for (int node = 0; node < bounds_.nodes && bounds_.budget[take] != 0; ++node) {
    const auto number = static_cast<repl::node_id>(node + 1);
    const bool placed = now.places(number);
    if (placed && (!faults || from.left[take] == 0 || now.master == number))
      continue;
    repl::place what{now.nodes, now.min_in_sync};
    if (placed)
      std::erase(what.nodes, number);
    else
      what.nodes.insert(std::upper_bound(what.nodes.begin(), what.nodes.end(), number), number);
    repl::metadata_view view = head(from);
    const auto done = repl::apply(view.queue, view.nodes, what);
    state next = from;
    if (!done.ok() || !commit_view(next, view))
      continue;
    next.left[take] = static_cast<uint8_t>(next.left[take] - placed);
    go(next, out, placed ? "a copy is taken away" : "a copy is given back", node);
  }
}

void world::free_publishes(const state& from, const emit& out) {
  for (int node = 0; node < bounds_.nodes; ++node) {
    const summary& one = of(from, node);
    for (int number = 1; number <= bounds_.messages && one.master && one.len < entries_max; ++number) {
      const auto channel = channel_named(static_cast<uint64_t>(number));
      if (steps_.node(from.node[node]).machine->log().dedupe().find(channel) != nullptr)
        continue;
      repl::publisher fresh{channel};
      fresh.add(batch_of(channel.number, 1), {0, 1});
      fresh.retarget(1);
      state next = from;
      if (run(next, node, {step::publish, 0, steps_.put(fresh)}))
        go(next, out, "publish", node, number);
    }
  }
}

void world::channel_events(const state& from, bool faults, const emit& out) {
  if (from.channel == 0)
    return free_publishes(from, out);
  const repl::publisher& channel = steps_.channel(from.channel);
  for (int node = 0; node < bounds_.nodes; ++node) {
    repl::publisher moved = channel;
    if (!of(from, node).master || !moved.retarget(of(from, node).mastership))
      continue;
    state next = from;
    next.target = static_cast<uint8_t>(node + 1);
    next.channel = steps_.put(moved);
    go(next, out, "the channel learns of the master", node);
  }
  if (from.target == 0)
    return;
  const int target = from.target - 1;
  const summary& one = of(from, target);
  if (one.master && one.mastership == channel.target() && channel.wants_send() && one.len < entries_max) {
    state next = from;
    repl::publisher sent = channel;
    sent.next();
    next.channel = steps_.put(sent);
    if (!run(next, target, {step::publish, 0, from.channel}))
      confirm(next); // a duplicate of what is committed
    go(next, out, "publish", target);
  }
  if (!faults || from.left[resend] == 0)
    return;
  if (channel.wants_send()) {
    state next = from;
    --next.left[resend];
    repl::publisher sent = channel;
    sent.next();
    next.channel = steps_.put(sent);
    go(next, out, "a publish is lost", target);
  }
  repl::publisher again = channel;
  again.gap();
  state next = from;
  next.channel = steps_.put(again);
  if (next.channel == from.channel)
    return;
  --next.left[resend];
  go(next, out, "the channel sends again", target);
}

void world::faults(const state& from, const emit& out) {
  for (int node = 0; node < bounds_.nodes && from.left[crash] != 0; ++node) {
    if (!of(from, node).up)
      continue;
    state next = from;
    --next.left[crash];
    run(next, node, {step::crash});
    for (int other = 0; other < bounds_.nodes; ++other) // what it sent may still arrive
      std::memset(next.link[other][node], 0, sizeof next.link[other][node]);
    go(next, out, "crash", node);
  }
  for (int a = 0; a < bounds_.nodes && from.left[loss] != 0; ++a)
    for (int b = 0; b < a; ++b) {
      if (from.link[a][b][0] == 0 && from.link[b][a][0] == 0)
        continue;
      state next = from;
      --next.left[loss];
      std::memset(next.link[a][b], 0, sizeof next.link[a][b]);
      std::memset(next.link[b][a], 0, sizeof next.link[b][a]);
      go(next, out, "disconnect", a, b);
    }
}

} // namespace explorer

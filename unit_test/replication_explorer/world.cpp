// Parts of a step.
#include "world.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/assert.hpp"
#include "base/overloaded.hpp"

namespace explorer {

using broker::seqno;
using repl::plant;
using repl::planted;

state world::initial() {
  state at;
  std::memset(&at, 0, sizeof at);
  repl::metadata_view view;
  view.queue.queue = 1;
  view.queue.master = 1;
  view.queue.min_in_sync = static_cast<uint32_t>(bounds_.min_in_sync);
  for (int node = 0; node < bounds_.nodes; ++node) {
    const auto number = static_cast<repl::node_id>(node + 1);
    view.nodes.nodes.push_back({number, 1, true});
    view.queue.nodes.push_back(number);
    if (node < bounds_.members)
      view.queue.isr.push_back({number, 1});
  }
  at.view[0] = steps_.put(view);
  at.views = 1;
  for (int node = 0; node < bounds_.nodes; ++node) {
    at.node[node] = steps_.put(steps_.start(static_cast<repl::node_id>(node + 1), 1, view, {}, 0));
    if (node < bounds_.members)
      at.holders |= static_cast<uint8_t>(1 << node);
  }
  if (!bounds_.free) {
    repl::publisher channel{channel_named(1)};
    for (int number = 1; number <= bounds_.messages; ++number)
      channel.add(batch_of(1, static_cast<uint64_t>(number)), {0, 1});
    at.channel = steps_.put(channel);
  }
  for (int which = 0; which < budgets; ++which)
    at.left[which] = static_cast<uint8_t>(bounds_.budget[which]);
  return at;
}

/// A full link loses a message: acknowledgements are cumulative, everything else is repeated by a timer.
void world::push(state& at, int from, int to, uint32_t message) const {
  uint32_t* queue = at.link[from][to];
  if (!of(at, to).up)
    return;
  if (queue[0] == 0)
    queue[0] = message;
  else if (queue[1] != 0 || queue[0] != message)
    queue[1] = message;
}

void world::commit(state& at, int node, int length) {
  const summary& one = of(at, node);
  for (int i = 0; i < length; ++i) {
    if (one.log[i] == 0)
      continue; // below its base: committed before
    if (i < at.length && at.committed[i] != one.log[i])
      return fail("I4: two different entries committed at one seq");
    at.committed[i] = one.log[i];
  }
  if (length <= at.length)
    return;
  int copies = 0;
  for (int other = 0; other < bounds_.nodes; ++other) {
    const summary& disk = of(at, other);
    bool has = disk.dlen >= length && !disk.image_copying;
    for (int i = 0; i < length && has; ++i)
      has = disk.disk[i] == at.committed[i] || disk.disk[i] == 0;
    copies += has;
  }
  if (copies < bounds_.min_in_sync)
    fail("I7: committed on fewer disks than min_in_sync");
  at.length = static_cast<uint8_t>(length);
  at.holders = 0;
  for (const repl::member& one_of : head(at).queue.isr)
    if (!of(at, static_cast<int>(one_of.node) - 1).damaged)
      at.holders |= static_cast<uint8_t>(1 << (one_of.node - 1));
}

/// The master the channel publishes to confirms what it has committed and the channel has sent to it.
void world::confirm(state& at) {
  if (at.channel == 0 || at.target == 0)
    return;
  const int node = at.target - 1;
  const repl::publisher& before = steps_.channel(at.channel);
  const summary& one = of(at, node);
  if (!one.master || one.mastership != before.target() || before.idle())
    return;
  const uint64_t first = before.first_unconfirmed();
  uint64_t upto = first;
  const auto in_log = [&](uint64_t number) {
    for (int i = 0; i < one.commit; ++i)
      if (one.log[i] != 0 && content_of(one.log[i]) == content{repl::entry_kind::publish, 1, number, 0})
        return true;
    const auto* known = steps_.node(at.node[node]).machine->log().dedupe().find(before.channel());
    return known != nullptr && known->last >= number && known->at <= one.commit;
  };
  while (upto < before.sent_below() && in_log(upto))
    ++upto;
  if (upto == first)
    return;
  repl::publisher after = before;
  after.done({first, upto});
  at.channel = steps_.put(after);
  for (uint64_t number = first; number < upto; ++number) {
    const content wanted{repl::entry_kind::publish, 1, number, 0};
    at.confirmed |= static_cast<uint8_t>(1u << (number - 1));
    bool committed = false;
    for (int i = 0; i < at.length; ++i)
      committed = committed || content_of(at.committed[i]) == wanted;
    if (!committed)
      fail("I5: confirmed what is not committed");
  }
}

void world::deliver_outcome(state& at, int node, const outcome& done) {
  if (!done.broken.empty())
    return fail("assertion: " + done.broken);
  at.node[node] = done.node;
  for (const auto& [to, message] : done.sends)
    push(at, node, to - 1, message);
  for (uint32_t number : done.proposals) {
    const bool inventory = std::holds_alternative<repl::report_inventory>(steps_.proposal(number));
    if (at.proposals < proposals_max && (!inventory || bounds_.split_inventory))
      at.proposal[at.proposals++] = number;
  }
  if (done.committed != 0 && of(at, node).master)
    commit(at, node, done.committed);
  if (done.gap) {
    repl::publisher channel = steps_.channel(at.channel);
    channel.gap();
    at.channel = steps_.put(channel);
  }
  confirm(at);
}

/// False if the step does nothing.
bool world::run(state& at, int node, const event& what) {
  const outcome& done = steps_.run(at.node[node], what);
  if (!done.changed)
    return false;
  deliver_outcome(at, node, done);
  return true;
}

/// With what else the metadata decides in the same step: a master holds a copy, and who has lost its own is another
/// incarnation.
bool world::commit_view(state& at, repl::metadata_view next) {
  if (at.views == views_max)
    return false;
  repl::placement& queue = next.queue;
  if (!queue.places(queue.master)) {
    repl::place wider{queue.nodes, queue.min_in_sync};
    wider.nodes.insert(std::upper_bound(wider.nodes.begin(), wider.nodes.end(), queue.master), queue.master);
    const auto done = repl::apply(queue, next.nodes, wider);
    BROKER_ASSERT(done.ok(), "a copy can be placed");
  }
  repl::incarnation highest = 0;
  for (const repl::node_status& one : next.nodes.nodes)
    highest = std::max(highest, queue.holds(one.node) ? 0 : one.inc);
  if (repl::note_lost(queue, head(at).queue, next.nodes, highest + 1))
    next.nodes = repl::nodes_of(queue, next.nodes);
  at.view[at.views++] = steps_.put(next);
  return true;
}

/// I6: who was put into the in-sync set anew has what it had; if every disk that counts is damaged, loss is allowed.
void world::count_holders(state& at, const repl::metadata_view& before) {
  const repl::placement& now = head(at).queue;
  if (now.isr == before.queue.isr)
    return;
  at.holders = 0;
  for (const repl::member& one : now.isr) {
    const int node = static_cast<int>(one.node) - 1;
    if (!before.queue.lists(one) && of(at, node).damaged) {
      sim_node healed = steps_.node(at.node[node]);
      healed.damaged = false;
      at.node[node] = steps_.put(healed);
    }
    if (!of(at, node).damaged)
      at.holders |= static_cast<uint8_t>(1 << node);
  }
}

/// A proposal reaches the log. False: nothing has changed, or the bound on versions is reached, or loss is allowed now.
bool world::command(state& at, const repl::placement_command& what) {
  const repl::metadata_view before = head(at);
  repl::metadata_view next = before;
  const auto done = repl::apply(next.queue, next.nodes, what);
  if (!done.ok() && next == before)
    return true; // refused: the proposal is gone, that is all
  if (next.queue.mastership > static_cast<uint64_t>(bounds_.epochs) || !commit_view(at, next))
    return false;
  if (std::holds_alternative<repl::alter_isr>(what))
    count_holders(at, before);
  return at.holders != 0;
}

// -- reductions that lose no behaviour: what its receiver must ignore for ever is dropped at once
// ---------------------

bool world::dead(const state& at, const repl::placement_command& what) const {
  const repl::placement& queue = head(at).queue;
  return std::visit(broker::overloaded{
                      [&](const repl::alter_isr& one) {
                        return one.mastership != queue.mastership
                            || (one.version != queue.version && !planted(plant::no_version_check));
                      },
                      [](const repl::place&) { return false; },
                      [&](const auto& one) { return one.mastership != queue.mastership; },
                    },
                    what);
}

bool world::dead(const state& at, int to, const repl::envelope& message) const {
  const summary& one = of(at, to);
  const bool reply = std::holds_alternative<repl::append_ok>(message.what)
                  || std::holds_alternative<repl::append_reject>(message.what)
                  || std::holds_alternative<repl::copy_ok>(message.what);
  if (message.mastership > one.mastership)
    return false;
  if (reply)
    return message.mastership < one.mastership || !one.master;
  return message.mastership < one.mastership && !bounds_.stale && !planted(plant::stale_epoch);
}

void world::tidy_links(state& at) const {
  for (int from = 0; from < bounds_.nodes; ++from)
    for (int to = 0; to < bounds_.nodes; ++to) {
      uint32_t* queue = at.link[from][to];
      for (int i = 1; i >= 0; --i) {
        if (queue[i] == 0 || (of(at, to).up && !dead(at, to, steps_.message(queue[i]))))
          continue;
        queue[i] = i == 0 ? queue[1] : 0;
        if (i == 0)
          queue[1] = 0;
      }
    }
}

void world::tidy(state& at) const {
  int kept = 0;
  for (int i = 0; i < at.proposals; ++i)
    if (!dead(at, steps_.proposal(at.proposal[i])))
      at.proposal[kept++] = at.proposal[i];
  for (int i = kept; i < proposals_max; ++i)
    at.proposal[i] = 0;
  at.proposals = static_cast<uint8_t>(kept);
  std::sort(at.proposal, at.proposal + kept);
  tidy_links(at);
  int oldest = at.views - 1;
  for (int node = 0; node < bounds_.nodes; ++node)
    if (of(at, node).up)
      oldest = std::min<int>(oldest, at.applied[node]);
  if (oldest != 0)
    std::memmove(at.view, at.view + oldest, sizeof at.view - static_cast<size_t>(oldest) * sizeof at.view[0]);
  at.views = static_cast<uint8_t>(at.views - oldest);
  for (int i = at.views; i < views_max; ++i)
    at.view[i] = 0;
  for (int node = 0; node < bounds_.nodes; ++node)
    at.applied[node] = of(at, node).up ? static_cast<uint8_t>(at.applied[node] - oldest) : 0;
}

void world::go(state& next, const emit& out, const char* what, int who, int other) {
  if (broken_.empty())
    tidy(next);
  out(next, {what, who, other});
}

bool world::done(const state& at) const {
  return bounds_.free ? at.length >= bounds_.messages : at.confirmed == (1 << bounds_.messages) - 1;
}

bool world::all_well(const state& at) const {
  const repl::metadata_view& now = head(at);
  for (int node = 0; node < bounds_.nodes; ++node) {
    const repl::member* listed = now.queue.listed(static_cast<repl::node_id>(node + 1));
    if (listed == nullptr || !now.nodes.current_and_live(*listed) || !of(at, node).up)
      return false;
  }
  return done(at);
}

void world::print(const state& at) const {
  const repl::metadata_view& now = head(at);
  std::printf("    E%llu V%llu master n%u in sync {", static_cast<unsigned long long>(now.queue.mastership),
              static_cast<unsigned long long>(now.queue.version), now.queue.master);
  for (const repl::member& one : now.queue.isr)
    std::printf(" n%u.%llu", one.node, static_cast<unsigned long long>(one.inc));
  std::printf(" } committed %d |", at.length);
  const auto log = [](const code* entries, int length) {
    for (int i = 0; i < length; ++i) {
      const content& what = content_of(entries[i]);
      if (entries[i] == 0)
        std::printf(" -");
      else
        std::printf(" %d:%c%llu.%llu", entries[i] >> 8, "?msdf"[static_cast<int>(what.kind)],
                    static_cast<unsigned long long>(what.channel), static_cast<unsigned long long>(what.number));
    }
  };
  for (int node = 0; node < bounds_.nodes; ++node) {
    const summary& one = of(at, node);
    std::printf(" n%d.%d%s%s e%d [", node + 1, one.inc, one.up ? "" : "(down)", one.master ? " MASTER" : "",
                one.mastership);
    log(one.log, one.len);
    std::printf(" ] disk%s [", one.image_copying ? "(copying)" : "");
    log(one.disk, one.dlen);
    std::printf(" ] live %x commit %d;", one.disk_live, one.commit);
  }
  std::printf("\n");
}

} // namespace explorer

#include "node_steps.hpp"

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"
#include "base/overloaded.hpp"
#include "replication/describe.hpp"

namespace explorer {

using broker::seq_range;
using broker::seqno;
using repl::plant;
using repl::planted;

namespace {

repl::replica_settings settings_of(const options& bounds, repl::node_id self) {
  repl::replica_settings settings;
  settings.self = self;
  settings.copy_above_bytes = bounds.copy ? 0 : SIZE_MAX;
  settings.tail_bytes = settings.described_bytes = bounds.short_tail ? 0 : SIZE_MAX;
  return settings;
}

void describe(const repl::placement_command& command, std::string& out) {
  using repl::put;
  put(out, command.index());
  std::visit(broker::overloaded{
               [&](const repl::alter_isr& one) {
                 put(out, one.mastership, one.version);
                 for (const repl::member& entry : one.isr)
                   put(out, entry.node, entry.inc);
               },
               [&](const repl::promote& one) { put(out, one.mastership, one.candidate); },
               [&](const repl::hand_over& one) { put(out, one.mastership, one.to.node, one.to.inc); },
               [&](const repl::report_inventory& one) {
                 put(out, one.mastership, one.what.who.node, one.what.who.inc, one.what.last.mastership,
                     one.what.last.seq, one.what.clean, one.what.empty);
               },
               [&](const repl::recover& one) { put(out, one.mastership, one.candidate, one.grace_over); },
               [&](const repl::place& one) { put(out, one.nodes.size()); },
             },
             command);
}

std::vector<seq_range> ranges_of(uint32_t bits) {
  std::vector<seq_range> ranges;
  for (seqno seq = 1; seq < 32; ++seq)
    if (bits >> seq & 1)
      ranges.push_back({seq, seq + 1});
  return ranges;
}

} // namespace

uint32_t node_steps::put(const sim_node& node) {
  std::string canonical;
  node.describe(canonical);
  const uint32_t number = nodes_.put(node, canonical);
  if (number == summaries_.size())
    summaries_.push_back(summarise(node));
  return number;
}

uint32_t node_steps::put(const repl::metadata_view& view) {
  std::string canonical;
  const repl::placement& queue = view.queue;
  repl::put(canonical, queue.mastership, queue.version, queue.master, queue.isr.size(), queue.inventories.size());
  repl::put(canonical, queue.nodes.size(), queue.min_in_sync);
  for (const repl::node_id one : queue.nodes)
    repl::put(canonical, one);
  for (const repl::member& one : queue.isr)
    repl::put(canonical, one.node, one.inc);
  for (const repl::inventory& one : queue.inventories)
    repl::put(canonical, one.who.node, one.who.inc, one.last.mastership, one.last.seq, one.clean, one.empty);
  for (const repl::node_status& one : view.nodes.nodes)
    repl::put(canonical, one.node, one.inc, one.live);
  return views_.put(view, canonical);
}

uint32_t node_steps::put(const repl::placement_command& command) {
  std::string canonical;
  describe(command, canonical);
  return proposals_.put(command, canonical);
}

uint32_t node_steps::put(const repl::publisher& channel) {
  std::string canonical;
  channel.describe(canonical);
  return channels_.put(channel, canonical);
}

sim_node node_steps::start(repl::node_id self, repl::incarnation inc, const repl::metadata_view& known,
                           repl::replica_log log, uint32_t live) const {
  sim_node one;
  one.up = true;
  one.inc = inc;
  one.image = std::move(log);
  one.image_live = live;
  repl::effects out;
  if (known.queue.holds(self))
    begin(one, self, known, out);
  return one;
}

void node_steps::begin(sim_node& one, repl::node_id self, const repl::metadata_view& known, repl::effects& out) const {
  one.machine.emplace(settings_of(bounds_, self), one.inc, known, one.image, out);
  one.take(out, true);
  repl::effects none;
  one.sync(none); // a process writes what it found before it speaks
}

/// As the actors do (put_replicated_queue, look): who has no copy drops its log, and begins anew when it is given one
/// and what it had acknowledged counts no more. The replica of a node that is another incarnation goes on as that.
void node_steps::show(sim_node& one, repl::node_id self, const repl::metadata_view& known, repl::effects& out) const {
  const repl::incarnation inc = known.nodes.registered(self);
  if (!known.queue.holds(self)) {
    if (one.machine)
      one.drop();
    return;
  }
  if (one.machine && known.nodes.live(self) && inc > one.inc) {
    one.inc = inc;
    one.machine->reincarnate(inc, known, out);
  } else if (one.machine) {
    one.machine->apply(known, out);
  } else if (inc > one.dropped_as) {
    one.inc = inc;
    begin(one, self, known, out);
  }
}

// -- steps
// --------------------------------------------------------------------------------------------------------------

void node_steps::answer_read(sim_node& one, repl::effects& out) const {
  const repl::read_order order = one.reads.front();
  one.reads.erase(one.reads.begin());
  if (!order.live) {
    one.machine->log_read(order.peer, order.ticket, std::nullopt, out);
    return;
  }
  std::vector<repl::live_run> live;
  const uint32_t stored = one.live();
  for (seqno seq = order.from; seq <= order.upto; ++seq)
    if (stored >> seq & 1)
      live.push_back({{batch_of(1, 1), {0, 1}, seq}, {}});
  one.machine->live_read(order.peer, order.ticket, order.upto, std::move(live), out);
}

void node_steps::perform_as_master(sim_node& one, const event& what, outcome& done, repl::effects& out) {
  repl::replica& machine = *one.machine;
  switch (what.what) {
  case step::publish: {
    repl::publisher copy = channels_[what.arg];
    const repl::publish_outcome result = machine.publish(copy.next(), out);
    done.gap = result.gap || result.refused; // either way it is sent again
    break;
  }
  case step::send:
    machine.send(what.who, out);
    break;
  case step::propose:
    machine.propose_change(what.who, out);
    break;
  case step::remove_slow:
    machine.remove_slow(what.who, out);
    machine.pardon(what.who);
    break;
  case step::retry:
    machine.probe_again(what.who);
    break;
  case step::repeat:
    machine.repeat_pending(out);
    break;
  case step::settle:
    machine.settle(ranges_of(1u << what.who), out);
    break;
  case step::purge:
    machine.purge(ranges_of(what.arg), out);
    break;
  case step::forget:
    machine.forget(channel_named(what.who), out);
    break;
  case step::deliver:
    machine.delivered((planted(plant::deliver_early) ? machine.log().length() : machine.commit()) + 1);
    break;
  case step::begin_hand_over:
    machine.begin_hand_over(what.who);
    break;
  case step::propose_hand_over:
    machine.propose_hand_over(out);
    machine.cancel_hand_over(); // its time runs out at once: publishing goes on, the proposal may still apply
    break;
  case step::announce:
    machine.announce();
    break;
  default:
    BROKER_ASSERT(false, "every step is known");
  }
}

void node_steps::perform(sim_node& one, const event& what, outcome& done, repl::effects& out) {
  switch (what.what) {
  case step::apply:
    show(one, what.who, views_[what.arg], out);
    break;
  case step::receive:
    if (one.machine)
      one.machine->receive(what.who, messages_[what.arg], out);
    break;
  case step::sync:
    one.sync(out);
    break;
  case step::read:
    answer_read(one, out);
    break;
  case step::crash:
    one.power_failure();
    break;
  default:
    perform_as_master(one, what, done, out);
  }
}

/// By default a mirror's fsync is one step with what it wrote: a crash in between equals never having received it.
void node_steps::settle_disk(sim_node& one, const event& what, repl::effects& out) const {
  one.take(out, !bounds_.lazy_fsync);
  const bool wait = bounds_.lazy_fsync || one.machine->is_master() || planted(plant::ack_before_fsync);
  if (what.what != step::sync && wait)
    return;
  one.sync(out);
  one.take(out, !bounds_.lazy_fsync);
}

const outcome& node_steps::run(uint32_t node, const event& what) {
  const uint64_t key =
    uint64_t{node} << 38 | uint64_t{static_cast<uint8_t>(what.what)} << 33 | uint64_t{what.who} << 28 | what.arg;
  BROKER_ASSERT(what.arg < 1u << 28 && what.who < 32 && node < 1u << 26, "keys are distinct");
  auto [at, fresh] = memo_.try_emplace(key, static_cast<uint32_t>(outcomes_.size()));
  if (!fresh)
    return outcomes_[at->second];
  outcome done;
  try {
    sim_node one = nodes_[node];
    repl::effects out;
    perform(one, what, done, out);
    if (one.machine) {
      settle_disk(one, what, out);
      one.machine->check();
      for (const repl::outgoing& sent : out.sends) {
        std::string canonical;
        repl::describe(sent.message, canonical);
        done.sends.emplace_back(static_cast<uint8_t>(sent.to), messages_.put(sent.message, canonical));
      }
      for (const repl::placement_command& command : out.proposals)
        done.proposals.push_back(put(command));
      done.committed = static_cast<uint8_t>(out.committed);
    }
    done.node = put(one);
  } catch (const broken_assertion& broken) {
    done.broken = broken.text;
    done.node = node;
  }
  done.changed =
    done.node != node || !done.sends.empty() || !done.proposals.empty() || done.gap || !done.broken.empty();
  outcomes_.push_back(std::move(done));
  return outcomes_.back();
}

/// What is not in memory is what was written, not what is on disk: while a cut or the begin of a copy is not synced the
/// disk still has entries that are in no log.
void node_steps::summarise_log(const sim_node& one, summary& all) const {
  const repl::replica_log& log = one.machine->log();
  const repl::replica_log written = one.written();
  BROKER_ASSERT(written.end() == log.end() && written.chain() == log.chain() && written.copying() == log.copying(),
                "what a replica has written comes back as its log");
  all.len = static_cast<uint8_t>(codes_of(log, all.log));
  code whole[entries_max];
  codes_of(written, whole);
  std::copy(whole, whole + log.memory_floor(), all.log);
  for (seqno seq = std::max<seqno>(written.described_floor(), 1); seq <= written.length(); ++seq) {
    all.masters[seq - 1] = static_cast<uint16_t>(written.mastership_at(seq));
    all.chains[seq - 1] = written.chain_at(seq).value_or(0);
  }
}

summary node_steps::summarise(const sim_node& one) const {
  summary all;
  std::memset(&all, 0, sizeof all);
  all.up = one.up;
  all.damaged = one.damaged;
  all.start_over = one.start_over;
  all.inc = static_cast<uint8_t>(one.inc);
  all.dlen = static_cast<uint8_t>(codes_of(one.image, all.disk));
  all.image_copying = one.image.copying();
  all.disk_live = one.image_live;
  for (const repl::dedupe_entry& entry : one.image.dedupe().entries())
    all.dedupe[entry.channel.number] = static_cast<uint8_t>(entry.last);
  uint8_t last[entries_max + 1] = {};
  bool whole = true;
  for (int i = 0; i < all.dlen; ++i) {
    const content& what = content_of(all.disk[i]);
    whole = whole && all.disk[i] != 0;
    if (what.kind != repl::entry_kind::settle && what.kind != repl::entry_kind::purge)
      last[what.channel] = what.kind == repl::entry_kind::publish ? static_cast<uint8_t>(what.number) : 0;
  }
  all.dedupe_follows = !whole || std::memcmp(last, all.dedupe, sizeof last) == 0;
  if (!one.machine)
    return all;
  const repl::replica& machine = *one.machine;
  all.replica = true;
  all.master = machine.is_master();
  all.reads = !one.reads.empty();
  all.unsynced = !one.pending.empty();
  summarise_log(one, all);
  all.durable = static_cast<uint8_t>(machine.log().durable());
  all.commit = static_cast<uint8_t>(machine.commit());
  all.matched = static_cast<uint8_t>(machine.matched());
  all.mastership = static_cast<uint16_t>(machine.mastership());
  all.live = one.live();
  if (!all.master)
    return all;
  all.pending = machine.office()->pending().has_value();
  all.handing_over = machine.office()->handing_over();
  for (const repl::peer& peer : machine.office()->peers()) {
    const auto bit = static_cast<uint8_t>(1u << (peer.node - 1));
    if (machine.wants_send(peer.node))
      all.wants_send |= bit;
    else if (peer.owes(machine.log().length()))
      all.stuck |= bit;
    if (peer.match < machine.log().length())
      all.slow |= bit;
  }
  return all;
}

} // namespace explorer

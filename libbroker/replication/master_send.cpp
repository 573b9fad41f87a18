// What goes to the other replicas: the tail, and copies for joiners (T5, T15).
#include <algorithm>

#include "base/assert.hpp"
#include "replication/master.hpp"
#include "replication/plant.hpp"

namespace broker::replication {

bool master::wants_send(const replica_core& core, node_id to) const {
  const peer* who = find(to);
  if (who == nullptr || !core.known.nodes.live(to) || who->reading || who->unserved)
    return false;
  if (who->must_start_over)
    return who->probe;
  const bool behind = who->next <= core.log.length();
  return who->probe || (behind && who->streaming && who->in_flight_bytes < core.settings.window_bytes)
      || wants_copy(core, *who);
}

/// Only to one that is known to have nothing: its answer to a probe said so.
bool master::wants_copy(const replica_core& core, const peer& to) const {
  if (to.copying || to.copy_refused || !to.heard || to.match != 0 || to.next != 1 || core.commit == 0)
    return false;
  const member* listed = core.known.queue.listed(to.node);
  if (listed != nullptr && core.known.nodes.current(*listed))
    return false;
  return core.log.memory_floor() > 0 || core.log.bytes_between(0, core.log.length()) > core.settings.copy_above_bytes;
}

void master::send(replica_core& core, node_id to, effects& out) {
  peer* who = find(to);
  BROKER_ASSERT(who != nullptr, "a replica of this queue");
  if (who->must_start_over) { // it may have believed itself listed when it heard so first: said until it is gone
    who->probe = false;
    core.send(to, start_over{core.known.nodes.registered(to)}, out);
    return;
  }
  if (wants_copy(core, *who))
    begin_copy(core, *who, out);
  else if (who->next - 1 >= core.log.memory_floor())
    send_from_memory(core, *who, out);
  else {
    who->reading = true;
    who->read_ticket = ++core.read_tickets;
    out.reads.push_back({to, who->read_ticket, false, who->next, core.log.memory_floor(), core.settings.append_bytes});
  }
}

void master::send_from_memory(replica_core& core, peer& to, effects& out) {
  std::vector<log_run> runs;
  size_t bytes = 0;
  for (seqno at = to.next; at <= core.log.length();) {
    const log_run& run = *core.log.find(at);
    if (!runs.empty() && bytes + run.bytes > core.settings.append_bytes)
      break;
    bytes += run.bytes;
    runs.push_back(cut(run, at, run.last()));
    at = run.last() + 1;
  }
  send_runs(core, to, std::move(runs), out);
}

void master::send_runs(replica_core& core, peer& to, std::vector<log_run> runs, effects& out) {
  append message;
  message.prev = {core.log.mastership_at(to.next - 1), to.next - 1};
  message.prev_chain = core.log.chain_at(to.next - 1);
  for (const log_run& run : runs) {
    BROKER_ASSERT(run.first == to.next && run.last() <= core.log.length(), "the tail is sent without gaps");
    to.next = run.last() + 1;
    to.in_flight_bytes += run.bytes;
  }
  BROKER_ASSERT(to.next <= core.log.length() + 1, "the tail ends with the log");
  message.runs = std::move(runs);
  message.commit = to.told_commit = core.commit;
  message.delivered_upto = to.told_delivered = core.delivered_upto;
  message.ends = to.next > core.log.length();
  to.probe = false;
  core.send(to.node, std::move(message), out);
}

/// `runs` start where the order said; nothing: the store has not kept them, so only a copy can help, and that needs an
/// empty log at the other end (T19).
void master::log_read(replica_core& core, node_id to, uint64_t ticket, std::optional<std::vector<log_run>> runs,
                      effects& out) {
  peer* who = find(to);
  if (who == nullptr || !who->reading || ticket != who->read_ticket)
    return;
  who->reading = false;
  if (runs && (runs->empty() || runs->front().first != who->next))
    return; // the peer has moved meanwhile: the next send asks again
  if (runs) {
    send_runs(core, *who, std::move(*runs), out);
    return;
  }
  const bool listed = core.known.queue.listed(to) != nullptr;
  if (listed) { // its disk may be needed (I6)
    who->unserved = true;
    return;
  }
  const auto is_it = [to](const member& one) { return one.node == to; };
  BROKER_ASSERT(!pending_ || std::none_of(pending_->isr.begin(), pending_->isr.end(), is_it),
                "whoever is counted is not told to start over (C18)");
  who->must_start_over = true; // for good: it may not be added under this incarnation any more
  who->probe = false;
  core.send(to, start_over{core.known.nodes.registered(to)}, out);
}

/// Everything up to the commit is copied, everything behind it is tail. Not a single entry further: below the base
/// nothing can be compared, so it must be what no later master can cut off (C9).
void master::begin_copy(replica_core& core, peer& to, effects& out) {
  const seqno upto = planted(plant::copy_from_end) ? core.log.length() : core.commit;
  BROKER_ASSERT(!to.copying && to.match == 0 && upto != 0, "a copy goes to one that has nothing");
  copy_begin message{core.log.base_at(upto, core.delivered_upto)};
  to.copying = true;
  to.streaming = true; // the tail from the base on fits; its acknowledgement comes with the end of the copy
  to.copy_upto = upto;
  to.copy_read = to.copy_acked = 0;
  to.next = upto + 1;
  to.probe = false;
  to.told_commit = 0;
  core.send(to.node, std::move(message), out);
  read_copy(core, to, out);
}

void master::read_copy(replica_core& core, peer& to, effects& out) {
  if (to.copy_reading || to.copy_read == to.copy_upto)
    return;
  BROKER_ASSERT(to.copying && to.copy_read < to.copy_upto, "something of the copy is missing");
  to.copy_reading = true;
  to.copy_ticket = ++core.read_tickets;
  out.reads.push_back({to.node, to.copy_ticket, true, to.copy_read + 1, to.copy_upto, core.settings.append_bytes});
}

/// `live`: the live messages of [asked from, upto]. One chunk is read while the one before is under way.
void master::live_read(replica_core& core, node_id to, uint64_t ticket, seqno upto, std::vector<live_run> live,
                       effects& out) {
  peer* who = find(to);
  if (who == nullptr || !who->copy_reading || ticket != who->copy_ticket)
    return; // the copy has been given up
  BROKER_ASSERT(upto > who->copy_read && upto <= who->copy_upto, "a read makes progress within the copy");
  who->copy_reading = false;
  core.send(to, copy_chunk{who->copy_read + 1, upto, std::move(live)}, out);
  const bool first = who->copy_read == who->copy_acked;
  who->copy_read = upto;
  if (first)
    read_copy(core, *who, out);
}

void master::receive(replica_core& core, node_id from, incarnation inc, const copy_ok& message, effects& out) {
  peer* who = find(from);
  if (who == nullptr || inc != core.known.nodes.registered(from) || !who->copying)
    return;
  if (message.upto <= who->copy_acked || message.upto > who->copy_read)
    return; // of a copy before this one
  who->copy_acked = message.upto;
  BROKER_ASSERT(who->copy_acked <= who->copy_upto, "a copy ends at its base");
  read_copy(core, *who, out);
}

} // namespace broker::replication

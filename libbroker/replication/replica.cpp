#include "replication/replica.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/overloaded.hpp"
#include "replication/describe.hpp"
#include "replication/plant.hpp"

namespace broker::replication {

replica::replica(replica_settings settings, incarnation inc, metadata_view known, replica_log log, effects& out) {
  core_.settings = settings;
  core_.inc = inc;
  core_.known = std::move(known);
  core_.log = std::move(log);
  core_.mastership = core_.known.queue.mastership;
  BROKER_ASSERT(core_.settings.self != 0 && inc != 0, "a replica speaks for a node in one of its lives");
  BROKER_ASSERT(core_.registered(), "a replica starts with its own registration applied");
  if (core_.log.copying() || core_.log.emptied_at() == 0)
    core_.log.empty_out(inc, out.writes);
  BROKER_ASSERT(!core_.log.copying() && core_.log.emptied_at() != 0, "a replica starts with a whole log");
  settle_role(false, core_.known, out);
}

void replica::reincarnate(incarnation inc, metadata_view known, effects& out) {
  BROKER_ASSERT(inc > core_.inc, "incarnations rise");
  leave_office(out);
  const metadata_view before = std::exchange(core_.known, std::move(known));
  core_.inc = inc;
  BROKER_ASSERT(core_.registered(), "a replica continues with its own registration applied");
  core_.matched = 0;
  if (core_.log.copying()) // half a copy is of the life before (T17)
    core_.log.empty_out(inc, out.writes);
  mirror_.new_epoch();
  if (core_.known.queue.mastership > core_.mastership)
    core_.enter(core_.known.queue.mastership, out);
  settle_role(false, before, out);
}

// -- T1-T3
// --------------------------------------------------------------------------------------------------------------

void replica::leave_office(effects& out) {
  if (!master_)
    return;
  master_.reset();
  out.deposed = true;
}

void replica::settle_role(bool was, const metadata_view& before, effects& out) {
  const bool now = core_.is_master();
  if (!now)
    leave_office(out);
  if (now && !was) {
    BROKER_ASSERT(!core_.log.copying(), "a log with a hole is in no in-sync set (I2)");
    core_.advance_commit(std::max(core_.commit, core_.log.known_committed()), out);
    master_.emplace();
    master_->take_office(core_);
    core_.matched = core_.log.length();
    out.took_office = true;
    master_->commit(core_, out);
  }
  if (now && was)
    master_->metadata_changed(core_, before, out);
  BROKER_ASSERT(master_.has_value() == core_.is_master(), "the role follows from what is known");
}

void replica::keep_in_memory(size_t tail_bytes, size_t described_bytes) {
  core_.settings.tail_bytes = tail_bytes;
  core_.settings.described_bytes = described_bytes;
  core_.log.trim(core_.commit, tail_bytes, described_bytes);
}

void replica::apply(const metadata_view& next, effects& out) {
  const placement& now = core_.known.queue;
  BROKER_ASSERT(next.queue.queue == now.queue, "a queue's identity never changes (F22)");
  BROKER_ASSERT(next.queue.mastership >= now.mastership && next.queue.version >= now.version, "metadata only advances");
  const bool was = is_master();
  const metadata_view before = std::exchange(core_.known, next);
  if (next.queue.mastership > core_.mastership) {
    leave_office(out);
    core_.enter(next.queue.mastership, out);
    mirror_.new_epoch();
  }
  settle_role(was && is_master(), before, out);
  const auto& mine = core_.known.queue.inventories;
  if (std::none_of(mine.begin(), mine.end(), [&](const inventory& one) { return one.who == stock().who; }))
    report(out);
}

// -- messages
// -----------------------------------------------------------------------------------------------------------

void replica::receive(node_id from, const envelope& message, effects& out) {
  BROKER_ASSERT(from != 0 && from != core_.settings.self, "messages come from other nodes");
  BROKER_ASSERT(message.queue == core_.known.queue.queue, "messages reach the queue they are for");
  if (!core_.registered() || core_.leaving)
    return;
  const bool of_master =
    std::holds_alternative<append>(message.what) || std::holds_alternative<copy_begin>(message.what)
    || std::holds_alternative<copy_chunk>(message.what) || std::holds_alternative<start_over>(message.what);
  if (message.mastership < core_.mastership && !(planted(plant::stale_epoch) && of_master && !master_)) {
    if (of_master) // R2: a deposed master must not add anything
      core_.send(from, append_reject{append_reject::reason::stale, 0}, out);
    return;
  }
  if (message.mastership > core_.mastership) {
    leave_office(out); // it is deposed before the metadata tells
    core_.enter(message.mastership, out);
    mirror_.new_epoch();
  }
  std::visit(overloaded{
               [&](const append_ok& one) {
                 if (master_)
                   master_->receive(core_, from, message.inc, one, out);
               },
               [&](const append_reject& one) {
                 if (master_ && one.why != append_reject::reason::stale)
                   master_->receive(core_, from, message.inc, one, out);
               },
               [&](const copy_ok& one) {
                 if (master_)
                   master_->receive(core_, from, message.inc, one, out);
               },
               [&](const auto& one) {
                 BROKER_ASSERT(!master_, "one master per epoch (I3)");
                 mirror_.receive(core_, from, one, out);
               },
             },
             message.what);
}

void replica::written(write_number number, effects& out) {
  const seqno before = core_.log.durable();
  core_.log.written(number);
  if (core_.log.durable() == before || core_.leaving)
    return;
  if (master_)
    master_->commit(core_, out);
  else
    mirror_.written(core_, out);
}

// -- what the master does
// -----------------------------------------------------------------------------------------------

publish_outcome replica::publish(const publish_order& order, effects& out) {
  BROKER_ASSERT(master_.has_value(), "only a master takes publishes");
  return master_->publish(core_, order, out);
}

seqno replica::settle(std::vector<seq_range> ended, effects& out) {
  BROKER_ASSERT(master_.has_value(), "only a master settles");
  return master_->note(core_, entry_kind::settle, {}, std::move(ended), out);
}

seqno replica::purge(std::vector<seq_range> ended, effects& out) {
  BROKER_ASSERT(master_.has_value(), "only a master purges");
  return master_->note(core_, entry_kind::purge, {}, std::move(ended), out);
}

seqno replica::forget(const channel_id& channel, effects& out) {
  BROKER_ASSERT(master_.has_value(), "only a master forgets a channel");
  if (core_.log.dedupe().find(channel) == nullptr)
    return 0;
  return master_->note(core_, entry_kind::forget, {channel, 0, 0}, {}, out);
}

void replica::delivered(seqno upto) {
  BROKER_ASSERT(upto <= core_.commit + 1, "only what is committed is delivered (C7)");
  core_.delivered_upto = std::max(core_.delivered_upto, upto);
}

bool replica::wants_send(node_id to) const {
  return master_ && master_->wants_send(core_, to);
}

void replica::send(node_id to, effects& out) {
  BROKER_ASSERT(wants_send(to), "there is something to send");
  master_->send(core_, to, out);
}

bool replica::propose_change(node_id who, effects& out) {
  return master_ && master_->propose_change(core_, who, out);
}

void replica::pump(effects& out) {
  if (!master_)
    return;
  for (size_t at = 0; at < master_->peers().size(); ++at) {
    const node_id to = master_->peers()[at].node;
    while (wants_send(to))
      master_->send(core_, to, out);
  }
  propose_changes(out);
}

void replica::propose_changes(effects& out) {
  if (!master_)
    return;
  for (size_t at = 0; at < master_->peers().size(); ++at)
    propose_change(master_->peers()[at].node, out);
  if (master_->handing_over() && !master_->hand_over_asked())
    master_->propose_hand_over(core_, out);
}

void replica::log_read(node_id to, uint64_t ticket, std::optional<std::vector<log_run>> runs, effects& out) {
  if (master_)
    master_->log_read(core_, to, ticket, std::move(runs), out);
}

void replica::live_read(node_id to, uint64_t ticket, seqno upto, std::vector<live_run> live, effects& out) {
  if (master_)
    master_->live_read(core_, to, ticket, upto, std::move(live), out);
}

bool replica::remove_slow(node_id who, effects& out) {
  return master_ && master_->remove_slow(core_, who, out);
}

void replica::pardon(node_id who) {
  if (master_)
    master_->pardon(who);
}

void replica::probe_again(node_id who) {
  if (master_)
    master_->probe_again(core_, who);
}

void replica::repeat_pending(effects& out) {
  if (master_ && master_->pending())
    master_->repeat_pending(out);
}

void replica::announce() {
  if (master_)
    master_->announce(core_);
}

bool replica::begin_hand_over(node_id to) {
  return master_ && master_->begin_hand_over(core_, to);
}

void replica::cancel_hand_over() {
  if (master_)
    master_->cancel_hand_over();
}

bool replica::propose_hand_over(effects& out) {
  return master_ && master_->handing_over() && master_->propose_hand_over(core_, out);
}

} // namespace broker::replication

#include "queue/replicated_queue.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/assert.hpp"
#include "queue/outbox.hpp"
#include "queue/plant.hpp"

namespace broker {

using queueing::plant;
using queueing::planted;
using replication::effects;

replicated_queue::replicated_queue(std::shared_ptr<const queue_record> record, replicated_settings settings,
                                   replication::incarnation inc, replication::metadata_view known, message_store& store,
                                   replication::recovered_log found, uint64_t now_ms, replicated_step& step)
  : record_(std::move(record)), settings_(std::move(settings)), shim_(store),
    storage_(record_->id, store, found, settings_.storage), live_(found.live), delivered_found_(found.delivered_upto),
    delivered_told_(found.delivered_upto) {
  BROKER_ASSERT(known.queue.queue == record_->id, "a queue and its placement belong together");
  replica_.emplace(settings_.replica, inc, std::move(known), std::move(found.log), effects_);
  finish(now_ms, step);
}

replicated_queue::~replicated_queue() = default;

// -- one step
// -----------------------------------------------------------------------------------------------------------

seqno replicated_queue::known_delivered() const {
  return std::max(delivered_found_, replica_->delivered_upto());
}

/// Carries out what the replica asked for, in its order. False: there was nothing.
bool replicated_queue::perform(uint64_t now_ms, replicated_step& step) {
  effects now = std::exchange(effects_, {});
  if (!now.writes.empty())
    storage_.perform(now.writes, replica_->log(), replica_->commit(), known_delivered());
  for (const replication::log_write& one : now.writes)
    if (queue_ || !planted(plant::mirror_blind) || !std::holds_alternative<replication::log_forgotten>(one.what))
      live_.follow(one);
  std::move(now.sends.begin(), now.sends.end(), std::back_inserter(step.sends));
  step.proposals.insert(step.proposals.end(), now.proposals.begin(), now.proposals.end());
  step.damaged = step.damaged || now.damaged;
  step.start_over = step.start_over || now.start_over;
  if (now.deposed)
    leave_office(step);
  if (now.took_office)
    take_office(now_ms, step);
  else if (queue_ && (now.committed != 0 || planted(plant::confirm_early)))
    commit(now_ms, step);
  for (const replication::read_order& one : now.reads)
    if (auto known = storage_.read(one, replica_->log()))
      answer(*std::move(known), now_ms, step);
  return !now.writes.empty() || now.committed != 0 || now.took_office || !now.reads.empty();
}

/// What the queue said of messages in this step: one entry for all that has ended (R1).
bool replicated_queue::take_from_queue() {
  if (shim_.handed_out != 0)
    replica_->delivered(std::exchange(shim_.handed_out, 0));
  // A mirror may have heard of more than it has.
  const seqno whole = replica_->is_master() ? replica_->log().length() : replica_->matched();
  if (const seqno upto = std::min(replica_->delivered_upto(), whole + 1); upto > delivered_told_) {
    storage_.delivered(upto);
    delivered_told_ = upto;
  }
  for (const queueing::log_shim::order& one : std::exchange(shim_.reads, {})) {
    const replication::read_order order{settings_.replica.self, office_,       true, one.from,
                                        one.before - 1,         one.max_bytes, true};
    const bool asked = !storage_.read(order, replica_->log());
    BROKER_ASSERT(asked, "what the queue holds is in the store");
  }
  if (shim_.settled.empty())
    return false;
  std::vector<seq_range> ended = std::exchange(shim_.settled, {});
  std::sort(ended.begin(), ended.end(), [](const seq_range& a, const seq_range& b) { return a.first < b.first; });
  size_t last = 0;
  for (size_t at = 1; at < ended.size(); ++at) {
    BROKER_ASSERT(ended[last].last <= ended[at].first, "a message ends once");
    if (ended[last].last == ended[at].first)
      ended[last].last = ended[at].last;
    else
      ended[++last] = ended[at];
  }
  ended.resize(last + 1);
  if (planted(plant::settle_forgotten))
    return false;
  if (purging_)
    replica_->purge(std::move(ended), effects_);
  else
    replica_->settle(std::move(ended), effects_);
  return true;
}

void replicated_queue::finish(uint64_t now_ms, replicated_step& step) {
  for (bool again = true; again;) {
    again = perform(now_ms, step);
    again = take_from_queue() || again;
  }
  purging_ = false;
  if (deleted_)
    return;
  ask_for_tick(now_ms, step);
}

// -- channels
// -----------------------------------------------------------------------------------------------------------

void replicated_queue::handle(queue_request request, uint64_t now_ms, replicated_step& step) {
  if (!queue_) {
    step.misdirected.push_back(std::move(request));
    return;
  }
  if (auto* publishes = std::get_if<publish_request>(&request); publishes && !deleted_)
    return publish(std::move(*publishes), now_ms, step);
  if (const auto* gone = std::get_if<channel_gone>(&request); gone && !gone->publisher.none() && !deleted_) {
    replica_->forget(gone->publisher, effects_);
    refused_.erase(gone->publisher);
  }
  purging_ = std::holds_alternative<purge_request>(request);
  queue_->handle(std::move(request), now_ms, step.queue);
  finish(now_ms, step);
}

/// What is said to a queue that has moved concerns nobody: its successor sends its dead letters itself.
void replicated_queue::answered(const confirmed& what, uint64_t now_ms, replicated_step& step) {
  if (queue_)
    queue_->answered(what, now_ms, step.queue);
  finish(now_ms, step);
}

void replicated_queue::target_gone(queue_id target, uint64_t now_ms, replicated_step& step) {
  if (queue_)
    queue_->target_gone(target, now_ms, step.queue);
  finish(now_ms, step);
}

void replicated_queue::target_unreachable(queue_id target, epoch upto, uint64_t now_ms, replicated_step& step) {
  if (queue_)
    queue_->target_unreachable(target, upto, now_ms, step.queue);
  finish(now_ms, step);
}

void replicated_queue::sent_to_master(queue_id target, confirm_number from, epoch mastership) {
  if (queue_)
    queue_->sent_to_master(target, from, mastership);
}

// -- metadata
// -----------------------------------------------------------------------------------------------------------

void replicated_queue::apply(std::shared_ptr<const queue_record> record, const replication::metadata_view& known,
                             uint64_t now_ms, replicated_step& step) {
  if (deleted_)
    return;
  BROKER_ASSERT(record->id == record_->id, "another queue");
  const bool changed = record != record_;
  record_ = std::move(record);
  replica_->apply(known, effects_);
  finish(now_ms, step);
  if (!queue_ || !changed)
    return;
  queue_->reconfigure(record_, now_ms, step.queue);
  finish(now_ms, step);
}

void replicated_queue::reincarnate(replication::incarnation inc, replication::metadata_view known, uint64_t now_ms,
                                   replicated_step& step) {
  if (deleted_)
    return;
  replica_->reincarnate(inc, std::move(known), effects_);
  finish(now_ms, step);
}

void replicated_queue::start_again(replication::incarnation inc, replication::metadata_view known, uint64_t now_ms,
                                   replicated_step& step) {
  if (deleted_)
    return;
  BROKER_ASSERT(inc > replica_->inc(), "a log is emptied under a new incarnation only (T19)");
  if (queue_)
    leave_office(step);
  storage_.begin_again();
  timers_ = {};
  delivered_found_ = 0;
  replica_.emplace(settings_.replica, inc, std::move(known), replication::replica_log{}, effects_);
  finish(now_ms, step);
}

void replicated_queue::deleted(replicated_step& step) {
  if (std::exchange(deleted_, true) || !queue_)
    return;
  queue_->deleted(step.queue);
  for (logged_publish& one : std::exchange(waiting_, {})) // counts as confirmed (W67)
    queue_->handle(std::move(one.request), 0, step.queue);
  queueing::outbox out{step.queue, record_->id};
  for (const repeated& one : std::exchange(repeated_, {}))
    out.confirm(one.channel, one.numbers);
  withheld_.clear();
}

// -- other replicas, store, time
// ----------------------------------------------------------------------------------------

void replicated_queue::receive(replication::node_id from, const replication::envelope& message, uint64_t now_ms,
                               replicated_step& step) {
  if (deleted_)
    return;
  replica_->receive(from, message, effects_);
  finish(now_ms, step);
}

/// Each append costs its mirror a sync, an acknowledgement and four threads' wakings, whatever it carries. Sent one by
/// one as they come, 2,000 small messages a second keep two cores busy with that, and everything waits for a core. A
/// message that finds nothing under way goes at once, as does a lot (own choice: what is worth an append of its own).
bool replicated_queue::gathers(replication::node_id to) const {
  constexpr seqno many_entries = 64;
  constexpr size_t many_bytes = 64 * 1024;
  const replication::peer* mirror = replica_->office()->find(to);
  const seqno length = replica_->log().length();
  if (mirror->probe || !mirror->streaming || mirror->copying || mirror->next > length
      || mirror->match + 1 == mirror->next)
    return false;
  return length - mirror->next < many_entries && replica_->log().bytes_between(mirror->next - 1, length) < many_bytes;
}

void replicated_queue::send(replication::node_id to, uint64_t now_ms, replicated_step& step) {
  replica_->send(to, effects_);
  finish(now_ms, step);
}

bool replicated_queue::begin_hand_over(replication::node_id to, uint64_t now_ms, replicated_step& step) {
  if (deleted_ || !replica_->begin_hand_over(to))
    return false;
  finish(now_ms, step);
  return true;
}

void replicated_queue::propose_changes(uint64_t now_ms, replicated_step& step) {
  if (deleted_)
    return;
  replica_->propose_changes(effects_);
  finish(now_ms, step);
}

void replicated_queue::pump(uint64_t now_ms, replicated_step& step) {
  if (deleted_)
    return;
  for (const replication::node_status& to : replica_->known().nodes.nodes) // sends change no metadata
    while (wants_send(to.node))
      replica_->send(to.node, effects_);
  replica_->propose_changes(effects_);
  finish(now_ms, step);
}

void replicated_queue::logged(uint64_t upto, uint64_t now_ms, replicated_step& step) {
  if (deleted_)
    return;
  if (const auto number = storage_.on_logged(upto); number != 0)
    replica_->written(number, effects_);
  finish(now_ms, step);
}

void replicated_queue::read(const std::vector<stored_run>& runs, const std::vector<message_facts>& facts,
                            uint64_t now_ms, replicated_step& step) {
  if (deleted_)
    return;
  answer(storage_.on_read(runs, facts, replica_->log()), now_ms, step);
  finish(now_ms, step);
}

void replicated_queue::answer(replication::read_answer what, uint64_t now_ms, replicated_step& step) {
  const replication::read_order& asked = what.order;
  step.damaged = step.damaged || what.damaged;
  if (!asked.own) {
    if (asked.live)
      replica_->live_read(asked.peer, asked.ticket, what.upto, std::move(what.live), effects_);
    else
      replica_->log_read(asked.peer, asked.ticket, std::move(what.runs), effects_);
    return;
  }
  if (queue_ && asked.peer != 0 && asked.ticket == office_)
    queue_->read_done({what.live.begin(), what.live.end()}, now_ms, step.queue);
}

void replicated_queue::lease(bool valid) {
  lease_valid_ = valid;
  if (queue_)
    queue_->pause(!valid);
}

void replicated_queue::tick(uint64_t now_ms, replicated_step& step) {
  if (deleted_)
    return;
  if (queue_)
    queue_->tick(now_ms, step.queue);
  if (timers_due_ms_ != 0 && now_ms >= timers_due_ms_) {
    timers_.was_late(now_ms - timers_due_ms_);
    timers_due_ms_ = 0;
    timers_.tick(now_ms, *replica_, effects_);
  }
  finish(now_ms, step);
}

void replicated_queue::under_pressure(uint64_t now_ms, replicated_step& step) {
  if (!queue_)
    return;
  queue_->under_pressure(now_ms, step.queue);
  finish(now_ms, step);
}

bool replicated_queue::forget_idle_channels(uint64_t now_ms, replicated_step& step) {
  if (deleted_ || !queue_)
    return false;
  const auto idle = idle_channels_.look(replica_->log().dedupe(), limits::replication_forget_max);
  for (const replication::channel_id& one : idle) {
    replica_->forget(one, effects_);
    refused_.erase(one);
  }
  finish(now_ms, step);
  return idle_channels_.more();
}

/// An idle master whose copies are complete has nothing that time could decide, nor has a mirror of a living one.
bool replicated_queue::needs_time() const {
  const replication::metadata_view& known = replica_->known();
  if (!replica_->is_master())
    return !replication::anyone_in_sync_alive(known.queue, known.nodes);
  const replication::master& office = *replica_->office();
  if (office.pending() || office.handing_over())
    return true;
  return std::any_of(office.peers().begin(), office.peers().end(), [&](const replication::peer& one) {
    if (!known.nodes.live(one.node))
      return false;
    const bool whole = one.heard && one.match == replica_->log().length() && one.told_commit == replica_->commit()
                    && one.told_delivered == replica_->delivered_upto();
    const bool listed = known.queue.listed(one.node) != nullptr;
    return !whole || one.barred || listed != known.queue.places(one.node);
  });
}

void replicated_queue::ask_for_tick(uint64_t now_ms, replicated_step& step) {
  if (!needs_time())
    timers_due_ms_ = 0;
  else if (timers_due_ms_ == 0)
    timers_due_ms_ = now_ms + limits::replication_announce_ms;
  if (queue_ && !lease_valid_ && timers_due_ms_ == 0)
    timers_due_ms_ = now_ms + limits::replication_announce_ms;
  if (timers_due_ms_ == 0)
    return;
  const uint64_t left = timers_due_ms_ > now_ms ? timers_due_ms_ - now_ms : 1;
  uint64_t& asked = step.queue.tick_in_ms;
  asked = asked == 0 ? left : std::min(asked, left);
}

bool replicated_queue::look(const look_order& order, uint64_t now_ms, replicated_step& step) {
  if (!queue_ || !queue_->look(order, now_ms, step.queue))
    return false;
  finish(now_ms, step);
  return true;
}

std::optional<queue_flow> replicated_queue::flow() const {
  if (!queue_)
    return {};
  queue_flow result = queue_->flow();
  result.uncommitted = messages_uncommitted();
  return result;
}

uint64_t replicated_queue::messages_uncommitted() const {
  uint64_t all = 0;
  for (const recovered_run& one : withheld_)
    all += one.count;
  for (const logged_publish& one : waiting_)
    all += one.request.slices.front().size();
  return all;
}

void replicated_queue::check(seqno from) const {
  replica_->check(from);
  BROKER_ASSERT(deleted_ || (queue_ != nullptr) == replica_->is_master(), "the queue exists while it is master");
  BROKER_ASSERT(effects_.writes.empty() && shim_.settled.empty(), "a step was left unfinished");
  if (!queue_)
    return;
  queue_->check();
  for (const recovered_run& one : withheld_)
    BROKER_ASSERT(one.first > replica_->commit(), "what is committed is handed out");
  for (const logged_publish& one : waiting_)
    BROKER_ASSERT(one.place.first > replica_->commit(), "what is committed is handed out");
  if (deleted_)
    return;
  uint64_t committed = 0, waits = 0;
  for (const recovered_run& one : live_.without(replica_->ended_above_commit())) {
    const uint64_t below = one.first > replica_->commit() ? 0 : replica_->commit() + 1 - one.first;
    committed += std::min<uint64_t>(one.count, below);
    waits += one.count - std::min<uint64_t>(one.count, below);
  }
  // One that looks for duplicates first reads back what it has, and lets new ones wait.
  const bool learns = record_->options && record_->options->deduplicate;
  const uint64_t here = queue_->messages_ready() + queue_->messages_unacked() + queue_->dead_letters();
  BROKER_ASSERT(here == committed || (learns && here < committed),
                "the queue has what is committed and has not ended, and nothing else");
  BROKER_ASSERT(messages_uncommitted() == waits, "everything else of the log waits");
}

} // namespace broker

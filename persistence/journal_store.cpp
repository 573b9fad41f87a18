#include "journal_store.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "journal_recovery.hpp"

namespace broker {

journal_store::journal_store(file_system& files, backlog_store& backlog, journal_options options, journal_events events)
  : files_(files), backlog_(backlog), options_(std::move(options)), events_(std::move(events)),
    pool_(files, options_.directory, options_.segment_bytes, options_.spare_segments) {}

journal_store::~journal_store() = default;

result<journal_store::opened> journal_store::open(file_system& files, backlog_store& backlog, journal_options options,
                                                  journal_events events) {
  std::unique_ptr<journal_store> store(new journal_store(files, backlog, std::move(options), std::move(events)));
  auto queues = store->recover();
  if (!queues)
    return queues.error();
  return opened{std::move(store), std::move(*queues)};
}

result<std::vector<recovered_queue>> journal_store::recover() {
  journal_recovery recovery(pool_, backlog_, index_);
  auto position = recovery.run();
  if (!position)
    return position.error();
  for (const auto& line : recovery.notes())
    events_.note(line);
  writer_.emplace(pool_, random_source{options_.salt_seed}, *position, [this] {
    const std::lock_guard lock(index_mutex_);
    return index_.closed_segments();
  });
  forgotten_ = recovery.forgotten();
  const std::lock_guard lock(pending_mutex_);
  for (const queue_id stored : index_.dropped_queues())
    lives_.found(stored, true);
  for (const queue_id stored : index_.queues())
    lives_.found(stored, false);
  // Of a life before the present one the word that it has ended was lost, or its last facts lie about.
  for (const queue_id stored : index_.queues())
    if (!lives_.is_present(stored))
      forgotten_.push_back({stored, true, 0, {}});
  return recovery.queues([this](queue_id stored) { return lives_.is_present(stored); });
}

// -- message_store
// ------------------------------------------------------------------------------------------------------

void journal_store::attach(queue_id queue, ref<store_client> who) {
  const std::lock_guard lock(clients_mutex_);
  clients_[queue] = std::move(who);
}

void journal_store::detach(queue_id queue) {
  ref<store_client> gone; // destroyed after the lock: its destructor is not ours
  const std::lock_guard lock(clients_mutex_);
  if (const auto found = clients_.find(queue); found != clients_.end()) {
    gone = std::move(found->second);
    clients_.erase(found);
  }
}

namespace {

/// Operations that do not wake the writer are flushed early when this many wait.
constexpr size_t pending_operations = 16'384;

size_t cost(const publish_batch& batch, slice where) {
  return batch.bytes * where.size() / std::max<size_t>(1, batch.messages.size());
}

} // namespace

void journal_store::enqueue(operation added, size_t bytes, rouse when) {
  size_t waiting;
  {
    const std::lock_guard lock(pending_mutex_);
    added.queue = added.kind == op_kind::drop ? lives_.end(added.queue) : lives_.use(added.queue);
    if (added.kind == op_kind::append || added.kind == op_kind::append_logged)
      ++appends_enqueued_;
    pending_.push_back(std::move(added));
    waiting = pending_.size();
    timer_wanted_.store(true, std::memory_order_relaxed);
  }
  pending_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (when == rouse::now || waiting % pending_operations == 0)
    events_.wake_writer();
  else if (when == rouse::in_time && waiting == 1)
    events_.arm_timer();
}

void journal_store::append(queue_id queue, const batch_ref& batch, slice where, seqno first, bool durable,
                           message_facts facts) {
  BROKER_ASSERT(where.lo < where.hi && where.hi <= batch->messages.size(), "an append names messages of its batch");
  enqueue({op_kind::append, durable, queue, batch, where, first, {}, facts}, cost(*batch, where), rouse::now);
}

/// The record behind it wakes the writer. Were it woken now, it would sync the messages alone and the record after
/// them, and who waits for the record would wait for two syncs.
void journal_store::append_logged(queue_id queue, const batch_ref& batch, slice where, seqno first,
                                  message_facts facts) {
  BROKER_ASSERT(where.lo < where.hi && where.hi <= batch->messages.size(), "an append names messages of its batch");
  enqueue({op_kind::append_logged, true, queue, batch, where, first, {}, facts}, cost(*batch, where),
          rouse::by_the_next);
}

void journal_store::settle(queue_id queue, std::vector<seq_range> seqs) {
  std::erase_if(seqs, [](const seq_range& range) { return range.first >= range.last; });
  if (!seqs.empty())
    enqueue({op_kind::settle, false, queue, {}, {}, 0, std::move(seqs), {}}, 0, rouse::in_time);
}

void journal_store::delivered(queue_id queue, seqno upto) {
  enqueue({op_kind::delivered, false, queue, {}, {}, upto, {}, {}}, 0, rouse::in_time);
}

void journal_store::log(queue_id queue, uint64_t number, std::string record, bool begins_anew) {
  const size_t bytes = record.size();
  enqueue({op_kind::log, begins_anew, queue, {}, {}, number, {}, {}, std::move(record)}, bytes, rouse::now);
}

void journal_store::drop(queue_id queue) {
  enqueue({op_kind::drop, false, queue, {}, {}, 0, {}, {}}, 0, rouse::in_time);
}

void journal_store::read(queue_id queue, seqno from, seqno before, size_t max_bytes) {
  {
    const std::lock_guard clients(clients_mutex_);
    const auto who = clients_.find(queue);
    if (who == clients_.end())
      return; // detached: nobody waits for it
    const std::lock_guard lock(pending_mutex_);
    reads_.push_back({lives_.use(queue), from, before, max_bytes, appends_enqueued_, who->second});
  }
  events_.wake_reader();
}

// -- the writer
// ---------------------------------------------------------------------------------------------------------

bool journal_store::check(const result<void>& outcome) {
  if (outcome)
    return !failed();
  failed_.store(true, std::memory_order_release);
  if (!fatal_reported_.exchange(true))
    events_.fatal(outcome.error());
  return false;
}

bool journal_store::writer_needs_timer() const {
  return timer_wanted_.load(std::memory_order_relaxed);
}

void journal_store::step_writer(bool timer) {
  if (failed())
    return;
  std::vector<operation> operations;
  uint64_t appends;
  {
    const std::lock_guard lock(pending_mutex_);
    operations.swap(pending_);
    appends = appends_enqueued_;
    timer_wanted_.store(false, std::memory_order_relaxed);
  }
  completions done;
  bool sync = false;
  if (!check(writer_->add_facts(std::exchange(forgotten_, {}))) || !check(write_operations(operations, done))
      || !check(write_retirement(sync)))
    return;
  if (timer && operations.empty() && writer_->synced_number() > writer_->witnessed_number())
    if (!check(writer_->add_mark()))
      return;
  if (!check(writer_->flush()))
    return;
  const bool wants_durable = !done.durable.empty() || !done.logged.empty();
  sync |= wants_durable && options_.durability == durability_mode::fsync;
  interval_unsynced_ |= wants_durable && options_.durability == durability_mode::interval;
  sync |= timer && interval_unsynced_;
  if (sync) {
    if (!check(writer_->sync()))
      return;
    interval_unsynced_ = false;
  }
  learn();
  pending_bytes_.fetch_sub(done.bytes, std::memory_order_relaxed);
  {
    const std::lock_guard lock(pending_mutex_);
    appends_written_ = appends;
    if (!pending_.empty() || interval_unsynced_ || writer_->synced_number() > writer_->witnessed_number())
      timer_wanted_.store(true, std::memory_order_relaxed);
  }
  complete(done);
}

result<void> journal_store::write_operations(std::vector<operation>& operations, completions& done) {
  std::map<queue_id, queue_facts> facts;
  for (auto& each : operations) {
    if (each.kind == op_kind::append || each.kind == op_kind::append_logged) {
      if (auto added = writer_->add_messages(each.queue, *each.batch, each.where, each.seq, each.durable, each.facts);
          !added)
        return added;
      done.bytes += cost(*each.batch, each.where);
      if (each.kind == op_kind::append) {
        auto& upto = (each.durable ? done.durable : done.paged)[each.queue];
        upto = std::max(upto, each.seq + each.where.size());
      }
      continue;
    }
    if (each.kind == op_kind::log) {
      if (auto added = write_log(each, done); !added)
        return added;
      continue;
    }
    if (each.kind == op_kind::drop)
      next_log_.erase(each.queue);
    auto& fact = facts.try_emplace(each.queue, queue_facts{each.queue, false, 0, {}}).first->second;
    fact.dropped |= each.kind == op_kind::drop;
    fact.delivered = std::max(fact.delivered, each.seq);
    for (const auto& range : each.seqs)
      if (!fact.settled.empty() && fact.settled.back().last == range.first)
        fact.settled.back().last = range.last;
      else
        fact.settled.push_back(range);
  }
  std::vector<queue_facts> listed;
  listed.reserve(facts.size());
  for (auto& [queue, fact] : facts) {
    if (fact.dropped)
      fact = {queue, true, 0, {}};
    listed.push_back(std::move(fact));
  }
  return listed.empty() ? result<void>{} : writer_->add_facts(std::move(listed));
}

result<void> journal_store::write_log(const operation& what, completions& done) {
  auto at = next_log_.find(what.queue);
  if (at == next_log_.end()) {
    const std::lock_guard lock(index_mutex_);
    at = next_log_.emplace(what.queue, index_.next_log(what.queue)).first;
  }
  done.logged[what.queue] = what.seq;
  done.bytes += what.record.size();
  return writer_->add_log(what.queue, at->second++, what.record, what.durable);
}

result<void> journal_store::write_retirement(bool& sync) {
  std::vector<queue_facts> carried;
  std::vector<journal_index::placed_log> logs;
  {
    const std::lock_guard lock(index_mutex_);
    if (retirement_ != retirement_state::to_log)
      return {};
    carried = index_.facts_to_carry(retiring_);
    logs = index_.logs_to_carry(retiring_);
  }
  std::vector<std::string> records;
  for (const auto& each : logs) {
    auto record = read_log(each.where, *each.segment);
    if (!record)
      return give_up_retirement(each.queue, record.error());
    records.push_back(*std::move(record));
  }
  {
    const std::lock_guard lock(index_mutex_);
    index_.begin_retirement(retiring_);
    retirement_ = retirement_state::logging;
  }
  sync = true;
  for (size_t i = 0; i < logs.size(); ++i)
    if (auto added = writer_->add_log(logs[i].queue, logs[i].where.number, records[i], logs[i].where.begins_anew);
        !added)
      return added;
  if (auto added = writer_->add_facts(std::move(carried)); !added)
    return added;
  return writer_->add_retire(retiring_);
}

/// A record that must be kept cannot be read: the segment stays (G7).
result<void> journal_store::give_up_retirement(queue_id queue, const error& why) {
  {
    const std::lock_guard lock(index_mutex_);
    index_.mark_damaged(retiring_);
    retirement_ = retirement_state::idle;
    retiring_ = 0;
  }
  events_.damaged({queue_lives::queue_of(queue), {}, why.text});
  return {};
}

void journal_store::learn() {
  auto report = writer_->take_report();
  bool housekeeping;
  {
    const std::lock_guard lock(index_mutex_);
    for (auto& [segment, first_number] : report.opened)
      index_.open_segment(std::move(segment), first_number);
    for (const auto& [queue, where] : report.placed)
      index_.add(queue, where);
    for (const auto& [queue, where] : report.logged)
      index_.add_log(queue, where);
    for (auto& [sequence, fact] : report.noted) {
      if (fact.dropped) {
        if (index_.drop(fact.queue, sequence))
          backlog_drops_.push_back(fact.queue);
        const std::lock_guard pending(pending_mutex_);
        lives_.noted(fact.queue);
        continue;
      }
      if (fact.delivered > 0)
        index_.delivered(fact.queue, fact.delivered, sequence);
      std::vector<seq_range> gone;
      for (const auto& range : fact.settled)
        index_.settle(fact.queue, range, sequence, gone);
      if (!gone.empty())
        backlog_erasures_.push_back({fact.queue, std::move(gone)});
    }
    for (const auto& closed : report.closed)
      index_.close_segment(closed.sequence, closed.end_number);
    if (retirement_ == retirement_state::logging)
      retirement_ = retirement_state::logged;
    housekeeping = retirement_ == retirement_state::logged || !backlog_erasures_.empty() || !backlog_drops_.empty()
                || !report.opened.empty()
                || index_.retirement_candidate(options_.segment_bytes, options_.keep_segments) != 0;
  }
  if (housekeeping)
    events_.wake_helper();
}

store_client* journal_store::client_of(queue_id stored) const {
  const auto found = clients_.find(queue_lives::queue_of(stored));
  if (found == clients_.end())
    return nullptr;
  const std::lock_guard lock(pending_mutex_);
  return lives_.is_present(stored) ? found->second.get() : nullptr;
}

void journal_store::complete(const completions& done) {
  {
    const std::lock_guard lock(clients_mutex_);
    for (const auto& [queue, upto] : done.paged)
      if (store_client* const who = client_of(queue))
        who->on_paged(upto);
    for (const auto& [queue, upto] : done.logged)
      if (store_client* const who = client_of(queue))
        who->on_logged(upto);
    for (const auto& [queue, upto] : done.durable)
      if (store_client* const who = client_of(queue))
        who->on_durable(upto);
  }
  bool waiting;
  {
    const std::lock_guard lock(pending_mutex_);
    waiting = !reads_.empty();
  }
  if (waiting)
    events_.wake_reader();
}

void journal_store::close() {
  step_writer(true);
  if (failed())
    return;
  if (writer_->used()) {
    // Twice: the mark is the witness of the first sync, and durable by the second.
    if (!check(writer_->sync()) || !check(writer_->add_mark()) || !check(writer_->flush()) || !check(writer_->sync()))
      return;
    learn();
  }
  while (erase_from_backlog()) {
  }
  if (!failed())
    check(backlog_.sync());
}

size_t journal_store::segments() const {
  const std::lock_guard lock(index_mutex_);
  return index_.segment_count();
}

} // namespace broker

#include "metadata/metadata_host.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/assert.hpp"
#include "raft/log.hpp"

namespace broker {

using consensus::outcome;

metadata_host::metadata_host(metadata_host_settings settings, metadata_store& store, metadata_peers* peers)
  : settings_(std::move(settings)), store_(store), peers_(peers), state_(settings_.metadata),
    window_(settings_.group.proposals_max) {}

// -- start ------------------------------------------------------------------------------------------------------------

result<void> metadata_host::open(consensus::time_ms now) {
  BROKER_ASSERT(!group_, "a host is opened once");
  now_ = now;
  auto stored = store_.load();
  if (!stored)
    return stored.error();
  if (stored->snapshot) {
    if (auto done = state_.restore(stored->snapshot_data); !done)
      return done;
    applied_ = *stored->snapshot;
    snapshot_bytes_ = stored->snapshot_data.size();
  }
  for (const consensus::entry& one : stored->log)
    log_bytes_ += one.data.size();
  if (peers_)
    read_routes(stored->log);
  identity_ = stored->identity.value_or(metadata_identity{settings_.new_cluster, 1, 0, false});
  ++identity_.run;
  if (auto written = store_.write_identity(identity_); !written)
    return written;
  next_ticket_ = identity_.run << 32; // an answer to an earlier run's read is none to one of this run
  consensus::restart found{stored->state, stored->snapshot, std::move(stored->log)};
  const size_t entries = found.log.size();
  raft::reconcile(found);
  if (found.log.size() != entries)
    return error{0, "the metadata log does not follow the snapshot beside it"};
  raft::settings how = settings_.group;
  how.self = identity_.self;
  how.bootstrap = identity_.joins ? consensus::membership{} : consensus::membership{{identity_.self}, {}};
  group_.emplace(how, std::move(found));
  enqueue(group_->start());
  do {
    if (auto replayed = flush(); !replayed) // what it changes is nothing new
      return replayed.error();
  } while (has_more());
  return {};
}

// -- carrying out -----------------------------------------------------------------------------------------------------

void metadata_host::fail(error why) {
  if (!failure_)
    failure_ = std::move(why);
}

void metadata_host::answer(consensus::ticket id, outcome what, command_result result) {
  out_.done.push_back({id, what, std::move(result)});
}

void metadata_host::work() {
  while (!steps_.empty() && !failure_) {
    consensus::effects next = std::move(steps_.front());
    steps_.pop_front();
    carry_out(next);
  }
}

void metadata_host::carry_out(consensus::effects& what) {
  if (what.contradiction)
    return fail({0, "the metadata of this node and of others contradict each other: " + *what.contradiction});
  gather_writes(what);
  for (auto& [to, bytes] : what.messages) {
    if (pending_.state)
      held_.emplace_back(to, std::move(bytes));
    else
      send_raft(to, std::move(bytes));
  }
  std::move(what.apply.begin(), what.apply.end(), std::back_inserter(committed_));
  apply_committed();
  for (const consensus::completion& one : what.done)
    read_done(one);
  if (what.changed)
    note_leadership(*what.changed);
  snapshot_wanted_ = snapshot_wanted_ || what.take_snapshot;
  for (const consensus::snapshot_request& one : what.send_snapshot)
    serve_snapshot(one);
  if (what.store_chunk)
    receive_chunk(*what.store_chunk);
}

// Several steps' writes become one. What is cut off before it was written never is.
void metadata_host::gather_writes(consensus::effects& what) {
  if (what.state)
    pending_.state = what.state;
  if (what.truncate_from) {
    const uint64_t from = *what.truncate_from;
    std::erase_if(pending_.append, [&](const consensus::entry& one) { return one.index >= from; });
    pending_.truncate_from = std::min(pending_.truncate_from.value_or(from), from);
  }
  std::move(what.append.begin(), what.append.end(), std::back_inserter(pending_.append));
}

bool metadata_host::has_writes() const {
  return pending_.state || pending_.truncate_from || !pending_.append.empty();
}

result<void> metadata_host::write() {
  const consensus::effects now = std::exchange(pending_, {});
  for (const consensus::entry& one : now.append)
    log_bytes_ += one.data.size();
  if (auto written = store_.write(now.state, now.truncate_from, now.append); !written)
    return written;
  for (auto& [to, bytes] : std::exchange(held_, {}))
    send_raft(to, std::move(bytes));
  if (!now.append.empty())
    enqueue(group_->persisted(now.append.back().index, group_->term()));
  return {};
}

// A part with each flush: the group may be a long way ahead, and its heartbeats must not wait for all of that.
void metadata_host::apply_committed() {
  const uint64_t before = applied_.index;
  for (; !committed_.empty() && may_apply_ > 0; --may_apply_) {
    const consensus::entry one = std::move(committed_.front());
    committed_.pop_front();
    BROKER_ASSERT(one.index == applied_.index + 1, "entries are applied in order, each once");
    if (one.type == consensus::entry::kind::command)
      apply_one(one);
    if (failure_)
      return;
    applied_.index = one.index;
    applied_.term = one.term;
  }
  if (applied_.index == before)
    return;
  finish_reads();
  enqueue(group_->applied(applied_.index));
}

void metadata_host::apply_one(const consensus::entry& one) {
  auto what = decode_proposed(one.data);
  if (!what)
    return fail({0, "metadata log entry " + std::to_string(one.index) + ": " + what.error().text});
  auto done = state_.apply(*what, out_.changes);
  if (what->by.node != 0 && what->by.node != identity_.self)
    to_tell_.insert(what->by.node);
  if (!done || what->by.node != identity_.self || what->by.run != identity_.run)
    return;
  sent_at_ = now_;
  const auto id = window_.applied(what->by.sequence);
  if (!id)
    return;
  // Of a start nobody on another node waits to hear.
  if (gate_.is_open() || !done->ok() || std::holds_alternative<node_started>(what->what))
    answer(*id, outcome::ok, std::move(*done));
  else
    answer_when_shown(one.index, *id, std::move(*done));
}

void metadata_host::answer_when_shown(uint64_t index, consensus::ticket id, command_result result) {
  gate_.hold(index, id, now_);
  held_results_.emplace(id, std::move(result));
}

void metadata_host::release_answers() {
  for (const consensus::ticket id : gate_.release(now_)) {
    auto held = held_results_.extract(id);
    BROKER_ASSERT(!held.empty(), "a held answer has its result");
    answer(id, outcome::ok, std::move(held.mapped()));
  }
}

void metadata_host::note_leadership(const consensus::leadership& now) {
  out_.leadership = now;
  window_.rewind();
  appended_.clear();
  stranded_.clear();
  changing_ = 0;
  leads_since_ = kept_at_ = now_;
  for (auto& [number, one] : reads_)
    if (one.id)
      one.number = 0; // to be asked again
}

// -- flush ------------------------------------------------------------------------------------------------------------

bool metadata_host::has_pending() const {
  return window_.has_unsent() || has_writes() || !steps_.empty() || !out_.done.empty() || !out_.changes.empty()
      || out_.leadership || restore_due() || has_more() || out_.forgotten || !out_.moves.empty() || out_.hands_over
      || !gate_.empty() || applied_.index != flushed_index_;
}

result<metadata_flush> metadata_host::flush() {
  BROKER_ASSERT(group_, "open() comes first");
  may_apply_ = settings_.applied_at_once;
  apply_committed();
  bool again = true;
  while (again && !failure_) {
    const uint64_t before = applied_.index;
    work();
    dispatch();
    ask_for_reads();
    enqueue(group_->flush());
    work();
    if (failure_)
      return *failure_;
    if (has_writes())
      if (auto written = write(); !written)
        return written.error();
    work();
    // What was too much for one write may be proposed now.
    const bool more = leads() && window_.has_unsent() && applied_.index > before;
    again = has_writes() || !steps_.empty() || more;
  }
  if (failure_)
    return *failure_;
  release_answers();
  out_.forgotten = out_.forgotten || state_.was_forgotten(identity_.self);
  flushed_index_ = applied_.index;
  return std::exchange(out_, {});
}

// -- snapshots --------------------------------------------------------------------------------------------------------

// A large state is not written again after every few entries: the log must have grown to a good part of it first.
bool metadata_host::snapshot_due() const noexcept {
  return snapshot_wanted_ && !snapshot_begun_ && !install_ && !restoring_ && log_bytes_ >= snapshot_bytes_ / 2;
}

metadata_snapshot_job metadata_host::begin_snapshot() {
  BROKER_ASSERT(group_ && steps_.empty() && !snapshot_begun_, "between flushes, one at a time");
  metadata_snapshot_job job{group_->snapshot_point(), state_.image()};
  BROKER_ASSERT(job.meta.index == applied_.index, "the group knows what is applied");
  snapshot_wanted_ = false;
  snapshot_begun_ = true;
  log_bytes_ = 0;
  return job;
}

result<std::string> metadata_snapshot_job::write(metadata_store& store) const {
  std::string bytes = image->serialise();
  if (auto prepared = store.prepare_snapshot(meta, bytes); !prepared)
    return prepared.error();
  return bytes;
}

result<void> metadata_host::finish_snapshot(const metadata_snapshot_job& job, std::string_view bytes) {
  BROKER_ASSERT(snapshot_begun_, "begin_snapshot() comes first");
  snapshot_begun_ = false;
  if (job.meta.index <= installed_)
    return {};
  if (auto stored = store_.store_snapshot(job.meta, bytes); !stored)
    return stored;
  snapshot_bytes_ = bytes.size();
  enqueue(group_->snapshot_stored(job.meta));
  work();
  return {};
}

result<void> metadata_host::take_snapshot() {
  const auto job = begin_snapshot();
  const auto bytes = job.write(store_);
  return bytes ? finish_snapshot(job, *bytes) : result<void>{bytes.error()};
}

void metadata_host::serve_snapshot(const consensus::snapshot_request& request) {
  auto part = store_.read_snapshot(request.index, request.term, request.offset, request.bytes_max);
  if (!part)
    return fail(part.error());
  if (!*part)
    return enqueue(group_->snapshot_read(request, 0, std::nullopt));
  enqueue(group_->snapshot_read(request, (*part)->size, (*part)->bytes));
}

// Kept in memory: the state it becomes takes as much.
void metadata_host::receive_chunk(consensus::snapshot_chunk& chunk) {
  if (chunk.offset == 0)
    incoming_.clear();
  BROKER_ASSERT(chunk.offset == incoming_.size() && !install_ && !restoring_, "chunks come in order");
  incoming_ += chunk.data;
  if (chunk.last)
    install_ = chunk.meta;
}

// Everything written before it is on the disk first, and what the group has handed out is applied: what it replaces is
// then no more than that. From the last chunk on the group hands nothing out.
bool metadata_host::restore_due() const noexcept {
  return install_ && !has_writes() && !has_more();
}

metadata_restore_job metadata_host::begin_restore() {
  BROKER_ASSERT(restore_due() && steps_.empty() && !restoring_, "between flushes, one at a time");
  restoring_ = true;
  return {*std::exchange(install_, std::nullopt),
          std::exchange(incoming_, {}),
          state_.snapshot(),
          std::make_unique<metadata_state>(settings_.metadata),
          {}};
}

// First it is understood, then it is written.
result<void> metadata_restore_job::work(metadata_store& store) {
  if (auto done = state->restore(bytes); !done)
    return error{0, "the metadata received from another node: " + done.error().text};
  changes = difference_of(*before, *state->snapshot());
  return store.prepare_install(meta, bytes);
}

result<void> metadata_host::finish_restore(metadata_restore_job& job) {
  BROKER_ASSERT(restoring_, "begin_restore() comes first");
  BROKER_ASSERT(state_.snapshot() == job.before && !has_writes() && !has_more(),
                "nothing is applied while a snapshot is restored");
  restoring_ = false;
  if (auto stored = store_.install_snapshot(job.meta, job.bytes); !stored)
    return stored;
  state_.change_places(*job.state);
  if (out_.changes.empty())
    out_.changes.swap(job.changes);
  out_.changes.insert(out_.changes.end(), job.changes.begin(), job.changes.end());
  applied_ = job.meta;
  installed_ = job.meta.index;
  snapshot_wanted_ = false;
  snapshot_bytes_ = job.bytes.size();
  log_bytes_ = 0;
  for (const consensus::ticket id : window_.applied_unseen(state_.last_applied(identity_.self, identity_.run)))
    answer(id, outcome::lost);
  finish_reads();
  enqueue(group_->snapshot_installed(job.meta));
  work();
  return {};
}

} // namespace broker

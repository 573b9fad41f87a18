#include "replication/replica_log.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "replication/plant.hpp"

namespace broker::replication {

namespace {

/// What a run without its bodies costs.
size_t described_bytes(const log_run& run) {
  return sizeof run + (run.ranges ? run.ranges->size() * sizeof(seq_range) : 0);
}

} // namespace

void replica_log::write(writes& out, decltype(log_write::what) what, seqno durable) {
  BROKER_ASSERT(unsynced_.empty() || unsynced_.back().number == last_write_, "writes are numbered without a gap");
  ++last_write_;
  unsynced_.push_back({last_write_, durable});
  out.push_back({last_write_, std::move(what)});
}

void replica_log::written(write_number number) {
  BROKER_ASSERT(number <= last_write_, "only what was written can be on disk");
  while (!unsynced_.empty() && unsynced_.front().number <= number) {
    durable_ = std::max(durable_, unsynced_.front().durable);
    unsynced_.pop_front();
  }
  BROKER_ASSERT(durable_ <= end_.seq, "what was cut off does not count as durable");
}

// -- changes
// ------------------------------------------------------------------------------------------------------------

void replica_log::keep(const log_run& run) {
  if (run.last() <= floor_)
    described_bytes_ += described_bytes(run);
  else
    kept_bytes_ += run.bytes;
  runs_.push_back(run);
}

log_run replica_log::give_up_last() {
  log_run last = std::move(runs_.back());
  runs_.pop_back();
  if (last.last() <= floor_)
    described_bytes_ -= described_bytes(last);
  else
    kept_bytes_ -= last.bytes;
  return last;
}

void replica_log::give_up_body() {
  log_run& oldest = runs_[index_of(floor_ + 1)];
  kept_bytes_ -= oldest.bytes;
  described_bytes_ += described_bytes(oldest);
  oldest.batch = {};
  floor_ = oldest.last();
}

void replica_log::take(const log_run& run) {
  BROKER_ASSERT(run.count != 0 && run.first == end_.seq + 1, "entries are appended without a gap");
  BROKER_ASSERT(run.mastership != 0, "an entry has a master");
  BROKER_ASSERT(run.mastership >= end_.mastership, "masterships never fall along a log");
  if (epochs_.empty() || epochs_.back().mastership != run.mastership)
    epochs_.push_back({run.mastership, run.first});
  dedupe_.add(run);
  end_ = run.end();
  chain_ = run.chain;
  keep(run);
}

const log_run& replica_log::extend(broker::epoch mastership, log_run run, writes& out) {
  BROKER_ASSERT(!copying_, "a log with a hole has no master");
  run.mastership = mastership;
  run.first = end_.seq + 1;
  run.bytes = cost(run);
  run.chain = chain_after(chain_, run);
  take(run);
  write(out, log_appended{std::move(run)}, end_.seq);
  return runs_.back();
}

result<void> replica_log::append(const log_run& run, writes& out) {
  BROKER_ASSERT(run.first == end_.seq + 1, "entries are appended without a gap");
  if (run.mastership < end_.mastership || chain_after(chain_, run) != run.chain)
    return error{0, "the crc chain of the log is broken"};
  take(run);
  write(out, log_appended{run}, copying_ ? 0 : end_.seq);
  return {};
}

/// Masterships and de-duplication go back with the entries, or a publish that was cut off would be taken for a
/// duplicate when its channel sends it again.
void replica_log::drop_from(seqno from, uint32_t chain) {
  BROKER_ASSERT(from > start_, "only what is known is cut off");
  while (end_.seq >= from) {
    const log_run last = give_up_last();
    const seqno keep_upto = std::max(last.first, from) - 1;
    if (!planted(plant::keep_dedupe))
      dedupe_.take_back(keep_upto >= last.first ? cut(last, keep_upto + 1, last.last()) : last);
    end_.seq = last.first - 1;
    if (keep_upto < last.first)
      continue;
    log_run kept = cut(last, last.first, keep_upto);
    kept.chain = chain;
    end_.seq = keep_upto;
    keep(kept);
  }
  BROKER_ASSERT(end_.seq + 1 == from, "everything from there on is cut off, and nothing else");
  chain_ = chain;
  floor_ = std::min(floor_, end_.seq);
  dedupe_.shorten(end_.seq);
  while (!epochs_.empty() && epochs_.back().first > end_.seq)
    epochs_.pop_back();
  end_.mastership = epochs_.empty() ? 0 : epochs_.back().mastership;
}

void replica_log::truncate_to(seqno from, uint32_t chain) {
  drop_from(from, chain);
  durable_ = std::min(durable_, end_.seq);
  for (unsynced& one : unsynced_)
    one.durable = std::min(one.durable, end_.seq);
}

void replica_log::truncate(seqno from, writes& out) {
  BROKER_ASSERT(can_truncate(from), "what came by copy is committed and never cut off");
  const uint32_t chain = *chain_at(from - 1);
  truncate_to(from, chain);
  write(out, log_truncated{from, chain}, 0);
}

void replica_log::start_from(const log_base& base) {
  BROKER_ASSERT((base.end.seq == 0) == (base.end.mastership == 0), "a position has a master");
  runs_.clear();
  epochs_.clear();
  if (base.end.seq != 0)
    epochs_.push_back({base.end.mastership, base.end.seq});
  dedupe_ = base.dedupe;
  end_ = base_ = base.end;
  start_ = floor_ = base.end.seq;
  chain_ = start_chain_ = base.chain;
  copied_upto_ = 0;
  committed_ = 0;
  kept_bytes_ = described_bytes_ = 0;
  copying_ = base.end.seq != 0;
}

void replica_log::empty_out(incarnation at, writes& out) {
  BROKER_ASSERT(at >= emptied_at_, "incarnations rise");
  start_from({});
  emptied_at_ = at;
  durable_ = 0;
  for (unsynced& one : unsynced_)
    one.durable = 0;
  write(out, log_emptied{at}, 0);
}

void replica_log::begin_copy(log_base base, writes& out) {
  BROKER_ASSERT(end_.seq == 0 || planted(plant::wipe_in_place), "a copy goes into an empty log only");
  BROKER_ASSERT(base.end.seq != 0, "a copy of nothing is not begun");
  start_from(base);
  durable_ = 0;
  for (unsynced& one : unsynced_)
    one.durable = 0;
  write(out, log_copy_begun{std::make_shared<const log_base>(std::move(base))}, 0);
}

void replica_log::add_copied(std::vector<live_run> live, seqno upto, writes& out) {
  BROKER_ASSERT(copying_ && upto > copied_upto_ && upto <= base_.seq, "a copy proceeds below its base");
  copied_upto_ = upto;
  write(out, log_copied{std::move(live), upto}, 0);
}

void replica_log::end_copy(writes& out) {
  BROKER_ASSERT(copying_ && copied_upto_ == base_.seq, "a copy ends when nothing is missing");
  copying_ = false;
  write(out, log_copy_ended{}, end_.seq);
}

void replica_log::forget(std::vector<seq_range> ended, writes& out) {
  write(out, log_forgotten{std::move(ended)}, 0);
}

void replica_log::trim(seqno committed, size_t bytes, size_t described) {
  BROKER_ASSERT(committed <= end_.seq, "nothing is committed that is not there");
  if (copying_)
    return;
  while (kept_bytes_ > bytes && floor_ < end_.seq && runs_[index_of(floor_ + 1)].last() <= committed)
    give_up_body();
  while (described_bytes_ > described && runs_.front().last() <= std::min(floor_, committed)) {
    described_bytes_ -= described_bytes(runs_.front());
    start_ = runs_.front().last();
    start_chain_ = runs_.front().chain;
    runs_.pop_front();
  }
  committed_ = std::max(committed_, std::min(floor_, committed));
  while (epochs_.size() > limits::replication_epochs_max && epochs_[1].first <= committed)
    epochs_.erase(epochs_.begin());
}

} // namespace broker::replication

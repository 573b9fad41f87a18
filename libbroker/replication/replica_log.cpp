#include "replication/replica_log.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/limits.hpp"
#include "base/overloaded.hpp"
#include "replication/plant.hpp"

namespace broker::replication {

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

void replica_log::recovered() {
  BROKER_ASSERT(copied_upto_ <= base_.seq, "a copy ends at its base");
  unsynced_.clear();
  last_write_ = 0;
  durable_ = copying_ ? 0 : end_.seq;
}

// -- changes
// ------------------------------------------------------------------------------------------------------------

void replica_log::take(const log_run& run) {
  BROKER_ASSERT(run.count != 0 && run.first == end_.seq + 1, "entries are appended without a gap");
  BROKER_ASSERT(run.mastership != 0 && run.in_memory(), "an entry has a master and a content");
  BROKER_ASSERT(run.mastership >= end_.mastership, "masterships never fall along a log");
  if (epochs_.empty() || epochs_.back().mastership != run.mastership)
    epochs_.push_back({run.mastership, run.first});
  dedupe_.add(run);
  end_ = run.end();
  chain_ = run.chain;
  kept_bytes_ += run.bytes;
  runs_.push_back(run);
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
void replica_log::drop_from(seqno from) {
  BROKER_ASSERT(from > floor_, "only entries in memory are cut off");
  while (end_.seq >= from) {
    log_run last = std::move(runs_.back());
    runs_.pop_back();
    kept_bytes_ -= last.bytes;
    const seqno keep = std::max(last.first, from) - 1;
    if (!planted(plant::keep_dedupe))
      dedupe_.take_back(keep >= last.first ? cut(last, keep + 1, last.last()) : last);
    chain_ = runs_.empty() ? floor_chain_ : runs_.back().chain;
    end_.seq = last.first - 1;
    if (keep < last.first)
      continue;
    log_run kept = cut(last, last.first, keep);
    kept.chain = chain_ = chain_after(chain_, kept);
    kept_bytes_ += kept.bytes;
    end_.seq = keep;
    runs_.push_back(std::move(kept));
  }
  BROKER_ASSERT(end_.seq + 1 == from, "everything from there on is cut off, and nothing else");
  dedupe_.shorten(end_.seq);
  while (!epochs_.empty() && epochs_.back().first > end_.seq)
    epochs_.pop_back();
  end_.mastership = epochs_.empty() ? 0 : epochs_.back().mastership;
}

void replica_log::truncate(seqno from, writes& out) {
  BROKER_ASSERT(from > base_.seq && from <= end_.seq, "what came by copy is committed and never cut off");
  drop_from(from);
  durable_ = std::min(durable_, end_.seq);
  for (unsynced& one : unsynced_)
    one.durable = std::min(one.durable, end_.seq);
  write(out, log_truncated{from}, 0);
}

void replica_log::start_from(const log_base& base) {
  BROKER_ASSERT((base.end.seq == 0) == (base.end.mastership == 0), "a position has a master");
  runs_.clear();
  epochs_.clear();
  if (base.end.seq != 0)
    epochs_.push_back({base.end.mastership, base.end.seq});
  dedupe_ = base.dedupe;
  end_ = base_ = base.end;
  floor_ = base.end.seq;
  chain_ = floor_chain_ = base.chain;
  copied_upto_ = 0;
  kept_bytes_ = 0;
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

void replica_log::add_copied(std::vector<stored_run> live, seqno upto, writes& out) {
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

void replica_log::trim(seqno committed, size_t bytes) {
  BROKER_ASSERT(committed <= end_.seq, "nothing is committed that is not there");
  while (kept_bytes_ > bytes && !runs_.empty() && runs_.front().last() <= committed && !copying_) {
    kept_bytes_ -= runs_.front().bytes;
    floor_ = runs_.front().last();
    floor_chain_ = runs_.front().chain;
    BROKER_ASSERT(floor_ <= committed, "what may be cut off stays in memory");
    runs_.pop_front();
  }
  while (epochs_.size() > limits::replication_epochs_max && epochs_[1].first <= committed)
    epochs_.erase(epochs_.begin());
}

// -- recovery
// -----------------------------------------------------------------------------------------------------------

result<void> replica_log::replay(const log_write& what) {
  writes unused;
  return std::visit(overloaded{
                      [&](const log_emptied& one) -> result<void> {
                        empty_out(one.at, unused);
                        return {};
                      },
                      [&](const log_appended& one) -> result<void> {
                        if (one.run.first != end_.seq + 1)
                          return error{0, "the log has a gap"};
                        return append(one.run, unused);
                      },
                      [&](const log_truncated& one) -> result<void> {
                        if (one.from > end_.seq || one.from <= std::max(base_.seq, floor_))
                          return error{0, "the log was cut off where it has nothing"};
                        truncate(one.from, unused);
                        return {};
                      },
                      [&](const log_copy_begun& one) -> result<void> {
                        if (end_.seq != 0 && !planted(plant::wipe_in_place))
                          return error{0, "a copy went into a log that was not empty"};
                        begin_copy(*one.base, unused);
                        return {};
                      },
                      [&](const log_copied& one) -> result<void> {
                        if (!copying_ || one.upto <= copied_upto_ || one.upto > base_.seq)
                          return error{0, "a piece of a copy out of place"};
                        add_copied({}, one.upto, unused);
                        return {};
                      },
                      [&](const log_copy_ended&) -> result<void> {
                        if (!copying_ || copied_upto_ != base_.seq)
                          return error{0, "a copy ended with a piece missing"};
                        end_copy(unused);
                        return {};
                      },
                      [](const log_forgotten&) -> result<void> { return {}; },
                    },
                    what.what);
}

} // namespace broker::replication

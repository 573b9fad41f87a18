#include "raft/progress.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace broker::raft {

void progress::note_answer(consensus::time_ms now, uint64_t round) {
  BROKER_ASSERT(now >= heard_, "time does not go back");
  heard_ = now;
  round_ = std::max(round_, round);
}

void progress::note_sent(uint64_t last, size_t bytes) {
  BROKER_ASSERT(mode_ == mode::pipeline, "entries are sent in pipeline mode only");
  BROKER_ASSERT(last >= next_ && next_ > match_, "entries are sent in order");
  inflight_.push_back({last, bytes});
  inflight_bytes_ += bytes;
  next_ = last + 1;
}

void progress::note_commit_told(uint64_t upto) {
  commit_told_ = std::max(commit_told_, upto);
}

void progress::note_accepted(uint64_t match, uint64_t checked) {
  BROKER_ASSERT(match <= checked, "what is durable and checked is checked");
  match_ = std::max(match_, match);
  while (!inflight_.empty() && inflight_.front().last <= match_) {
    inflight_bytes_ -= inflight_.front().bytes;
    inflight_.pop_front();
  }
  if (mode_ == mode::snapshot)
    return;
  if (mode_ == mode::probe) {
    mode_ = mode::pipeline;
    next_ = std::max(match_, checked) + 1;
    probing_ = false;
  }
  next_ = std::max(next_, match_ + 1);
  BROKER_ASSERT(!inflight_.empty() || inflight_bytes_ == 0, "the window is what is in it");
}

bool progress::note_rejected(uint64_t rejected, uint64_t hint) {
  if (mode_ == mode::snapshot || rejected <= match_ || rejected >= next_)
    return false;
  if (mode_ == mode::probe && rejected != next_ - 1)
    return false;
  mode_ = mode::probe;
  next_ = std::max(std::min(rejected, hint + 1), match_ + 1);
  probing_ = false;
  forget_inflight();
  BROKER_ASSERT(next_ > match_ && next_ <= rejected, "probing moves back, never behind what is known to agree");
  return true;
}

void progress::start_snapshot(const consensus::snapshot_meta& what) {
  BROKER_ASSERT(what.index > match_, "a snapshot brings something new");
  mode_ = mode::snapshot;
  forget_inflight();
  transfer_ = {};
  transfer_.index = what.index;
  transfer_.term = what.term;
  transfer_.members = what.members;
}

snapshot_transfer& progress::transfer() {
  BROKER_ASSERT(mode_ == mode::snapshot, "a transfer that runs");
  return transfer_;
}

void progress::end_snapshot() {
  BROKER_ASSERT(mode_ == mode::snapshot, "a transfer that runs");
  mode_ = mode::pipeline;
  next_ = match_ + 1;
  transfer_ = {};
}

void progress::forget_inflight() {
  inflight_.clear();
  inflight_bytes_ = 0;
}

} // namespace broker::raft

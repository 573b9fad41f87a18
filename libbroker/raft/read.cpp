// Read barriers (Ongaro's thesis, section 6.4): a read sees every write that was answered before it. The leader notes
// its commit index, then makes sure by a round of heartbeats begun *after* the call that it still leads, and answers
// when the noted index is applied. One round serves all reads that arrived before it began; those at leisure let the
// next heartbeat be theirs. No clocks involved.
#include <algorithm>

#include "base/assert.hpp"
#include "raft/core.hpp"

namespace broker::raft {

void core::read_barrier(ticket id, consensus::read_haste haste) {
  BROKER_ASSERT(started_, "start() comes first");
  if (!leads())
    return complete(id, outcome::not_leader);
  if (readers_.size() >= settings_.proposals_max)
    return complete(id, outcome::overloaded);
  readers_.push_back({id, 0, 0, haste == consensus::read_haste::at_once});
}

void core::start_round() {
  ++round_;
  for (reader& one : readers_)
    if (one.round == 0) {
      one.round = round_;
      one.index = commit_;
    }
  heartbeat();
}

// The newest round that a majority has answered.
uint64_t core::confirmed_round() const {
  std::vector<uint64_t> rounds;
  for (const node_id who : log_.members().voters)
    rounds.push_back(who == settings_.self ? round_ : peers_.at(who).round());
  std::sort(rounds.begin(), rounds.end(), std::greater<>{});
  BROKER_ASSERT(rounds.size() >= majority(log_.members()), "every voter is counted");
  return rounds[majority(log_.members()) - 1];
}

void core::advance_reads() {
  // Before its first entry is committed a leader does not know what is committed.
  if (readers_.empty() || commit_ < term_start_)
    return;
  const bool under_way = readers_.front().round != 0 && confirmed_round() < readers_.front().round;
  const bool in_haste =
    std::any_of(readers_.begin(), readers_.end(), [](const reader& one) { return one.round == 0 && one.in_haste; });
  if (!under_way && in_haste)
    start_round();
  if (readers_.front().round == 0)
    return; // the next heartbeat's
  const uint64_t confirmed = planted(plant::read_without_quorum) ? round_ : confirmed_round();
  while (!readers_.empty() && readers_.front().round != 0 && readers_.front().round <= confirmed
         && readers_.front().index <= handed_out_) {
    BROKER_ASSERT(readers_.front().index >= term_start_, "a read index of the own term");
    complete(readers_.front().id, outcome::ok, readers_.front().index);
    readers_.pop_front();
  }
}

} // namespace broker::raft

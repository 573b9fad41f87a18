#include "raft/log.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "raft/plant.hpp"

namespace broker::raft {

using consensus::snapshot_meta;

log::log(const membership& bootstrap, consensus::restart& found) {
  BROKER_ASSERT(bootstrap == membership{} || is_valid(bootstrap), "members to start with");
  configs_.push_back({0, bootstrap});
  if (found.snapshot)
    reset(*found.snapshot);
  for (entry& one : found.log)
    append(std::move(one));
  found.log.clear();
  BROKER_ASSERT(found.state.term >= last_term(), "the term is stored before entries of it");
}

uint64_t log::term_at(uint64_t index) const {
  BROKER_ASSERT(index >= base_index_ && index <= last(), "an index the log knows");
  return index == base_index_ ? base_term_ : slot(index).term;
}

const consensus::entry& log::at(uint64_t index) const {
  BROKER_ASSERT(index > base_index_ && index <= last(), "an entry the log holds");
  const entry& one = slot(index);
  BROKER_ASSERT(one.index == index, "the log is dense");
  return one;
}

uint64_t log::newest_not_above(uint64_t upto, uint64_t term) const {
  BROKER_ASSERT(upto <= last(), "an index the log knows");
  uint64_t index = std::max(upto, base_index_);
  while (index > base_index_ && term_at(index) > term)
    --index;
  return index;
}

void log::append(entry one) {
  BROKER_ASSERT(one.index == last() + 1, "the log is dense");
  BROKER_ASSERT(one.term >= last_term() && one.term > 0, "terms never fall");
  if (one.type == entry::kind::config) {
    auto members = decode_membership(one.data);
    BROKER_ASSERT(members, "configurations are checked before they come here");
    BROKER_ASSERT(one.index > configs_.back().index, "configurations in the order of the log");
    if (planted(plant::lose_promotion) && members->voters.size() > configs_.back().members.voters.size()
        && one.index > 1)
      *members = configs_.back().members;
    configs_.push_back({one.index, std::move(*members)});
  }
  entries_.push_back(std::move(one));
}

void log::truncate(uint64_t index) {
  BROKER_ASSERT(index > snapshot_.index && index > base_index_ && index <= last(),
                "what a snapshot holds is committed");
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(dropped_ + (index - base_index_ - 1)), entries_.end());
  if (planted(plant::config_rollback_forgotten))
    return;
  while (configs_.back().index >= index)
    configs_.pop_back();
  BROKER_ASSERT(!configs_.empty(), "the oldest configuration is committed");
}

void log::compact(const snapshot_meta& stored, size_t trailing) {
  BROKER_ASSERT(stored.index > snapshot_.index && stored.index <= last(), "snapshots move forward, inside the log");
  BROKER_ASSERT(stored.term == term_at(stored.index), "a snapshot of this log");
  snapshot_ = stored;
  while (configs_.size() > 1 && configs_[1].index <= stored.index)
    configs_.erase(configs_.begin());
  BROKER_ASSERT(configs_.front().index <= stored.index, "the snapshot's configuration is known");
  if (base_index_ + trailing < stored.index) {
    const uint64_t base = stored.index - trailing;
    base_term_ = term_at(base);
    dropped_ += base - base_index_;
    base_index_ = base;
  }
  BROKER_ASSERT(base_index_ <= stored.index, "nothing above the snapshot is dropped");
}

void log::reset(const snapshot_meta& installed) {
  BROKER_ASSERT(installed.index > 0 && installed.term > 0 && is_valid(installed.members), "a whole snapshot");
  BROKER_ASSERT(installed.index > snapshot_.index, "snapshots move forward");
  dropped_ = entries_.size();
  base_index_ = installed.index;
  base_term_ = installed.term;
  snapshot_ = installed;
  configs_.assign(1, {installed.index, installed.members});
}

void log::free_dropped() {
  constexpr size_t at_once = 256;
  for (size_t left = at_once; left > 0 && dropped_ > 0; --left, --dropped_)
    entries_.pop_front();
}

const membership& log::members_at(uint64_t index) const {
  BROKER_ASSERT(index >= snapshot_.index && index <= last(), "an index whose configuration is known");
  if (planted(plant::snapshot_with_uncommitted_config))
    return members();
  auto after = std::find_if(configs_.begin(), configs_.end(), [&](const config& one) { return one.index > index; });
  BROKER_ASSERT(after != configs_.begin(), "the first configuration is not above the snapshot");
  return std::prev(after)->members;
}

bool log::was_voter_since(uint64_t index, node_id who) const {
  const auto later = [&](const config& one) { return one.index > index && is_voter(one.members, who); };
  return is_voter(members_at(index), who) || std::any_of(configs_.begin(), configs_.end(), later);
}

void reconcile(consensus::restart& found) {
  if (!found.snapshot)
    return;
  const uint64_t index = found.snapshot->index;
  const auto at =
    std::find_if(found.log.begin(), found.log.end(), [&](const consensus::entry& one) { return one.index >= index; });
  if (at == found.log.end()) // all of it is older
    return found.log.clear();
  if (at->index == index) {
    if (at->term != found.snapshot->term)
      return found.log.clear();
    found.log.erase(found.log.begin(), std::next(at));
    return;
  }
  // The store had dropped the part below already: what is left must follow the snapshot.
  if (at->index != index + 1 || at->term < found.snapshot->term)
    found.log.clear();
}

} // namespace broker::raft

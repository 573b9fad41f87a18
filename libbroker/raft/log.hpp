// The part of the log a member keeps in memory, and every configuration in it.
//
// Model: entries base+1 .. last, dense; the entries at or below `base` are gone, only the term of `base` is known. The
// newest snapshot lies at or above base: a few entries behind it stay in memory for members that are a little late,
// though the store has dropped them. Terms never fall. The configuration in force is that of the newest config entry,
// or, without one, what the snapshot or the settings say; a truncation brings the one before back.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "consensus/consensus.hpp"
#include "raft/membership.hpp"

namespace broker::raft {

/// Not thread-safe; owned by one core.
class log {
public:
  using entry = consensus::entry;

  /// `found` as a store gives it; `bootstrap` is in force when it tells of no configuration.
  log(const membership& bootstrap, consensus::restart& found);

  uint64_t base() const noexcept { return base_index_; }
  uint64_t last() const noexcept { return base_index_ + entries_.size() - dropped_; }
  uint64_t last_term() const noexcept { return entries_.size() == dropped_ ? base_term_ : entries_.back().term; }
  /// Index 0 has term 0. `index` in [base, last].
  uint64_t term_at(uint64_t index) const;
  bool holds(uint64_t index, uint64_t term) const {
    return index >= base_index_ && index <= last() && term_at(index) == term;
  }
  /// `index` in (base, last].
  const entry& at(uint64_t index) const;
  /// Largest index in [base, upto] whose term is at most `term`: nothing above it can match a log that has `term`
  /// there.
  uint64_t newest_not_above(uint64_t upto, uint64_t term) const;

  /// The next entry: dense, of a term not below the last.
  void append(entry one);
  /// Drops `index` and all above; `index` above the snapshot.
  void truncate(uint64_t index);

  /// A snapshot of this log is stored: keeps at most `trailing` entries at or below it.
  void compact(const consensus::snapshot_meta& stored, size_t trailing);
  /// A snapshot replaces everything.
  void reset(const consensus::snapshot_meta& installed);
  /// Frees a part of what these two have dropped: of a hundred thousand entries that takes longer than a heartbeat
  /// should wait.
  void free_dropped();
  const consensus::snapshot_meta& snapshot() const noexcept { return snapshot_; } ///< index 0: none

  const membership& members() const { return configs_.back().members; }
  /// Index of the entry that members() comes from; 0: from the settings.
  uint64_t members_index() const { return configs_.back().index; }
  /// In force at `index`, which is at or above the snapshot.
  const membership& members_at(uint64_t index) const;
  /// Votes this node in the configuration at `index` or in any later one? Which of them is the committed one need not
  /// be known.
  bool was_voter_since(uint64_t index, node_id who) const;

private:
  struct config {
    uint64_t index = 0;
    membership members;
  };

  /// In (base, last].
  const entry& slot(uint64_t index) const { return entries_[dropped_ + (index - base_index_ - 1)]; }

  std::deque<entry> entries_;
  size_t dropped_ = 0; ///< of them, at the front: they are none any more, and wait to be freed
  uint64_t base_index_ = 0;
  uint64_t base_term_ = 0;
  consensus::snapshot_meta snapshot_;
  std::vector<config> configs_; ///< by index; never empty; the first is at or below the snapshot
};

/// The rule of a restart: a log is kept only if it holds what the snapshot ends with; otherwise the crash came between
/// the installation of the snapshot and the removal of the log, which is then none of ours any more. Call it on what
/// was read before anything else, and remove from the store what it removes here.
void reconcile(consensus::restart& found);

} // namespace broker::raft

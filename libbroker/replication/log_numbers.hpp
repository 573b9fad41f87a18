// Under which numbers a replica's entries lie in the store. The store never takes a number twice, so that what it finds
// after a crash is never another message (ports/message_store.hpp); a log does: what comes after entries that were cut
// off takes their numbers again (R5). So entries are stored under their number plus an offset that grows with every
// cut.
//
// Both numbers rise together, so ranges and watermarks stay ranges and watermarks. Pieces: one per cut that something
// was appended after, 16 bytes each; those in which nothing lives any more go at the next start.
// A value. Not thread-safe; owned by one log_storage.
#pragma once

#include <optional>
#include <vector>

#include "base/ids.hpp"

namespace broker::replication {

/// Entries from `first` up to the next piece's are stored under their number + `offset`.
struct number_piece {
  seqno first = 0;
  uint64_t offset = 0;
  friend bool operator==(const number_piece&, const number_piece&) = default;
};

class log_numbers {
public:
  log_numbers() = default;
  /// As a checkpoint tells it; entries below `end` have their place. Nothing: the pieces contradict each other.
  static std::optional<log_numbers> from(std::vector<number_piece> pieces, seqno end);

  /// Entries [end(), end() + count) are appended. Returns their offset: none of their numbers was ever used.
  uint64_t append(uint64_t count);
  /// The same as it was found on disk. False: it would take used numbers again.
  [[nodiscard]] bool append_at(uint64_t count, uint64_t offset);
  /// Entries from `from` on are cut off. Returns the stored numbers that are free for ever.
  seq_range cut_off(seqno from);
  /// The log is empty. Returns the same.
  seq_range clear();
  /// The store has used every number below `next`.
  void used_below(seqno next);
  /// Nothing below entry `seq` is wanted, and nothing stored below `lowest` is left: forgets their places.
  void forget_below(seqno seq, seqno lowest);

  /// First entry without a place.
  seqno end() const noexcept { return end_; }
  /// First entry whose place is known; below it nothing is stored.
  seqno begin() const noexcept { return pieces_.empty() ? end_ : pieces_.front().first; }
  /// First stored number that was never used.
  seqno next() const noexcept { return next_; }
  /// Where an entry of [begin(), end()) is.
  seqno stored(seqno seq) const;
  /// The first stored number that belongs to an entry not below `seq`.
  seqno stored_from(seqno seq) const;
  /// Which entry is stored there; nothing: one that was cut off.
  std::optional<seqno> entry_at(seqno stored) const;
  /// The last entry that is stored there or before; begin() - 1 if there is none.
  seqno last_upto(seqno stored) const;
  /// Where entries are; without those below begin() and from end() on.
  std::vector<seq_range> stored(const std::vector<seq_range>& entries) const;
  const std::vector<number_piece>& pieces() const noexcept { return pieces_; }

  friend bool operator==(const log_numbers&, const log_numbers&) = default;

private:
  seqno piece_end(size_t at) const { return at + 1 < pieces_.size() ? pieces_[at + 1].first : end_; }
  size_t piece_of(seqno seq) const;

  std::vector<number_piece> pieces_; ///< rising in both
  seqno end_ = 1;
  seqno next_ = 1;
};

} // namespace broker::replication

#include "replication/log_numbers.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace broker::replication {

std::optional<log_numbers> log_numbers::from(std::vector<number_piece> pieces, seqno end) {
  log_numbers numbers;
  for (size_t at = 0; at < pieces.size(); ++at) {
    const bool fits = at == 0 ? pieces[0].first != 0
                              : pieces[at].first > pieces[at - 1].first && pieces[at].offset > pieces[at - 1].offset;
    if (!fits || pieces[at].first >= end || pieces[at].offset > UINT64_MAX - end)
      return std::nullopt;
  }
  if (end == 0 || pieces.empty() != (end == 1))
    return std::nullopt;
  numbers.pieces_ = std::move(pieces);
  numbers.end_ = end;
  numbers.next_ = numbers.pieces_.empty() ? 1 : end + numbers.pieces_.back().offset;
  return numbers;
}

uint64_t log_numbers::append(uint64_t count) {
  const uint64_t last = pieces_.empty() ? 0 : pieces_.back().offset;
  const uint64_t offset = end_ + last >= next_ ? last : next_ - end_;
  const bool placed = append_at(count, offset);
  BROKER_ASSERT(placed, "a number is never used twice");
  return offset;
}

bool log_numbers::append_at(uint64_t count, uint64_t offset) {
  if (count == 0 || count > UINT64_MAX - end_ || offset > UINT64_MAX - end_ - count || end_ + offset < next_)
    return false;
  if (pieces_.empty() || pieces_.back().offset != offset)
    pieces_.push_back({end_, offset});
  end_ += count;
  next_ = end_ + offset;
  return true;
}

seq_range log_numbers::cut_off(seqno from) {
  BROKER_ASSERT(from != 0 && from <= end_, "what is cut off has a place");
  const seq_range gone{stored_from(from), next_};
  while (!pieces_.empty() && pieces_.back().first >= from)
    pieces_.pop_back();
  end_ = from;
  return gone;
}

seq_range log_numbers::clear() {
  pieces_.clear();
  end_ = 1;
  return {1, next_};
}

void log_numbers::used_below(seqno next) {
  next_ = std::max(next_, next);
}

void log_numbers::forget_below(seqno seq, seqno lowest) {
  size_t gone = 0;
  while (gone + 1 < pieces_.size() && pieces_[gone + 1].first <= seq
         && pieces_[gone + 1].first + pieces_[gone + 1].offset <= lowest)
    ++gone;
  pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<ptrdiff_t>(gone));
}

size_t log_numbers::piece_of(seqno seq) const {
  BROKER_ASSERT(seq >= begin() && seq < end_, "the entry has a place");
  const auto behind =
    std::partition_point(pieces_.begin(), pieces_.end(), [seq](const number_piece& one) { return one.first <= seq; });
  return static_cast<size_t>(behind - pieces_.begin()) - 1;
}

seqno log_numbers::stored(seqno seq) const {
  return seq + pieces_[piece_of(seq)].offset;
}

seqno log_numbers::stored_from(seqno seq) const {
  const seqno at = std::max(seq, begin());
  return at < end_ ? stored(at) : next_;
}

seqno log_numbers::last_upto(seqno stored) const {
  const auto behind = std::partition_point(
    pieces_.begin(), pieces_.end(), [stored](const number_piece& one) { return one.first + one.offset <= stored; });
  if (behind == pieces_.begin())
    return begin() - 1;
  const auto at = static_cast<size_t>(behind - pieces_.begin()) - 1;
  return std::min(stored - pieces_[at].offset, piece_end(at) - 1);
}

std::optional<seqno> log_numbers::entry_at(seqno stored) const {
  const seqno seq = last_upto(stored);
  if (seq < begin() || seq + pieces_[piece_of(seq)].offset != stored)
    return std::nullopt;
  return seq;
}

std::vector<seq_range> log_numbers::stored(const std::vector<seq_range>& entries) const {
  std::vector<seq_range> places;
  for (const seq_range& one : entries)
    for (seqno at = std::max(one.first, begin()), last = std::min(one.last, end_); at < last;) {
      const size_t piece = piece_of(at);
      const seqno upto = std::min(last, piece_end(piece));
      places.push_back({at + pieces_[piece].offset, upto + pieces_[piece].offset});
      at = upto;
    }
  return places;
}

} // namespace broker::replication

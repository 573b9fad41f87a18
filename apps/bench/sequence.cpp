#include "sequence.hpp"

#include <iterator>

namespace broker::bench {

void arrival_set::receive_out_of_line(uint64_t sequence) {
  if (sequence > next_) {
    missing_ += sequence - next_;
    if (gaps_.size() < ranges_max)
      gaps_.emplace_hint(gaps_.end(), next_, sequence);
    next_ = sequence + 1;
    return;
  }
  auto after = gaps_.upper_bound(sequence);
  if (after == gaps_.begin() || std::prev(after)->second <= sequence) {
    ++duplicated_;
    return;
  }
  const auto gap = std::prev(after);
  const auto [first, end] = *gap;
  if (first == sequence)
    gaps_.erase(gap);
  else
    gap->second = sequence;
  if (sequence + 1 < end)
    gaps_.emplace(sequence + 1, end);
  --missing_;
}

uint64_t arrival_set::missing(uint64_t sent) const {
  return missing_ + (sent > next_ ? sent - next_ : 0);
}

void queue_check::expect(uint32_t stream) {
  if (stream >= streams_.size())
    streams_.resize(stream + 1);
  streams_[stream].expected = true;
}

uint64_t queue_check::duplicated() const {
  uint64_t sum = 0;
  for (const auto& stream : streams_)
    sum += stream.arrivals.duplicated();
  return sum;
}

uint64_t queue_check::missing(const std::vector<uint64_t>& sent) const {
  uint64_t sum = 0;
  for (size_t stream = 0; stream < streams_.size() && stream < sent.size(); ++stream)
    if (streams_[stream].expected)
      sum += streams_[stream].arrivals.missing(sent[stream]);
  return sum;
}

} // namespace broker::bench

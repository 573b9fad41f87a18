#include "histogram.hpp"

#include <algorithm>
#include <cmath>

namespace broker::bench {

histogram::histogram() : counts_(bucket_of(UINT64_MAX) + 1) {}

void histogram::merge(const histogram& other) {
  for (size_t i = 0; i < counts_.size(); ++i)
    counts_[i] += other.counts_[i];
  total_ += other.total_;
  max_ = std::max(max_, other.max_);
}

uint64_t histogram::quantile(double fraction) const {
  const auto rank = std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(fraction * static_cast<double>(total_))));
  uint64_t seen = 0;
  for (size_t bucket = 0; bucket < counts_.size(); ++bucket) {
    seen += counts_[bucket];
    if (counts_[bucket] != 0 && seen >= rank)
      return std::min(upper_edge(bucket), max_);
  }
  return max_;
}

uint64_t histogram::upper_edge(size_t bucket) {
  if (bucket < 2 * linear)
    return bucket;
  const size_t shift = (bucket >> precision_bits) - 1;
  const uint64_t lower = (bucket - (shift << precision_bits)) << shift;
  return lower + ((uint64_t{1} << shift) - 1);
}

} // namespace broker::bench

// Latency histogram with a bounded relative error: 128 linear buckets per power of two, so that a quantile is off by
// less than 0.8 % at any magnitude. Values are nanoseconds, 0 to 2^64 - 1. Recording is a few instructions and never
// allocates.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace broker::bench {

class histogram {
public:
  histogram();

  void record(uint64_t value) {
    ++counts_[bucket_of(value)];
    ++total_;
    if (value > max_)
      max_ = value;
  }

  void merge(const histogram& other);

  /// The smallest recorded magnitude that at least `fraction` (0 to 1) of the values do not exceed: the upper edge of
  /// its bucket, never more than `max()`. 0 when nothing was recorded.
  uint64_t quantile(double fraction) const;

  uint64_t count() const { return total_; }

  uint64_t max() const { return max_; }

private:
  static constexpr int precision_bits = 7;
  static constexpr uint64_t linear = uint64_t{1} << precision_bits;

  static size_t bucket_of(uint64_t value) {
    if (value < linear)
      return value;
    const int shift = 63 - std::countl_zero(value) - precision_bits;
    return (static_cast<size_t>(shift) << precision_bits) + (value >> shift);
  }

  static uint64_t upper_edge(size_t bucket);

  std::vector<uint64_t> counts_;
  uint64_t total_ = 0;
  uint64_t max_ = 0;
};

} // namespace broker::bench

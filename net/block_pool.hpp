// Recycles socket read blocks: a fresh 256 KiB allocation would be an mmap and 64 page faults (hotpath.md rule 3).
#pragma once

#include <mutex>
#include <vector>

#include "base/block.hpp"

namespace broker {

/// Process-wide; thread-safe. The lock is taken once per block, never per message.
class block_pool final : public block_recycler {
public:
  /// Keeps at most `spare_max` unused blocks of limits::read_block_bytes; others are freed.
  explicit block_pool(size_t spare_max) : spare_max_(spare_max) {}
  ~block_pool();

  void recycle(block* unused) noexcept override;
  block* take(size_t capacity) override;

private:
  std::mutex mutex_;
  std::vector<block*> spare_;
  const size_t spare_max_;
};

} // namespace broker

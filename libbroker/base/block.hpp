// Fixed-capacity, reference-counted buffers. A block is filled once by a socket read or a disk read; messages are
// slices of it (architecture.md D12, hotpath.md rule 3). Its bytes never move while a reference exists.
#pragma once

#include <atomic>
#include <cstddef>

#include "base/ref_counted.hpp"

namespace broker {

class block;

/// Gives blocks out and takes them back for reuse; production has a pool per process (net), tests use none.
/// Thread-safe.
class block_recycler {
public:
  virtual void recycle(block* unused) noexcept = 0;
  /// A block without a reference, content undefined, that comes back here when its last reference goes.
  virtual block* take(size_t capacity) = 0;

protected:
  ~block_recycler() = default;
};

class block {
public:
  /// A block of `capacity` bytes (content undefined) without a reference; wrap it in block_ref at once.
  /// When the last reference goes it is handed to `home`, or freed if `home` is null.
  static block* create(size_t capacity, block_recycler* home = nullptr);
  /// Frees a block that has no references; for recyclers.
  static void destroy(block* unused) noexcept;

  char* data() noexcept { return reinterpret_cast<char*>(this + 1); }
  const char* data() const noexcept { return reinterpret_cast<const char*>(this + 1); }
  size_t capacity() const noexcept { return capacity_; }

  void add_ref() const noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void drop_ref() const noexcept;
  bool unique() const noexcept { return references_.load(std::memory_order_acquire) == 1; }

  /// Bytes of all blocks that exist in this process, recycled ones included: what messages pin in memory.
  static size_t total_bytes() noexcept;

private:
  block(size_t capacity, block_recycler* home) : capacity_(capacity), home_(home) {}
  ~block() = default;

  mutable std::atomic<size_t> references_{0};
  size_t capacity_;
  block_recycler* home_;
};

using block_ref = ref<block>;

} // namespace broker

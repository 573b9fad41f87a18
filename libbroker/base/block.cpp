#include "base/block.hpp"

#include <cstdlib>
#include <new>

#include "base/assert.hpp"

namespace broker {

namespace {
std::atomic<size_t> g_total_bytes{0};
}

block* block::create(size_t capacity, block_recycler* home) {
  void* memory = std::malloc(sizeof(block) + capacity);
  BROKER_ASSERT(memory != nullptr, "out of memory");
  g_total_bytes.fetch_add(capacity, std::memory_order_relaxed);
  return new (memory) block(capacity, home);
}

void block::destroy(block* unused) noexcept {
  g_total_bytes.fetch_sub(unused->capacity_, std::memory_order_relaxed);
  unused->~block();
  std::free(unused);
}

void block::drop_ref() const noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1)
    return;
  auto* self = const_cast<block*>(this);
  if (home_)
    home_->recycle(self);
  else
    destroy(self);
}

size_t block::total_bytes() noexcept {
  return g_total_bytes.load(std::memory_order_relaxed);
}

} // namespace broker

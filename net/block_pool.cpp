#include "net/block_pool.hpp"

#include "base/limits.hpp"

namespace broker {

block_pool::~block_pool() {
  for (block* unused : spare_)
    block::destroy(unused);
}

void block_pool::recycle(block* unused) noexcept {
  if (unused->capacity() == limits::read_block_bytes) {
    std::lock_guard guard{mutex_};
    if (spare_.size() < spare_max_) {
      spare_.push_back(unused);
      return;
    }
  }
  block::destroy(unused);
}

block* block_pool::take(size_t capacity) {
  if (capacity == limits::read_block_bytes) {
    std::lock_guard guard{mutex_};
    if (!spare_.empty()) {
      block* spare = spare_.back();
      spare_.pop_back();
      return spare;
    }
  }
  return block::create(capacity, this);
}

} // namespace broker

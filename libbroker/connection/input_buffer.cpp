#include "connection/input_buffer.hpp"

#include <algorithm>
#include <cstring>

#include <openssl/crypto.h>

#include "base/assert.hpp"
#include "base/limits.hpp"

namespace broker {

namespace {

/// A read into less than this part of a block is not worth a system call.
constexpr size_t least_part = 4;

} // namespace

/// Only blocks of the usual size are worth recycling: others belong to handshakes and unusual frame sizes.
block_ref input_buffer::fresh_block(size_t capacity) const {
  const bool usual = pool_ && capacity == limits::read_block_bytes;
  return block_ref{usual ? pool_->take(capacity) : block::create(capacity)};
}

std::span<char> input_buffer::read_space(size_t capacity) {
  const size_t tail = have_ - from_;
  BROKER_ASSERT(tail < capacity, "the parser leaves less than a block unparsed");
  const bool too_small = !block_ || block_->capacity() < capacity;
  const bool nearly_full = !too_small && block_->capacity() - have_ < block_->capacity() / least_part;
  if (!too_small && block_->unique() && (from_ == have_ || nearly_full)) {
    std::memmove(block_->data(), block_->data() + from_, tail); // no message points here any more
    from_ = 0;
    have_ = tail;
  } else if (too_small || nearly_full) {
    block_ref next = fresh_block(capacity);
    if (tail > 0)
      std::memcpy(next->data(), block_->data() + from_, tail);
    block_ = std::move(next);
    from_ = 0;
    have_ = tail;
  }
  return {block_->data() + have_, block_->capacity() - have_};
}

void input_buffer::received(size_t count) {
  BROKER_ASSERT(block_ && count <= block_->capacity() - have_, "more received than there was room for");
  have_ += count;
}

std::string_view input_buffer::unparsed() const {
  return block_ ? std::string_view{block_->data() + from_, have_ - from_} : std::string_view{};
}

void input_buffer::parsed(size_t count) {
  BROKER_ASSERT(count <= have_ - from_, "more parsed than received");
  from_ += count;
}

void input_buffer::release_if_empty() {
  if (from_ != have_)
    return;
  block_ = nullptr;
  from_ = have_ = 0;
}

void input_buffer::wipe(size_t count) {
  BROKER_ASSERT(count <= have_ - from_, "more wiped than received");
  OPENSSL_cleanse(block_->data() + from_, count);
}

} // namespace broker

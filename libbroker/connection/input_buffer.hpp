// Where a connection's socket reads go, and what of it is not parsed yet (hotpath.md rules 3 and 8).
//
// Messages point into the block, so parsed bytes never move once a message was made of them; only the unparsed tail
// does, into a fresh block. An idle connection holds no block.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/block.hpp"

namespace broker {

/// Not thread-safe.
class input_buffer {
public:
  /// `pool` may be null.
  explicit input_buffer(block_recycler* pool) : pool_(pool) {}

  /// Room for the next read, never empty, in a block of at least `capacity` bytes. The unparsed tail must be smaller
  /// than `capacity`.
  std::span<char> read_space(size_t capacity);
  /// `count` bytes were put into read_space.
  void received(size_t count);
  std::string_view unparsed() const;
  /// The first `count` bytes of unparsed() are done with.
  void parsed(size_t count);
  /// The block unparsed() is in.
  const block_ref& current() const { return block_; }
  /// Gives the block up unless it holds a tail.
  void release_if_empty();
  bool holds_block() const { return static_cast<bool>(block_); }
  /// Overwrites the first `count` unparsed bytes: they were a secret.
  void wipe(size_t count);

private:
  block_ref fresh_block(size_t capacity) const;

  block_recycler* pool_;
  block_ref block_;
  size_t from_ = 0; ///< start of the unparsed bytes
  size_t have_ = 0; ///< their end
};

} // namespace broker

// Reads one segment from front to back, verifying every record and the chain between them (guarantees.md G7).
// Single-threaded; used by recovery.
#pragma once

#include <functional>

#include "journal_index.hpp"
#include "journal_record.hpp"

namespace broker {

class segment_scanner {
public:
  using visitor = std::function<result<void>(const record_head&, uint32_t offset, std::string_view payload)>;

  segment_scanner(const segment_file& segment, const segment_head& head)
    : segment_(segment), offset_(segment_head_bytes), number_(head.first_number), previous_(head.previous) {}

  /// Visits records as long as they are intact and dense. An error is the disk's or the visitor's.
  result<void> scan(const visitor& each);
  /// Looks behind the end for records that were synced later, at any place: raises `synced()`.
  result<void> search_rest();

  uint64_t end_offset() const noexcept { return offset_; }
  uint64_t end_number() const noexcept { return number_; }
  uint32_t end_crc() const noexcept { return previous_; }
  /// The highest claim of what was synced.
  uint64_t synced() const noexcept { return synced_; }

private:
  /// The bytes at `offset`, fewer than `size` at the end of the file. Valid until the next call.
  result<std::string_view> window(uint64_t offset, size_t size);

  const segment_file& segment_;
  byte_buffer buffer_;
  uint64_t buffer_offset_ = 0;
  uint64_t offset_;
  uint64_t number_;
  uint32_t previous_;
  uint64_t synced_ = 0;
};

} // namespace broker

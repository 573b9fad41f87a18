#include "segment_scanner.hpp"

#include <algorithm>

namespace broker {
namespace {
constexpr size_t read_bytes = 1024 * 1024;
} // namespace

result<std::string_view> segment_scanner::window(uint64_t offset, size_t size) {
  const uint64_t end = buffer_offset_ + buffer_.size();
  if (offset < buffer_offset_ || offset + size > end) {
    buffer_.clear();
    const size_t wanted = std::max(size, read_bytes);
    auto got = segment_.content->read(offset, {buffer_.grow(wanted), wanted});
    if (!got)
      return got.error();
    buffer_.truncate(*got);
    buffer_offset_ = offset;
  }
  return buffer_.view().substr(offset - buffer_offset_).substr(0, size);
}

result<void> segment_scanner::scan(const visitor& each) {
  const auto file_size = segment_.content->size();
  if (!file_size)
    return file_size.error();
  for (;;) {
    auto start = window(offset_, record_head_bytes);
    if (!start)
      return start.error();
    const auto head = load_record_head(*start, segment_.salt);
    if (!head || head->number != number_ || head->previous != previous_ || offset_ + head->size() > *file_size)
      return {};
    auto whole = window(offset_, record_head_bytes + head->length);
    if (!whole)
      return whole.error();
    if (whole->size() < record_head_bytes + head->length || !record_intact(*whole, segment_.salt))
      return {};
    if (auto visited = each(*head, static_cast<uint32_t>(offset_), whole->substr(record_head_bytes)); !visited)
      return visited;
    synced_ = std::max(synced_, head->synced);
    offset_ += head->size();
    previous_ = head->crc;
    ++number_;
  }
}

result<void> segment_scanner::search_rest() {
  const auto file_size = segment_.content->size();
  if (!file_size)
    return file_size.error();
  for (uint64_t at = offset_; at + record_head_bytes <= *file_size;) {
    auto bytes = window(at, record_head_bytes);
    if (!bytes)
      return bytes.error();
    // As far as the window reaches without reading again.
    const uint64_t reach = buffer_offset_ + buffer_.size() - record_head_bytes;
    for (; at <= reach; at += 8) {
      const char* here = buffer_.data() + (at - buffer_offset_);
      if (load_u32(here + 8) != static_cast<uint32_t>(segment_.salt))
        continue;
      const auto head = load_record_head({here, record_head_bytes}, segment_.salt);
      if (!head || head->synced <= synced_ || at + head->size() > *file_size)
        continue;
      byte_buffer record;
      const size_t size = record_head_bytes + head->length;
      auto got = segment_.content->read(at, {record.grow(size), size});
      if (!got)
        return got.error();
      if (*got == size && record_intact(record.view(), segment_.salt))
        synced_ = head->synced;
    }
  }
  return {};
}

} // namespace broker

// Big-endian loads and stores (AMQP 0-9-1 section 4.2.5: network byte order) and a growing byte buffer that never
// zero-fills: std::vector<char>::resize before memcpy would be a second pass over every byte.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/assert.hpp"

namespace broker {

inline uint16_t load_u16(const char* at) noexcept {
  uint16_t value;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap16(value);
}
inline uint32_t load_u32(const char* at) noexcept {
  uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap32(value);
}
inline uint64_t load_u64(const char* at) noexcept {
  uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return __builtin_bswap64(value);
}
inline void store_u16(char* at, uint16_t value) noexcept {
  value = __builtin_bswap16(value);
  std::memcpy(at, &value, sizeof value);
}
inline void store_u32(char* at, uint32_t value) noexcept {
  value = __builtin_bswap32(value);
  std::memcpy(at, &value, sizeof value);
}
inline void store_u64(char* at, uint64_t value) noexcept {
  value = __builtin_bswap64(value);
  std::memcpy(at, &value, sizeof value);
}

/// Growing, non-zeroing output buffer. Not thread-safe. Pointers into it are invalidated by growth.
class byte_buffer {
public:
  byte_buffer() = default;
  byte_buffer(byte_buffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}
  byte_buffer& operator=(byte_buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~byte_buffer() { std::free(data_); }

  /// Makes room for `count` more bytes and returns where they start; their content is undefined until written.
  char* grow(size_t count) {
    if (capacity_ - size_ < count)
      reserve(size_ + count);
    char* at = data_ + size_;
    size_ += count;
    return at;
  }
  /// Capacity of at least `wanted` bytes in all; grows geometrically.
  void reserve(size_t wanted) {
    if (wanted <= capacity_)
      return;
    size_t capacity = wanted > capacity_ * 2 ? wanted : capacity_ * 2;
    char* data = static_cast<char*>(std::realloc(data_, capacity));
    BROKER_ASSERT(data != nullptr, "out of memory");
    data_ = data;
    capacity_ = capacity;
  }

  void put_u8(uint8_t value) { *grow(1) = static_cast<char>(value); }
  void put_u16(uint16_t value) { store_u16(grow(2), value); }
  void put_u32(uint32_t value) { store_u32(grow(4), value); }
  void put_u64(uint64_t value) { store_u64(grow(8), value); }
  void put(std::string_view bytes) {
    if (!bytes.empty())
      std::memcpy(grow(bytes.size()), bytes.data(), bytes.size());
  }

  char* data() noexcept { return data_; }
  const char* data() const noexcept { return data_; }
  size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  size_t capacity() const noexcept { return capacity_; }
  std::string_view view() const noexcept { return {data_, size_}; }
  void clear() noexcept { size_ = 0; }
  /// Drops everything from `size` on.
  void truncate(size_t size) {
    BROKER_ASSERT(size <= size_, "truncate beyond the end");
    size_ = size;
  }
  /// Gives the memory back: an idle connection holds no buffer.
  void release() noexcept {
    std::free(data_);
    data_ = nullptr;
    size_ = capacity_ = 0;
  }

private:
  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

} // namespace broker

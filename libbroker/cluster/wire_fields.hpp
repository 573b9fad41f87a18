// The fields that records between nodes are made of: LEB128 varints, texts, field tables. Writing appends to a string;
// reading never leaves the bytes, and one failure makes every later read fail, so that a decoder asks once at the end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "amqp/field_table.hpp"

namespace broker::bridging {

inline void put_varint(std::string& to, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    to.push_back(static_cast<char>(value | 0x80));
  to.push_back(static_cast<char>(value));
}
inline void put_text(std::string& to, std::string_view text) {
  put_varint(to, text.size());
  to.append(text);
}
void put_table(std::string& to, const amqp::field_table& table);
/// Negative numbers become odd ones.
inline void put_signed(std::string& to, int64_t value) {
  put_varint(to, static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63));
}

/// Reads from a view, which must outlive it.
class field_reader {
public:
  explicit field_reader(std::string_view bytes) : rest_(bytes) {}

  bool ok() const noexcept { return ok_; }
  bool empty() const noexcept { return rest_.empty(); }
  void fail() noexcept { ok_ = false; }

  uint8_t octet();
  uint64_t varint();
  /// Fails above `most`.
  uint64_t varint(uint64_t most) {
    const uint64_t value = varint();
    if (value > most)
      fail();
    return ok_ ? value : 0;
  }
  int64_t signed_varint() {
    const uint64_t value = varint();
    return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
  }
  /// A count of things that take at least `each` bytes of what is left.
  uint32_t count(size_t each);
  std::string_view bytes(uint64_t size);
  std::string_view text() { return bytes(varint()); }
  /// At most 255 bytes, as an AMQP short string.
  std::string name();
  amqp::field_table table();

private:
  std::string_view rest_;
  bool ok_ = true;
};

} // namespace broker::bridging

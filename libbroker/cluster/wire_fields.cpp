#include "cluster/wire_fields.hpp"

#include "base/limits.hpp"

namespace broker::bridging {

void put_table(std::string& to, const amqp::field_table& table) {
  byte_buffer bytes;
  amqp::encode_table(bytes, table);
  put_text(to, bytes.view());
}

uint8_t field_reader::octet() {
  if (!ok_ || rest_.empty()) {
    fail();
    return 0;
  }
  const auto value = static_cast<uint8_t>(rest_.front());
  rest_.remove_prefix(1);
  return value;
}

uint64_t field_reader::varint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const uint8_t part = octet();
    if (shift == 63 && part > 1)
      break;
    value |= uint64_t{part & 0x7fu} << shift;
    if ((part & 0x80) == 0)
      return ok_ ? value : 0;
  }
  fail();
  return 0;
}

uint32_t field_reader::count(size_t each) {
  return static_cast<uint32_t>(varint(std::min<uint64_t>(rest_.size() / each, UINT32_MAX)));
}

std::string_view field_reader::bytes(uint64_t size) {
  if (!ok_ || size > rest_.size()) {
    fail();
    return {};
  }
  const std::string_view found = rest_.substr(0, static_cast<size_t>(size));
  rest_.remove_prefix(found.size());
  return found;
}

std::string field_reader::name() {
  return std::string{bytes(varint(limits::name_max_bytes))};
}

amqp::field_table field_reader::table() {
  const std::string_view encoded = text();
  if (!ok_)
    return {};
  auto decoded = amqp::decode_table(encoded);
  if (!decoded) {
    fail();
    return {};
  }
  return std::move(*decoded);
}

} // namespace broker::bridging

#include "amqp/utf8.hpp"

#include <cstddef>
#include <cstdint>

namespace broker::amqp {

namespace {

/// What a lead octet asks for: how many octets follow, and the range of the first of them, which is narrower after some
/// leads (RFC 3629 section 4). count 4 marks what cannot lead.
struct sequence {
  size_t count;
  uint8_t low;
  uint8_t high;
};

sequence sequence_of(uint8_t lead) noexcept {
  if (lead < 0x80)
    return {0, 0, 0};
  if (lead >= 0xC2 && lead <= 0xDF)
    return {1, 0x80, 0xBF};
  if (lead == 0xE0)
    return {2, 0xA0, 0xBF};
  if (lead == 0xED)
    return {2, 0x80, 0x9F};
  if (lead >= 0xE1 && lead <= 0xEF)
    return {2, 0x80, 0xBF};
  if (lead == 0xF0)
    return {3, 0x90, 0xBF};
  if (lead >= 0xF1 && lead <= 0xF3)
    return {3, 0x80, 0xBF};
  if (lead == 0xF4)
    return {3, 0x80, 0x8F};
  return {4, 0, 0};
}

} // namespace

bool is_utf8(std::string_view text) noexcept {
  size_t at = 0;
  while (at < text.size()) {
    const sequence wanted = sequence_of(static_cast<uint8_t>(text[at++]));
    if (wanted.count == 4 || text.size() - at < wanted.count)
      return false;
    uint8_t low = wanted.low;
    uint8_t high = wanted.high;
    for (size_t i = 0; i < wanted.count; ++i) {
      const auto octet = static_cast<uint8_t>(text[at++]);
      if (octet < low || octet > high)
        return false;
      low = 0x80;
      high = 0xBF;
    }
  }
  return true;
}

} // namespace broker::amqp

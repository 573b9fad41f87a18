#include "base/crc32c.hpp"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace broker {
namespace {

constexpr uint32_t polynomial = 0x82f63b78;

/// slicing[k][b]: the register after byte b and k zero bytes.
constexpr std::array<std::array<uint32_t, 256>, 8> make_slicing_tables() {
  std::array<std::array<uint32_t, 256>, 8> tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1) ^ ((crc & 1) ? polynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < 8; ++k)
    for (size_t byte = 0; byte < 256; ++byte)
      tables[k][byte] = (tables[k - 1][byte] >> 8) ^ tables[0][tables[k - 1][byte] & 0xff];
  return tables;
}
constexpr auto slicing = make_slicing_tables();

uint64_t load_little(const char* at) noexcept {
  uint64_t value;
  std::memcpy(&value, at, sizeof value);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  value = __builtin_bswap64(value);
#endif
  return value;
}

#if defined(__x86_64__)

/// Length of each of the three streams that are summed at once: the instruction takes 3 cycles but one can start each.
constexpr size_t stream_bytes = 1024;

/// shift[k][b]: the register b << 8k after stream_bytes zero bytes; the register is linear, so four look-ups advance
/// it.
constexpr std::array<std::array<uint32_t, 256>, 4> make_shift_tables() {
  std::array<uint32_t, 32> advanced{};
  for (size_t bit = 0; bit < 32; ++bit) {
    uint32_t crc = uint32_t{1} << bit;
    for (size_t i = 0; i < stream_bytes; ++i)
      crc = (crc >> 8) ^ slicing[0][crc & 0xff];
    advanced[bit] = crc;
  }
  std::array<std::array<uint32_t, 256>, 4> tables{};
  for (size_t k = 0; k < 4; ++k)
    for (size_t byte = 0; byte < 256; ++byte)
      for (size_t bit = 0; bit < 8; ++bit)
        if (byte & (size_t{1} << bit))
          tables[k][byte] ^= advanced[k * 8 + bit];
  return tables;
}
constexpr auto shift = make_shift_tables();

uint32_t shifted(uint32_t crc) noexcept {
  return shift[0][crc & 0xff] ^ shift[1][(crc >> 8) & 0xff] ^ shift[2][(crc >> 16) & 0xff] ^ shift[3][crc >> 24];
}

__attribute__((target("sse4.2"))) uint32_t crc32c_sse42(std::string_view bytes, uint32_t seed) noexcept {
  const char* at = bytes.data();
  size_t left = bytes.size();
  uint64_t crc = ~seed;
  while (left >= 3 * stream_bytes) {
    uint64_t second = 0;
    uint64_t third = 0;
    for (size_t i = 0; i < stream_bytes; i += 8) {
      crc = _mm_crc32_u64(crc, load_little(at + i));
      second = _mm_crc32_u64(second, load_little(at + stream_bytes + i));
      third = _mm_crc32_u64(third, load_little(at + 2 * stream_bytes + i));
    }
    crc = shifted(static_cast<uint32_t>(crc)) ^ second;
    crc = shifted(static_cast<uint32_t>(crc)) ^ third;
    at += 3 * stream_bytes;
    left -= 3 * stream_bytes;
  }
  for (; left >= 8; at += 8, left -= 8)
    crc = _mm_crc32_u64(crc, load_little(at));
  auto narrow = static_cast<uint32_t>(crc);
  for (; left > 0; ++at, --left)
    narrow = _mm_crc32_u8(narrow, static_cast<uint8_t>(*at));
  return ~narrow;
}

#endif

} // namespace

uint32_t crc32c_portable(std::string_view bytes, uint32_t seed) noexcept {
  const char* at = bytes.data();
  size_t left = bytes.size();
  uint32_t crc = ~seed;
  for (; left >= 8; at += 8, left -= 8) {
    const uint64_t word = load_little(at) ^ crc;
    crc = slicing[7][word & 0xff] ^ slicing[6][(word >> 8) & 0xff] ^ slicing[5][(word >> 16) & 0xff]
        ^ slicing[4][(word >> 24) & 0xff] ^ slicing[3][(word >> 32) & 0xff] ^ slicing[2][(word >> 40) & 0xff]
        ^ slicing[1][(word >> 48) & 0xff] ^ slicing[0][word >> 56];
  }
  for (; left > 0; ++at, --left)
    crc = (crc >> 8) ^ slicing[0][(crc ^ static_cast<uint8_t>(*at)) & 0xff];
  return ~crc;
}

uint32_t crc32c(std::string_view bytes, uint32_t seed) noexcept {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2");
  if (has_instruction)
    return crc32c_sse42(bytes, seed);
#endif
  return crc32c_portable(bytes, seed);
}

} // namespace broker

#include "base/hex.hpp"

namespace broker {

namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

} // namespace

std::string to_hex(std::string_view octets) {
  std::string text;
  text.reserve(octets.size() * 2);
  for (const char each : octets) {
    text.push_back(hex_digits[static_cast<unsigned char>(each) >> 4]);
    text.push_back(hex_digits[each & 15]);
  }
  return text;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0)
    return {};
  std::string octets;
  octets.reserve(text.size() / 2);
  for (size_t i = 0; i < text.size(); i += 2) {
    const size_t high = hex_digits.find(text[i]), low = hex_digits.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos)
      return {};
    octets.push_back(static_cast<char>(high << 4 | low));
  }
  return octets;
}

} // namespace broker

// Names the server makes up (features.md W41): a prefix and 22 url-safe characters, as RabbitMQ's.
#pragma once

#include <string>
#include <string_view>

#include "base/random.hpp"

namespace broker {

/// "amq.gen-" + 128 random bits in base64url without padding.
inline std::string server_name(std::string_view prefix, random_source& random) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  constexpr size_t name_length = 22;
  std::string name{prefix};
  uint64_t bits = 0;
  for (size_t i = 0; i < name_length; ++i) {
    if (i % 10 == 0)
      bits = random.next();
    name.push_back(digits[bits & 63]);
    bits >>= 6;
  }
  return name;
}

} // namespace broker

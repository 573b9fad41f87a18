// A node's name in 32 bits, where a name is too long: reply-to addresses are routing keys (W69). Two nodes of one
// cluster may have the same tag in theory; whoever addresses by tag then reaches both, and a secret tells them apart.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/crc32c.hpp"

namespace broker {

inline uint32_t node_tag(std::string_view node) noexcept {
  return crc32c(node);
}

} // namespace broker

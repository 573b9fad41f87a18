// Canonical bytes of a state, for explorers and trace hashes: two states with the same bytes behave the same for ever.
#pragma once

#include <cstdint>
#include <string>

namespace broker::replication {

/// Small numbers take one byte; every number's end is known, so concatenations are unambiguous.
inline void put_one(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

template<class... Numbers>
void put(std::string& out, Numbers... numbers) {
  (put_one(out, static_cast<uint64_t>(numbers)), ...);
}

} // namespace broker::replication

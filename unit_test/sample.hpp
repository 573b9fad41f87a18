// How much of its work a random test does: all of it, or less where each step takes twenty times as long.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace sample {

/// The last of the seeds 1 to `all` that a test goes through: `all`, or with WARREN_ONE_SEED_IN=N in the environment as
/// many as that makes, but ten at least if there are so many. (unit_test/CMakeLists.txt sets it for the sanitizers.)
inline uint64_t seeds(uint64_t all) {
  const char* text = std::getenv("WARREN_ONE_SEED_IN");
  const uint64_t one_in = text ? std::strtoull(text, nullptr, 10) : 1;
  return one_in < 2 ? all : std::min(all, std::max<uint64_t>(all / one_in, 10));
}

} // namespace sample

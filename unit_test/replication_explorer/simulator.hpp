// Random long runs beyond what exhaustive search reaches: batches, windows, copies in pieces, hundreds of entries, real
// timers and the real wire format, under crashes, cuts, expired sessions and lost publishes. Everything follows from
// the seed. Safety first, with faults; then calm, in which everything must be confirmed and everyone in sync (I8).
#pragma once

#include <cstdint>
#include <string>

namespace simulator {

struct report {
  uint64_t seed = 0;
  std::string broken; ///< first broken promise, "" = none
  uint64_t trace = 0; ///< hash over everything that happened: equal for equal seeds
  size_t published = 0, confirmed = 0, committed = 0;
  size_t crashes = 0, cuts = 0, expiries = 0, epochs = 0;
  size_t truncations = 0, copies = 0, duplicates = 0, gaps = 0; ///< rare states that a sweep must reach
};

report run(uint64_t seed, uint32_t steps);

} // namespace simulator

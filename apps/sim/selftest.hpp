// warren-sim selftest: plants every known mistake, one at a time, and demands that some seed notices it and that the
// same seed holds without it. A checker that cannot fail proves nothing.
#pragma once

#include <cstdint>

#include "run.hpp"

namespace broker::sim {

/// Seeds from `first` on; mistakes of one plant, or of all. `nodes_most`: each seed draws how many nodes it has, up to
/// so many; 0: as `base` says, three where one is not enough. `jobs`: processes at a time. False: one was missed, or a
/// seed fails without its mistake.
bool selftest(const run_options& base, uint64_t first, uint32_t nodes_most, size_t jobs);

} // namespace broker::sim

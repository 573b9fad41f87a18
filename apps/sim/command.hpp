// The command line of warren-sim, for programs that simulate behaviours of their own as well (docs/simulation.md).
#pragma once

#include "guests.hpp"

namespace broker::sim {

/// Does what the arguments of main() say; `own` takes part in every run. Returns the exit status: 0 all promises held,
/// 1 a checker failed, 2 not deterministic, 64 usage.
int run_command(int count, char** values, guests own = {});

} // namespace broker::sim

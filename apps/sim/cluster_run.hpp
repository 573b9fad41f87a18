// One simulated run of a cluster: nodes of production actors that form one, model clients at any of them, faults,
// checkers C1-C3, C8, C10-C12 and C4 as far as queues have one copy (guarantees.md section 5; docs/simulation.md).
#pragma once

#include "run.hpp"

namespace broker::sim {

/// options.nodes nodes, at least 2. The same options give the same trace hash, always.
run_result simulate_cluster(const run_options& options);

} // namespace broker::sim

// The mode that measures this program: no broker, only the kernel between it and a thread that swallows or pours
// octets.
#pragma once
#include "options.hpp"
#include "outcome.hpp"

namespace broker::bench {

/// Publishes into a byte sink for half of `seconds`, consumes from a byte source for the other half. @throws failure.
outcome run_ceiling(const options& run);

} // namespace broker::bench

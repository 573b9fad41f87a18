// The mode about metadata: durable queues declared one after the other.
#pragma once
#include "options.hpp"
#include "outcome.hpp"

namespace broker::bench {

/// Declares `count` durable queues, each after the answer to the one before, then deletes them likewise. @throws
/// failure.
outcome run_declares(const options& run);

} // namespace broker::bench

// The modes that move messages: rates, backlog, publish, drain.
#pragma once
#include "options.hpp"
#include "outcome.hpp"

namespace broker::bench {

/// Sets up the queues, runs, takes them down again (unless asked to keep them). @throws failure.
outcome run_load(const options& run);

} // namespace broker::bench

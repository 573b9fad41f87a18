// warren-sim minimise: of a run that fails, the faults and clients that it needs to fail, and how long it must go on
// (delta debugging). What remains fails in the same way: the same promise is broken, though perhaps by another message.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "own_process.hpp"
#include "run.hpp"

namespace broker::sim {

struct minimised {
  run_options options;  ///< the run that remains
  run_outcome failure;  ///< what it does
  run_outcome original; ///< what the whole run does
  uint32_t runs = 0;    ///< that it took
};

/// Runs in processes of their own, one at a time, `runs_max` at most. `note` hears of each step. None: `what` holds.
std::optional<minimised> minimise(const run_options& what, uint32_t runs_max,
                                  const std::function<void(const std::string&)>& note);

/// A test case of Boost.Test that repeats the run.
std::string test_case(const run_options& options, const std::string& violation);

} // namespace broker::sim

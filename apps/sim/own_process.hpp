// A run in a process of its own, so that an assertion of the broker that fires is a failure like others, and ends
// nobody else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "run.hpp"

namespace broker::sim {

struct run_outcome {
  bool finished = false; ///< false: the process died, by an assertion
  std::string violation; ///< the first; "": none, or the process died
  double until_s = 0;    ///< virtual time at which the run ended; 0 when the process died
  uint32_t faults = 0;   ///< that came, also those that were left out
  uint32_t clients = 0;  ///< likewise
  bool failed() const noexcept { return !finished || !violation.empty(); }
  /// What kind of promise is broken: "C1", "one place", ...; "assertion" when the process died.
  std::string kind() const;
};

/// Ends at the first violation. What the run prints is not seen. None: no process could be made.
std::optional<run_outcome> simulate_apart(run_options options);

} // namespace broker::sim

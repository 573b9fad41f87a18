// Breadth-first search through a world: the first finding is a shortest one. A state is remembered as a 64-bit
// fingerprint; with 30 million states the chance that any two collided is about 2 in 100,000.
#pragma once

#include <string>

#include "options.hpp"

namespace explorer {

struct findings {
  enum class end : uint8_t { holds, broken, bound } how = end::holds;
  std::string what; ///< what is broken
  size_t steps = 0; ///< length of the run that shows it
  size_t states = 0;
  size_t transitions = 0;
  size_t depth = 0;
  size_t finals = 0;     ///< states with everything confirmed
  size_t real_steps = 0; ///< different steps of one node, each made by the real code
};

/// Plants `bounds.plants`, explores, and takes the plants out again. `show`: print the run that breaks a promise.
findings explore(const options& bounds, bool show);

} // namespace explorer

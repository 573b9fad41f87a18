// One seed of chaos: random faults against a random world, then calm, in which everything must come right again.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "raft_sim/options.hpp"

namespace raft_sim {

struct report {
  std::string failure;                  ///< empty: all held
  uint64_t hash = 0;                    ///< of everything that happened: equal in every run of the seed
  std::map<std::string, uint64_t> seen; ///< how often something worth reaching was reached
};

report run(const options& how, bool verbose = false);

} // namespace raft_sim

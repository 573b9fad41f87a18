// Short stories that chance hardly ever tells: each drives one world to the one place where one rule of the core is all
// that stands between two servers and a contradiction. Empty: everything held.
#pragma once

#include <cstdint>
#include <string>

namespace raft_sim {

/// Raft paper, figure 8: an old entry reaches a majority, its leader dies before one of its own term does, and a server
/// with a later term in its log overwrites it.
std::string figure_8(uint64_t seed);
/// Two candidates of one term; a voter answers the first, restarts, and is asked by the second.
std::string vote_and_restart(uint64_t seed);

struct script {
  const char* name;
  std::string (*tell)(uint64_t seed);
};
inline constexpr script scripts[] = {{"figure 8", figure_8}, {"vote and restart", vote_and_restart}};

} // namespace raft_sim

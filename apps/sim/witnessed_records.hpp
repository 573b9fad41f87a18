// Where damage to a journal must be noticed: of a disk whose power is off.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim_disk.hpp"

namespace broker::sim {

/// A record of a segment that is in use, which an intact later record says was synced: without it no node may start
/// (guarantees.md G7). Those of the last commit before a power cut have no such witness on a single copy.
struct witnessed_record {
  std::string path;
  uint64_t offset = 0;
  uint64_t bytes = 0; ///< under its checksum or the checksum itself: without the padding
};

/// All of them, in the order of the files' names: which file is the newest its head says, not its name, since files are
/// used again. Costs no step of the disk, on which `directory` must exist.
std::vector<witnessed_record> witnessed_records(sim_disk& disk, const std::string& directory);

} // namespace broker::sim

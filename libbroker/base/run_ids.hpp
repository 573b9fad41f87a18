// Ids of connections and channels that are unique in the cluster: the number of the node's run (metadata: node_started)
// before a count of its own. 24 + 40 bits: 16 million starts of nodes, 10^12 channels in each.
#pragma once

#include <cstdint>

namespace broker {

inline constexpr unsigned run_shift = 40;

/// Before the first id of a run.
constexpr uint64_t first_id_of_run(uint64_t run) {
  return (run << run_shift) + 1;
}
constexpr uint64_t run_of_id(uint64_t id) {
  return id >> run_shift;
}
constexpr uint64_t count_of_id(uint64_t id) {
  return id & ((uint64_t{1} << run_shift) - 1);
}

} // namespace broker

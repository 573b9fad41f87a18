#include "raft_sim/disk.hpp"

namespace raft_sim {

void disk_image::write(const std::optional<hard_state>& now, std::optional<uint64_t> cut,
                       const std::vector<entry>& append) {
  if (now)
    state = *now;
  if (cut)
    while (!log.empty() && log.back().index >= *cut)
      log.pop_back();
  log.insert(log.end(), append.begin(), append.end());
}

void disk_image::point_to(const snapshot_meta& meta, const std::string& data) {
  snapshot = meta;
  snapshot_data = data;
}

void disk_image::drop_upto(uint64_t index) {
  std::erase_if(log, [&](const entry& one) { return one.index <= index; });
}

} // namespace raft_sim

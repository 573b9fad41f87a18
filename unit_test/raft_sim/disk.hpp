// A server's disk: what survives a crash, and a queue of writes that do not until they are done. Steps are done in
// order, each takes a time, and a crash may come before, inside (a prefix of the entries) or after each.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "consensus/consensus.hpp"

namespace raft_sim {

using namespace broker::consensus; // NOLINT: the simulation speaks its language throughout

struct disk_image {
  hard_state state;
  std::optional<snapshot_meta> snapshot;
  std::string snapshot_data;
  std::vector<entry> log; ///< dense; may reach below the snapshot between two steps of storing it

  void write(const std::optional<hard_state>& now, std::optional<uint64_t> cut, const std::vector<entry>& append);
  void point_to(const snapshot_meta& meta, const std::string& data);
  void drop_upto(uint64_t index);
};

struct disk_step {
  const char* name = "";
  unsigned takes_ms = 0;
  std::function<void()> change; ///< of the image
  std::function<void()> torn;   ///< instead of `change`, when the crash comes inside; may be empty
  std::function<void()> then;   ///< what the server does when it is done; may be empty
};

} // namespace raft_sim

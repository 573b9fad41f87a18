// What the nodes of a cluster must agree on whatever happens: the same metadata after the same entries of the log, one
// leader per term (G8), one node per queue and epoch, ids that are never used again (checker C4; guarantees.md section
// 5). Looked at after every flush of every node; outlives all of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "metadata/metadata_host.hpp"
#include "metadata/state_hashes.hpp"

namespace broker::sim {

class agreement {
public:
  explicit agreement(std::function<void(const std::string&)> broken) : broken_(std::move(broken)) {}

  void flushed(const std::string& node, const metadata_host& host);
  /// A node has started (or restarted) the actor of a queue.
  void queue_started(const std::string& node, const queue_record& record);
  /// What a node's host said last.
  struct view {
    uint64_t applied = 0;
    bool leader_known = false;
    std::vector<uint64_t> voters;
  };
  const view& view_of(const std::string& node) const { return views_.at(node); }
  /// Newest entry that any node has applied.
  uint64_t applied() const noexcept { return applied_; }
  uint64_t terms() const noexcept { return leaders_.size(); }

private:
  struct seen {
    uint64_t hash = 0;
    std::string node; ///< who was there first
  };
  const std::function<void(const std::string&)> broken_;
  std::map<std::pair<uint64_t, uint64_t>, seen> states_;         ///< by cluster and index
  std::map<std::pair<uint64_t, uint64_t>, std::string> leaders_; ///< by cluster and term
  std::map<std::string, view> views_;
  std::map<std::string, state_hashes> hashes_; ///< by node
  std::map<queue_id, std::pair<epoch, std::string>> masters_;
  uint64_t applied_ = 0;
};

} // namespace broker::sim

#include "metadata/answer_gate.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/raft_limits.hpp"

namespace broker {

void answer_gate::applied(const std::string& node, uint64_t index) {
  const auto at = nodes_.find(node);
  if (at == nodes_.end())
    return;
  at->second.applied = std::max(at->second.applied, index);
  if (held_.empty() || at->second.applied >= held_.back().index)
    at->second.late = false;
}

bool answer_gate::is_open() const {
  return std::all_of(nodes_.begin(), nodes_.end(), [](const auto& each) { return each.second.late; });
}

void answer_gate::hold(uint64_t index, consensus::ticket id, consensus::time_ms now) {
  BROKER_ASSERT(held_.empty() || held_.back().index <= index, "answers are held in the order of the log");
  held_.push_back({index, now + limits::metadata_shown_ms, id});
}

std::vector<consensus::ticket> answer_gate::release(consensus::time_ms now) {
  std::vector<consensus::ticket> free;
  while (!held_.empty()) {
    const held_answer& first = held_.front();
    bool missing = false;
    for (auto& [name, each] : nodes_) {
      if (each.late || each.applied >= first.index)
        continue;
      if (now >= first.due)
        each.late = true;
      else
        missing = true;
    }
    if (missing)
      break;
    free.push_back(first.id);
    held_.pop_front();
  }
  return free;
}

} // namespace broker

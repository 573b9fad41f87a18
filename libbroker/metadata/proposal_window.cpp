#include "metadata/proposal_window.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/raft_limits.hpp"
#include "metadata/metadata_state.hpp"

namespace broker {

void proposal_window::add(std::optional<consensus::ticket> id, command what, consensus::time_ms deadline) {
  items_.push_back({id, deadline, std::move(what), {}});
}

std::optional<proposal_window::outgoing> proposal_window::next(uint64_t node, uint64_t run,
                                                               std::vector<consensus::ticket>& too_large) {
  BROKER_ASSERT(sent_ <= numbered_ && numbered_ <= items_.size(), "what is sent has a number");
  by_ = {node, run, 0};
  while (sent_ < items_.size()) {
    item& one = items_[sent_];
    const uint64_t sequence = first_ + sent_;
    if (sent_ < numbered_)
      return outgoing{sequence, &one.bytes};
    one.bytes = encode_command(one.what, {node, run, sequence});
    if (one.bytes.size() <= limits::raft_entry_max_bytes) {
      one.what = withdrawn{};
      ++numbered_;
      return outgoing{sequence, &one.bytes};
    }
    if (one.id)
      too_large.push_back(*one.id);
    items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(sent_));
  }
  return std::nullopt;
}

std::optional<consensus::ticket> proposal_window::applied(uint64_t sequence) {
  BROKER_ASSERT(numbered_ > 0 && sequence == first_, "proposals are applied in order, each once");
  const auto id = items_.front().id;
  items_.pop_front();
  ++first_;
  --numbered_;
  sent_ -= std::min<size_t>(sent_, 1);
  return id;
}

std::vector<consensus::ticket> proposal_window::applied_unseen(uint64_t upto) {
  std::vector<consensus::ticket> out;
  while (numbered_ > 0 && first_ <= upto)
    if (const auto id = applied(first_))
      out.push_back(*id);
  return out;
}

proposal_window::expired proposal_window::expire(consensus::time_ms now) {
  expired out;
  for (size_t i = 0; i < items_.size();) {
    item& one = items_[i];
    if (one.deadline == 0) {
      ++i;
      continue;
    }
    if (one.deadline > now) // all have the same patience: the rest came later
      break;
    if (one.id)
      (i < numbered_ ? out.sent : out.unsent).push_back(*one.id);
    if (i < numbered_) {
      one.bytes = encode_command(withdrawn{}, {by_.node, by_.run, first_ + i});
      one.id.reset();
      one.deadline = 0;
      ++i;
    } else {
      items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  return out;
}

consensus::time_ms proposal_window::next_deadline() const {
  for (const item& one : items_)
    if (one.deadline != 0)
      return one.deadline; // the rest came later
  return UINT64_MAX;
}

} // namespace broker

#include "replication/idle_channels.hpp"

#include <algorithm>

namespace broker::replication {

std::vector<channel_id> idle_channels::look(const dedupe_table& table, size_t most) {
  std::vector<channel_id> idle;
  std::vector<dedupe_entry> left;
  auto known = before_.begin();
  more_ = false;
  for (const dedupe_entry& one : table.entries()) {
    known = std::find_if(known, before_.end(), [&](const dedupe_entry& other) { return other.channel >= one.channel; });
    if (known == before_.end() || !(known->channel == one.channel) || known->last != one.last)
      left.push_back(one);
    else if (idle.size() < most)
      idle.push_back(one.channel);
    else
      more_ = true;
  }
  if (!more_) // else what the others are compared with stays
    before_ = std::move(left);
  return idle;
}

} // namespace broker::replication

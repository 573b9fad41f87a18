#include "replication/dedupe_table.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace broker::replication {

dedupe_table::dedupe_table(std::vector<dedupe_entry> entries) : entries_(std::move(entries)) {
  BROKER_ASSERT(std::is_sorted(entries_.begin(), entries_.end(),
                               [](const auto& a, const auto& b) { return a.channel < b.channel; }),
                "a de-duplication table rises by channel");
}

std::vector<dedupe_entry>::iterator dedupe_table::place_of(const channel_id& channel) {
  return std::partition_point(entries_.begin(), entries_.end(),
                              [&](const dedupe_entry& one) { return one.channel < channel; });
}

const dedupe_entry* dedupe_table::find(const channel_id& channel) const {
  auto at = const_cast<dedupe_table*>(this)->place_of(channel);
  return at != entries_.end() && at->channel == channel ? &*at : nullptr;
}

void dedupe_table::put(const dedupe_entry& entry) {
  BROKER_ASSERT(!entry.channel.none() && entry.last != 0, "only numbered publishes are recognised");
  auto at = place_of(entry.channel);
  if (at != entries_.end() && at->channel == entry.channel)
    *at = entry;
  else
    entries_.insert(at, entry);
}

void dedupe_table::erase(const channel_id& channel) {
  auto at = place_of(channel);
  BROKER_ASSERT(at != entries_.end() && at->channel == channel, "only known channels are forgotten");
  entries_.erase(at);
}

void dedupe_table::add(const log_run& run) {
  if (run.from.channel.none())
    return;
  BROKER_ASSERT(run.kind == entry_kind::forget || run.from.prev < run.from.first, "a channel's publishes rise");
  if (run.kind == entry_kind::publish)
    put({run.from.channel, run.from.first + run.count - 1, run.last()});
  else if (run.kind == entry_kind::forget)
    erase(run.from.channel);
}

/// Where the earlier publish is can no longer be told: somewhere in what stays, so its confirm waits for all of that.
void dedupe_table::take_back(const log_run& run) {
  if (run.from.channel.none())
    return;
  const seqno rest = run.first - 1;
  if (run.kind == entry_kind::forget) {
    put({run.from.channel, run.from.first, rest});
  } else if (run.kind == entry_kind::publish) {
    const dedupe_entry* now = find(run.from.channel);
    BROKER_ASSERT(now != nullptr && now->last == run.from.first + run.count - 1,
                  "the last publish is taken back first");
    if (run.from.prev == 0)
      erase(run.from.channel);
    else
      put({run.from.channel, run.from.prev, rest});
  }
}

// take_back() can only say that an earlier publish is no later than the entry before the one it takes back; if that is
// cut off, too, it is no later than what is left. Otherwise its confirm would wait for an entry that may never come.
void dedupe_table::shorten(seqno length) {
  for (dedupe_entry& one : entries_)
    one.at = std::min(one.at, length);
}

} // namespace broker::replication

// Last publish of each channel in a log: how a publish that its channel sends again is recognised (G2, T4). Part of the
// log's state: it follows from the entries, travels with a copy (C15) and is taken back when entries are cut off.
#pragma once

#include <vector>

#include "replication/entry.hpp"

namespace broker::replication {

struct dedupe_entry {
  channel_id channel;
  uint64_t last = 0; ///< number of its last publish in the log
  seqno at = 0;      ///< where that publish is at the latest: confirm when this is committed
  friend bool operator==(const dedupe_entry&, const dedupe_entry&) = default;
};

/// Bounded by limits::replication_channels_max, which the master keeps.
class dedupe_table {
public:
  dedupe_table() = default;
  /// `entries` rise by channel.
  explicit dedupe_table(std::vector<dedupe_entry> entries);

  /// Null: the channel has nothing in the log.
  const dedupe_entry* find(const channel_id& channel) const;
  /// What appending `run` does.
  void add(const log_run& run);
  /// What cutting `run` off, the last of the log, does.
  void take_back(const log_run& run);
  /// Only entries up to `length` are left: no publish is behind them.
  void shorten(seqno length);

  const std::vector<dedupe_entry>& entries() const noexcept { return entries_; }
  friend bool operator==(const dedupe_table&, const dedupe_table&) = default;

private:
  std::vector<dedupe_entry>::iterator place_of(const channel_id& channel);
  void put(const dedupe_entry& entry);
  void erase(const channel_id& channel);

  std::vector<dedupe_entry> entries_; ///< rising by channel
};

} // namespace broker::replication

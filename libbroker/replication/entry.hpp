// What a replicated log consists of: runs of entries that were appended together. A run is the unit of appending,
// sending and reading; its bodies are slices of the batch they came in and are never copied (architecture.md D12).
#pragma once

#include <memory>
#include <vector>

#include "model/message.hpp"
#include "ports/message_store.hpp"
#include "replication/types.hpp"

namespace broker::replication {

enum class entry_kind : uint8_t {
  publish = 1, ///< messages
  settle = 2,  ///< messages that have ended: acked, expired, dropped, dead-lettered
  purge = 3,   ///< messages that a purge ended: what was ready on the master when it purged
  forget = 4,  ///< the channel has ended: its de-duplication goes
};

/// Who published and which publishes. Publish numbers are the channel's confirm numbers, so neighbours in one log may
/// be apart: `prev` is the one before `first` that went to this queue, 0 = none (C14).
struct origin {
  channel_id channel;
  uint64_t first = 0;
  uint64_t prev = 0;
  friend bool operator==(const origin&, const origin&) = default;
};

using range_list = std::shared_ptr<const std::vector<seq_range>>;

/// Entries first .. first+count-1 of one mastership. All kinds but publish have exactly one entry.
struct log_run {
  broker::epoch mastership = 0;
  seqno first = 0;
  uint32_t count = 0;
  entry_kind kind = entry_kind::publish;
  /// crc32c over everything from the first entry of the log to the last one of this run: a gap, a change or a different
  /// order anywhere before is visible (guarantees.md G7).
  uint32_t chain = 0;
  size_t bytes = 0; ///< what it costs to keep and to send
  origin from;
  message_facts facts; ///< publish only: of every message of the run
  batch_ref batch;     ///< publish only. Null: the bodies are on disk, read them back
  slice where;
  range_list ranges; ///< settle and purge only

  seqno last() const noexcept { return first + count - 1; }
  log_position end() const noexcept { return {mastership, last()}; }
  bool in_memory() const noexcept { return kind != entry_kind::publish || batch; }
};

/// Live messages below a copy's base; `facts` of each of them.
struct live_run : stored_run {
  message_facts facts;
};

/// Entries [first, last] of `whole` as a run of their own; its chain is only right if it ends where `whole` ends.
/// Both bounds must lie inside.
log_run cut(const log_run& whole, seqno first, seqno last);
/// What `run` costs: its messages' raw bytes and names, or its ranges, plus limits::publish_overhead_bytes each.
size_t cost(const log_run& run);
/// The chain after `run`, which must be in memory, when `before` is the chain in front of it.
uint32_t chain_after(uint32_t before, const log_run& run);

} // namespace broker::replication

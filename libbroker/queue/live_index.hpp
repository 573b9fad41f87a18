// Which messages a replica's log holds: what its master would have to hand out. The store tells of messages only by
// reading them, so this follows what the replica writes (docs/internals/replication.md). Costs an entry per run of
// neighbours with the same facts, whatever their number.
// A value. Not thread-safe; owned by one replicated_queue.
#pragma once

#include <map>
#include <vector>

#include "ports/message_store.hpp"
#include "replication/log_write.hpp"

namespace broker::queueing {

class live_index {
public:
  live_index() = default;
  /// As recovery found them.
  explicit live_index(const std::vector<recovered_run>& found);

  void follow(const replication::log_write& what);
  /// All but `ended`, which may overlap and be in any order; rising. None is marked as redelivered.
  std::vector<recovered_run> without(const std::vector<seq_range>& ended) const;

  /// Of the number and facts of every message up to `upto`, however they lie in runs.
  uint64_t digest(seqno upto) const;

  uint64_t messages() const noexcept { return messages_; }
  size_t runs() const noexcept { return runs_.size(); }

private:
  struct live_run {
    uint32_t count = 0;
    uint64_t body_bytes = 0;
    message_facts facts;
    bool estimated = false; ///< as in recovered_run
  };

  void add(const stored_run& run, message_facts facts);
  void add(seqno first, live_run run);
  void erase(seq_range which);
  void split(seqno at);

  std::map<seqno, live_run> runs_; ///< by first number, disjoint
  uint64_t messages_ = 0;
};

} // namespace broker::queueing

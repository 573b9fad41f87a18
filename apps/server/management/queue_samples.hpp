// What the queues of a node have said for samples of statistics. Thousands of queues rest: what such a one has said is
// still so, and it is not asked again before something happens in it (actors/touched_queues.hpp).
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "base/ids.hpp"
#include "cluster/reports.hpp"
#include "management/history.hpp"

namespace broker::management {

/// Not thread-safe: one round at a time. Memory: some 50 bytes for a queue in which nothing is and nothing was.
class queue_samples {
public:
  /// Begins a round. Of the queues with their master here, those to be asked: in which something has happened, and that
  /// have not answered yet.
  std::vector<queue_id> begin_round(const std::vector<queue_id>& own, const std::vector<queue_id>& touched);
  void take(const queue_report& said);
  /// All that is known of them.
  void add_to(activity_report& now) const;

private:
  /// Sums of one queue, and its own figures.
  struct figures {
    uint64_t ready = 0;
    uint64_t unacknowledged = 0;
    uint64_t consumers = 0;
    uint64_t persistent = 0;
    uint64_t ready_bytes = 0;
    uint64_t unacknowledged_bytes = 0;
    uint64_t memory_bytes = 0;
    uint64_t messages_in_memory = 0;
    uint64_t bytes_in_memory = 0;
    uint64_t disk_reads = 0;
    uint64_t disk_writes = 0;
    message_counts messages;
    friend bool operator==(const figures&, const figures&) = default;
  };
  std::unordered_map<queue_id, std::unique_ptr<const figures>> known_; ///< null: all are 0
};

} // namespace broker::management

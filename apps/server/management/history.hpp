// What a node counts, and that over time (sample_log.hpp). Sans-IO: time is given.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "management/sample_log.hpp"
#include "model/message_counts.hpp"

namespace broker::management {

/// A node at one moment; everything but the gauges only rises.
struct node_activity {
  message_counts messages;
  uint64_t disk_reads = 0; ///< messages, of queues that are there
  uint64_t disk_writes = 0;
  uint64_t connections_opened = 0;
  uint64_t connections_closed = 0;
  uint64_t channels_opened = 0;
  uint64_t channels_closed = 0;
  uint64_t queues_declared = 0;
  uint64_t queues_created = 0;
  uint64_t queues_deleted = 0;
  // -- gauges; queues are those with their master here --
  uint64_t ready = 0;
  uint64_t unacknowledged = 0;
  uint64_t queues = 0;
  uint64_t consumers = 0; ///< of these queues
  uint64_t queue_memory_bytes = 0;
  uint64_t persistent = 0;
  uint64_t ready_bytes = 0;
  uint64_t unacknowledged_bytes = 0;
  uint64_t messages_in_memory = 0;
  uint64_t bytes_in_memory = 0;
  message_counts queue_messages; ///< of queues that are there
  uint64_t channels = 0;
  uint64_t channel_consumers = 0;
  uint64_t publishers = 0;       ///< channels that have published
  uint64_t received_confirm = 0; ///< publishes of channels in confirm mode that are open
};

/// A queue with its master here, and a channel, at one moment.
struct queue_activity {
  queue_id queue = 0;
  uint64_t ready = 0;
  uint64_t unacknowledged = 0;
  message_counts messages;
};
struct channel_activity {
  connection_id connection = 0;
  channel_number channel = 0;
  message_counts messages;
};

struct activity_report {
  node_activity node;
  std::vector<queue_activity> queues; ///< in which something is, or has been since the node has started
  std::vector<channel_activity> channels;
};

enum class metric_group : uint8_t { message_stats, churn_rates, queue_totals };
struct metric {
  std::string_view name; ///< as in GET /api/overview
  metric_group group;
  uint64_t (*of)(const node_activity&);
};
inline constexpr size_t metric_count = 24;
const std::array<metric, metric_count>& metrics();

/// Not thread-safe.
class history {
public:
  /// Once per interval.
  void add(uint64_t now_s, const node_activity& now);
  /// Events per second between the last two samples; 0 before there are two.
  double rate(size_t metric) const;
  sample_list samples(size_t metric, sample_range range) const { return log_.samples(metric, range); }

private:
  sample_log log_{sample_log::rings_of_node};
  std::vector<uint64_t> before_; ///< the newest but one
  uint64_t before_s_ = 0;
};

} // namespace broker::management

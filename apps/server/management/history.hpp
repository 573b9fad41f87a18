// What a node counts, over time: fixed rings of samples as RabbitMQ keeps them, five seconds apart for ten minutes, a
// minute for an hour, ten minutes for eight hours, half an hour for a day (features.md O22). About 150 KiB, whatever
// happens. Not thread-safe; sans-IO: time is given.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

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

enum class metric_group : uint8_t { message_stats, churn_rates, queue_totals };
struct metric {
  std::string_view name; ///< as in GET /api/overview
  metric_group group;
  uint64_t (*of)(const node_activity&);
};
inline constexpr size_t metric_count = 24;
const std::array<metric, metric_count>& metrics();

class history {
public:
  struct ring_size {
    uint64_t interval_s;
    size_t samples;
  };
  static constexpr std::array<ring_size, 4> sizes{{{5, 121}, {60, 61}, {600, 49}, {1800, 49}}};
  static constexpr uint64_t interval_s = 5;

  /// Once per interval. A gap is filled by what comes after it.
  void add(uint64_t now_s, const node_activity& now);
  /// Events per second between the last two samples; 0 before there are two.
  double rate(size_t metric) const;
  /// Samples every `step_s` over the last `age_s` seconds, newest first, at multiples of `step_s`: time in milliseconds
  /// and value. At most 1,000; empty before the first sample.
  std::vector<std::pair<uint64_t, uint64_t>> samples(size_t metric, uint64_t age_s, uint64_t step_s) const;

private:
  using values = std::array<uint64_t, metric_count>;
  struct sample_ring {
    std::vector<std::pair<uint64_t, values>> at; ///< by time modulo size; time 0 = nothing yet
  };
  const values* find(size_t level, uint64_t at_s) const;

  std::array<sample_ring, sizes.size()> rings_;
  uint64_t newest_s_ = 0;
  uint64_t before_s_ = 0;
  values newest_{};
  values before_{};
};

} // namespace broker::management

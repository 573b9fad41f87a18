// Queues in which something has happened since they were asked for samples of statistics, so that a round of samples
// asks nobody else (apps/server/management/queue_samples.hpp).
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex> // layers: taken once per queue and round, never per message
#include <utility>
#include <vector>

#include "base/ids.hpp"

namespace broker {

/// Thread-safe. Each queue is added once until it is asked. Before the first round, which asks all of them, nothing is
/// kept: where nobody takes samples queues come and go without end.
class touched_queues {
public:
  void add(queue_id queue) {
    if (taken_ms_ == 0)
      return;
    const std::lock_guard hold{mutex_};
    queues_.push_back(queue);
  }
  /// Begins a round. Those that were added since the last one.
  std::vector<queue_id> take(uint64_t now_ms) {
    const std::lock_guard hold{mutex_};
    taken_ms_ = now_ms;
    return std::exchange(queues_, {});
  }
  /// When the last round began, monotonic; 0: there was none.
  uint64_t taken_ms() const noexcept { return taken_ms_; }

private:
  std::mutex mutex_;
  std::vector<queue_id> queues_;
  std::atomic<uint64_t> taken_ms_{0};
};

} // namespace broker

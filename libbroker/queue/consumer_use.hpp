// How much of its time a queue has a consumer that can take a message (list_queues: consumer_capacity, features.md
// O05): a moving average of 0 to 1 with a half-life of one second, as RabbitMQ's. Below 1, more prefetch or more
// consumers would help.
#pragma once

#include <cmath>
#include <cstdint>

namespace broker::queueing {

/// Not thread-safe. Times are milliseconds that never go back.
class consumer_use {
public:
  explicit consumer_use(uint64_t now_ms) : since_ms_(now_ms) {}

  /// Called after each step: can anybody take a message?
  void note(bool able, uint64_t now_ms) {
    if (able == able_)
      return;
    average_ = average(now_ms);
    able_ = able;
    since_ms_ = now_ms;
  }
  double average(uint64_t now_ms) const {
    const double old = std::exp2(-static_cast<double>(now_ms - since_ms_) / half_life_ms);
    return average_ * old + (able_ ? 1.0 - old : 0.0);
  }

private:
  static constexpr double half_life_ms = 1000.0;
  double average_ = 1.0;
  uint64_t since_ms_;
  bool able_ = true;
};

} // namespace broker::queueing

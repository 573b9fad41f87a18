// The moving parts of the modes that move messages: set-up, the loop, the figures. load_run.cpp puts them in order.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "consumer.hpp"
#include "measurement.hpp"
#include "options.hpp"
#include "outcome.hpp"
#include "progress.hpp"
#include "publisher.hpp"
#include "topology.hpp"

namespace broker::bench {

/// One run: publishers and consumers on one event loop, in one thread.
class load {
public:
  explicit load(const options& run) : run_(run), topology_(topology::of(run)), checks_(run.queues) {
    for (const auto& targets : topology_.publishers)
      for (const auto& each : targets)
        for (const uint32_t queue : each.queues)
          checks_[queue].expect(each.stream);
  }

  void declare();
  void remove();
  void open_publishers();
  void open_consumers();

  /// Runs until everything published is written, answered and, with consumers, received; or nothing moves any more.
  measurement drive();

  /// Asks every 5 ms until the queues are empty. @returns when they were; after `drain_timeout` the run has stalled.
  time_ns wait_until_expired();

  /// For a drain: what another process has published.
  void assume_published() { published_elsewhere_ = true; }

  void report_rates(const measurement& cost);
  void report_publishing(const measurement& cost, const std::string& prefix);
  void report_expiry(time_ns empty_at, const measurement& cost);
  void report_draining(const measurement& cost, const std::string& prefix);
  void report_checks();

  /// Nothing moved for `drain_timeout`: the broker may not even answer any more.
  bool stalled() const { return stalled_; }

  outcome take_outcome() { return std::move(outcome_); }

  report& result() { return outcome_.result; }

private:
  publisher_settings settings_of(uint32_t publisher) const;
  std::vector<uint64_t> published_by_publisher() const;
  message_counts counts() const;
  bool finished();
  void stop_publishers();
  time_ns pump_publishers(time_ns now);

  time_ns last_delivery() const;
  const options& run_;
  topology topology_;
  std::vector<queue_check> checks_;
  event_loop loop_;
  std::deque<publisher> publishers_;
  std::deque<consumer> consumers_;
  bool published_elsewhere_ = false;
  bool stalled_ = false;
  time_ns consume_start_ = 0;
  outcome outcome_;
};

/// Part `part` of `whole` things dealt out evenly to `parts`.
inline uint64_t share(uint64_t whole, uint64_t parts, uint64_t part) {
  return whole / parts + (part < whole % parts ? 1 : 0);
}

} // namespace broker::bench

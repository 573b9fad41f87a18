// The cost of a phase: what the broker and this program used between its beginning and its end.
#pragma once
#include <optional>
#include <string>

#include "process_usage.hpp"
#include "report.hpp"

namespace broker::bench {

class measurement {
public:
  /// Begins now. @param pid the broker's process, 0 when unknown.
  explicit measurement(int pid) : pid_(pid), own_begin_(own_cpu_seconds()) {
    if (pid_ != 0) {
      peak_is_of_run_ = reset_peak_rss(pid_);
      broker_begin_ = process_usage::of(pid_);
    }
  }

  /// Ends now.
  void end() {
    own_seconds_ = own_cpu_seconds() - own_begin_;
    if (pid_ != 0)
      broker_end_ = process_usage::of(pid_);
  }

  /// Adds CPU seconds per million `units` (messages, connections) and the broker's peak memory.
  void add_to(report& to, const std::string& prefix, uint64_t units) const {
    const double millions = static_cast<double>(units) / 1e6;
    if (units == 0)
      return;
    if (pid_ != 0) {
      to.add(prefix + "broker_cpu_s_per_M", broker_cpu_seconds() / millions);
      to.add(prefix + "broker_peak_rss_mb", static_cast<double>(broker_end_.peak_rss_kb) / 1024);
      to.add(prefix + "broker_peak_rss_of", peak_is_of_run_ ? "run" : "process");
    }
    to.add(prefix + "generator_cpu_s_per_M", own_seconds_ / millions);
  }

  bool knows_broker() const { return pid_ != 0; }

  double broker_cpu_seconds() const { return broker_end_.cpu_seconds - broker_begin_.cpu_seconds; }

  double own_cpu_used() const { return own_seconds_; }

  /// Growth of the broker's resident memory, negative when it shrank.
  double broker_rss_growth_kb() const {
    return static_cast<double>(broker_end_.rss_kb) - static_cast<double>(broker_begin_.rss_kb);
  }

private:
  int pid_;
  bool peak_is_of_run_ = false;
  double own_begin_;
  double own_seconds_ = 0;
  process_usage broker_begin_;
  process_usage broker_end_;
};

} // namespace broker::bench

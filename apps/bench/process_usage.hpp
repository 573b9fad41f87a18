// What a process has used, from /proc.
#pragma once
#include <cstdint>

namespace broker::bench {

struct process_usage {
  double cpu_seconds = 0; // user and system, all threads
  uint64_t rss_kb = 0;
  uint64_t peak_rss_kb = 0; // since the process started or `reset_peak_rss`

  /// @throws failure when there is no such process.
  static process_usage of(int pid);
};

/// Starts a new peak. @returns whether the kernel let us (it wants the same user or root).
bool reset_peak_rss(int pid);

/// CPU seconds of this program so far.
double own_cpu_seconds();

} // namespace broker::bench

// Processes and signals of warren-server.
#pragma once

#include <functional>
#include <thread>

#include "base/result.hpp"

namespace broker {

/// Continues in a background process of its own session, without a terminal; the calling process exits 0 at once. Call
/// it before any thread exists.
result<void> detach_process();

/// SIGTERM and SIGINT ask for a stop, SIGHUP for the log to be reopened; SIGPIPE is ignored. Construct it before any
/// other thread, so that all of them leave these signals to the one here.
class signal_watch {
public:
  signal_watch();
  /// Starts calling back, from a thread of its own.
  void start(std::function<void()> stop, std::function<void()> reopen_log);
  ~signal_watch();
  signal_watch(const signal_watch&) = delete;
  signal_watch& operator=(const signal_watch&) = delete;

private:
  std::thread thread_;
};

} // namespace broker

// epoll with time-outs in nanoseconds.
#pragma once
#include <cstddef>
#include <cstdint>

#include "clock.hpp"
#include "socket.hpp"

namespace broker::bench {

/// Something with a descriptor. Neither copied nor moved while it is watched.
class event_handler {
public:
  virtual ~event_handler() = default;

  virtual void on_readable(time_ns now) = 0;
  virtual void on_writable(time_ns now) = 0;
};

/// Not thread-safe.
class event_loop {
public:
  event_loop();

  /// Watches for input, and for room to write when `writable`. Calling it again changes what is watched.
  void watch(int fd, event_handler& handler, bool writable);

  void forget(int fd);

  /// Waits `timeout` at most and tells the handlers. Input of a descriptor is told before room to write.
  void run_once(time_ns timeout);

private:
  descriptor epoll_;
};

} // namespace broker::bench

// The line a second that shows a run is alive.
#pragma once
#include <cstdint>

#include "clock.hpp"

namespace broker::bench {

struct message_counts {
  uint64_t published = 0;
  uint64_t confirmed = 0;
  uint64_t received = 0;

  bool operator==(const message_counts&) const = default;
};

class progress {
public:
  /// @param quiet prints nothing, but still knows when something last moved.
  progress(bool quiet, time_ns now) : quiet_(quiet), begin_(now), printed_(now), moved_(now) {}

  void update(const message_counts& counts, time_ns now);

  time_ns last_moved() const { return moved_; }

private:
  bool quiet_;
  time_ns begin_;
  time_ns printed_;
  time_ns moved_;
  message_counts last_;
  message_counts last_printed_;
};

} // namespace broker::bench

#include "progress.hpp"

#include <cstdio>

namespace broker::bench {

void progress::update(const message_counts& counts, time_ns now) {
  if (counts != last_) {
    last_ = counts;
    moved_ = now;
  }
  if (quiet_ || now - printed_ < ns_per_second)
    return;
  const double seconds = seconds_between(printed_, now);
  const auto rate = [seconds](uint64_t before, uint64_t after) {
    return static_cast<double>(after - before) / seconds;
  };
  std::fprintf(stderr, "%6.1f s  published %9.0f/s  confirmed %9.0f/s  received %9.0f/s\n",
               seconds_between(begin_, now), rate(last_printed_.published, counts.published),
               rate(last_printed_.confirmed, counts.confirmed), rate(last_printed_.received, counts.received));
  printed_ = now;
  last_printed_ = counts;
}

} // namespace broker::bench

// Time in this program: nanoseconds of CLOCK_MONOTONIC, which all processes of one machine share.
#pragma once
#include <cstdint>
#include <ctime>

namespace broker::bench {

using time_ns = uint64_t;

inline constexpr time_ns ns_per_second = 1'000'000'000;

inline time_ns now_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<time_ns>(now.tv_sec) * ns_per_second + static_cast<time_ns>(now.tv_nsec);
}

inline double seconds_between(time_ns from, time_ns to) {
  return to > from ? static_cast<double>(to - from) / static_cast<double>(ns_per_second) : 0.0;
}

} // namespace broker::bench

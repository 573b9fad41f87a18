// Counts failed logins per network of origin: after too many of them within a minute, its connections are refused
// unheard for a minute (guarantees.md S4).
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/limits.hpp"

namespace broker {

/// Thread-safe; asked once per connection. Times are monotonic milliseconds.
class login_guard {
public:
  struct rules {
    size_t failures_max = limits::login_failures_per_minute_max;
    uint64_t window_ms = limits::login_refusal_ms;
    size_t networks_max = limits::login_failure_addresses_max;
  };

  login_guard() : login_guard(rules{}) {}
  explicit login_guard(rules chosen) : rules_(chosen) {}

  /// A login has failed. True when this one is the last straw: for the log, and to end what is open already.
  bool failed(const std::string& network, uint64_t now_ms);
  bool refuses(std::string_view network, uint64_t now_ms) const;

private:
  struct record {
    uint64_t since_ms = 0; ///< first failure of the window; once refused, the last one
    size_t failures = 0;
  };
  void make_room(uint64_t now_ms);

  const rules rules_;
  mutable std::mutex mutex_;
  std::map<std::string, record, std::less<>> records_;
};

} // namespace broker

// Keeps a flood out of the log: the same line at most once a minute, and not more than so many a minute altogether;
// what was left out is counted. Not thread-safe.
#pragma once

#include <cstdint>
#include <set>
#include <string>

namespace broker {

class note_limiter {
public:
  static constexpr uint64_t window_ms = 60'000;
  static constexpr size_t lines_max = 30;

  /// Whether a line of this key is to be written now.
  bool admits(const std::string& key, uint64_t now_ms) {
    if (now_ms - since_ms_ >= window_ms) {
      since_ms_ = now_ms;
      said_.clear();
    }
    if (said_.size() < lines_max && said_.insert(key).second)
      return true;
    ++left_out_;
    return false;
  }
  /// Lines left out since it was last asked.
  uint64_t take_left_out() {
    const uint64_t count = left_out_;
    left_out_ = 0;
    return count;
  }

private:
  uint64_t since_ms_ = 0;
  uint64_t left_out_ = 0;
  std::set<std::string> said_;
};

} // namespace broker

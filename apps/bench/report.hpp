// The result of a run: names and values in order, printed as lines for people or as one JSON object.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "histogram.hpp"

namespace broker::bench {

class report {
public:
  void add(std::string_view name, std::string_view text) { values_.emplace_back(name, std::string{text}); }

  void add(std::string_view name, double number) { values_.emplace_back(name, number); }

  void add(std::string_view name, uint64_t number) { values_.emplace_back(name, number); }

  /// `prefix`_p50_us, _p99_us, _p999_us and _max_us of nanoseconds; nothing when nothing was recorded.
  void add_latency(std::string_view prefix, const histogram& latency);

  std::string text() const;

  std::string json() const;

private:
  using value = std::variant<std::string, double, uint64_t>;

  std::vector<std::pair<std::string, value>> values_;
};

} // namespace broker::bench

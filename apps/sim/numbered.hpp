// The faults of a run, or its clients, by number: each has the place at which it comes, from 1. A run may leave some
// out (run_options), so that `minimise` finds those that a failure needs. Who is left out keeps its place, and whatever
// it would have drawn is drawn from a source of its own: the others stay as they are until their worlds differ.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>

namespace broker::sim {

/// Numbers that take part; none: all do.
using chosen_numbers = std::optional<std::set<uint32_t>>;

class numbered {
public:
  explicit numbered(chosen_numbers only) : only_(std::move(only)) {}
  /// Counts the next one. False: it is left out.
  bool next() {
    ++count_;
    return !only_ || only_->contains(count_);
  }
  uint32_t count() const noexcept { return count_; }

private:
  const chosen_numbers only_;
  uint32_t count_ = 0;
};

} // namespace broker::sim

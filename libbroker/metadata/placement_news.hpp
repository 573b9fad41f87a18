// What the log tells operators of replicated queues: who is master now, which copies left and joined the in-sync set,
// that publishes wait for copies, that a queue is without a master (features.md S21, S22, O49;
// docs/mirrored-queues.md). Pure functions of two states of the metadata; news_limit bounds how much is said.
// Single-threaded.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/limits.hpp"
#include "metadata/snapshot.hpp"

namespace broker {

struct placement_news {
  bool warning = false; ///< else of level info
  std::string text;
};

/// Of one queue that has changed from `before` to `after`, the newer record of the two; `now` has the nodes as of then.
/// Nothing of a queue that is or was not replicated.
std::vector<placement_news> news_of(const queue_record& before, const queue_record& after,
                                    const metadata_snapshot& now);

/// Queues that had somebody in sync alive in `before`, and have nobody in `now`, of one part of them
/// (metadata_snapshot::visit_queues). Looks at every queue of it: for changes of nodes only.
std::vector<placement_news> news_of_lost_masters(const metadata_snapshot& before, const metadata_snapshot& now,
                                                 size_t part = 0, size_t parts = 1);

/// At most limits::queue_news_per_s lines a second: a node with thousands of queues must not fill the log when it goes.
/// What is left out is counted, and the count is a line of its own.
class news_limit {
public:
  explicit news_limit(size_t per_second = limits::queue_news_per_s) : per_second_(per_second) {}

  /// What of `all` is to be said. `now_ms` is monotonic.
  std::vector<placement_news> pass(std::vector<placement_news> all, uint64_t now_ms);
  /// Is there a count to be said? Then pass() says it from the next second on.
  bool owes() const noexcept { return left_out_ != 0; }

private:
  const size_t per_second_;
  uint64_t second_ = 0; ///< under way, when anything was said in it
  size_t said_ = 0;
  size_t left_out_ = 0;
  bool warning_ = false; ///< one of them was one
};

} // namespace broker

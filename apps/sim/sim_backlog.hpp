// A backlog_store in memory that forgets unsynced writes in a crash: all of them, or any prefix (LevelDB's log is
// written in order). Shares the disk's power: see sim_disk. Single-threaded.
#pragma once

#include <map>
#include <vector>

#include "backlog_store.hpp"
#include "base/random.hpp"

namespace broker::sim {

class sim_backlog final : public backlog_store {
public:
  explicit sim_backlog(random_source random) : random_(random) {}

  result<void> put(std::span<const entry> entries, bool sync) override;
  result<void> erase(queue_id queue, std::span<const seq_range> gone) override;
  result<void> erase_queue(queue_id queue) override;
  result<void> sync() override;
  result<void> read(queue_id queue, seq_range range, const visitor& each) override;
  result<void> scan(const visitor& each) override;

  /// A random prefix of the unsynced writes survives; all of them if `keep_all`.
  void crash(bool keep_all);
  size_t size() const noexcept { return now_.size(); }
  /// The write or sync (counted from 1, since the last crash) from which on everything fails.
  void fail_at(uint64_t step) noexcept { fail_at_ = step; }
  uint64_t steps() const noexcept { return steps_; }

private:
  using key = std::pair<queue_id, seqno>;
  struct change {
    key first;
    key last; ///< erased: [first, last); for a put equal to first
    std::string value;
  };
  using image = std::map<key, std::string>;

  result<void> make(change made);
  result<void> step();
  static void apply(image& into, const change& made);

  random_source random_;
  image now_;
  image durable_;
  std::vector<change> unsynced_;
  uint64_t steps_ = 0;
  uint64_t fail_at_ = UINT64_MAX;
};

} // namespace broker::sim

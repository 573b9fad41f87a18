// Under which numbers the journal knows queues. A queue that was dropped may come again under its id: a node that is
// to hold a copy once more (replication.md, "Placement in the metadata"). What the journal, the backlog and the facts
// about them still say of the earlier life must not be taken for the new one's, nor a drop for the end of both. So each
// life has a number of its own on disk: the queue's id below, how often it was dropped above.
// A value. Not thread-safe; journal_store has it under its lock.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>

#include "base/ids.hpp"

namespace broker {

class queue_lives {
public:
  /// Ids count queues that were ever declared: a million a second for twelve days, and 16 million lives of each.
  static constexpr unsigned queue_bits = 40;

  static queue_id queue_of(queue_id stored) noexcept { return stored & ((queue_id{1} << queue_bits) - 1); }
  static uint64_t life_of(queue_id stored) noexcept { return stored >> queue_bits; }

  /// The number of its present life.
  queue_id present(queue_id queue) const;
  bool is_present(queue_id stored) const { return present(queue_of(stored)) == stored; }
  /// As present(), for something that will be written or read under it.
  queue_id use(queue_id queue);
  /// It is dropped. Returns the number of the life that ends; the next one begins.
  queue_id end(queue_id queue);
  /// The journal knows that this one has ended.
  void noted(queue_id stored);
  /// Recovery found messages or a log under this number, or that they were dropped.
  void found(queue_id stored, bool dropped);
  /// Forgets queues of which nothing is left on disk and nothing has come since. `known`: does the journal still need
  /// to know that this life has ended?
  void forget(const std::function<bool(queue_id stored)>& known);

  size_t size() const noexcept { return lives_.size(); }

private:
  struct entry {
    uint64_t life = 0;
    bool used = false;
    bool noted = false; ///< that the life before it has ended
  };
  static queue_id stored(queue_id queue, uint64_t life) noexcept { return queue | life << queue_bits; }

  std::unordered_map<queue_id, entry> lives_; ///< of queues that were dropped; the others are in their first life
};

} // namespace broker

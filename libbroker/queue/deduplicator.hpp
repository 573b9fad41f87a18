// Which messages a queue has seen, by the header x-deduplication-header (features.md U11, P19): text, or a number.
//
// A key is known as long as its message is in the queue, ready or unsettled, and as long as it is one of the last
// `window` keys that were accepted, even after a consumer has settled the message. A message that left in another way
// (expired, dropped, dead-lettered, purged) was not worked on: its key is forgotten, so that it may come again. A
// duplicate changes nothing here: however many follow each other, none slips through.
// Bounded: beyond limits::deduplication_keys_max the oldest keys are forgotten, whatever became of their messages.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/ids.hpp"
#include "base/limits.hpp"
#include "model/message.hpp"

namespace broker::queueing {

/// The key of a message, nothing if it has none. Costs decoding the headers.
std::optional<std::string> deduplication_key(const message& one);

/// Not thread-safe. A key costs amortised constant time.
class deduplicator {
public:
  /// `window` 0: the default.
  explicit deduplicator(uint64_t window);

  bool knows(const std::string& key) const;
  /// Message `at`, which comes after all before, was accepted with this key.
  void remember(std::string key, seqno at);
  /// These messages were settled by a consumer.
  void settled(seq_range which);
  /// These messages left in another way.
  void forget(seq_range which);

  size_t keys() const noexcept { return by_key_.size(); }

private:
  struct entry {
    seqno at;
    uint64_t number;        ///< of the accepted key
    const std::string* key; ///< null: forgotten
    bool in_queue;
  };
  using entries = std::deque<entry>;

  entries::iterator find(seqno at);
  bool in_window(const entry& one) const noexcept { return next_number_ - one.number <= window_; }
  bool expired(const entry& one) const noexcept { return !one.key || (!one.in_queue && !in_window(one)); }
  void drop(entry& one);
  void tidy();

  const uint64_t window_;
  uint64_t next_number_ = 1;
  entries entries_;                               ///< rising by `at`
  std::unordered_map<std::string, seqno> by_key_; ///< nodes stay where they are: entries point to the keys
  size_t out_of_queue_ = 0;                       ///< entries whose message has left
};

} // namespace broker::queueing

// What a queue that drops duplicates keeps besides its messages: the keys, and after a restart what it takes to learn
// them again from the messages that recovery found. Publishes wait until that is done; an idle queue reads nothing.
#pragma once

#include <vector>

#include "queue/deduplicator.hpp"
#include "queue/logged_publish.hpp"

namespace broker::queueing {

struct deduplication {
  explicit deduplication(uint64_t window) : keys(window) {}

  /// A consumer settled these messages, or took them without acks.
  void left(seq_range which) {
    keys.settled(which);
    if (learning && which.first < recovered_below)
      left_meanwhile.push_back(which);
  }
  void forget(seq_range which) {
    keys.forget(which);
    if (learning && which.first < recovered_below)
      forgotten_meanwhile.push_back(which);
  }

  deduplicator keys;
  seqno recovered_below = 0;             ///< messages below were recovered; 0 once their keys are known
  bool learning = false;                 ///< reading them
  std::vector<seq_range> to_read;        ///< falling, so that the next is the last
  std::vector<seq_range> left_meanwhile; ///< perhaps before their keys were known
  std::vector<seq_range> forgotten_meanwhile;
  std::vector<logged_publish> waiting; ///< bounded by the credit of their publishers, whose batches they hold
};

} // namespace broker::queueing

// What an operator sees of a queue without taking anything from it or changing anything in it (features.md U13), and
// what holds it up. Plain values.
#pragma once

#include <cstdint>
#include <vector>

#include "model/message.hpp"

namespace broker {

/// Ready messages, in the order in which they would go out: `count` of them behind the first `skip`.
struct look_order {
  static constexpr uint32_t count_max = 200;
  static constexpr uint64_t bytes_max = 4 * 1024 * 1024; ///< of bodies; at least one message comes

  uint64_t number = 0; ///< the asker's, for the answer
  uint64_t skip = 0;
  uint32_t count = 0; ///< at most count_max
};

struct seen_run {
  stored_run what; ///< with bodies
  bool redelivered = false;
};

struct look_answer {
  uint64_t number = 0;
  /// Fewer than were asked for at the end of the queue, beyond bytes_max, where many lie apart on disk, and where some
  /// have ended meanwhile.
  std::vector<seen_run> runs;
};

/// Why neither publishers nor consumers of a queue are as fast as they could be, as far as the queue knows.
struct queue_flow {
  uint64_t ready = 0;
  uint64_t awake = 0;       ///< consumers that can take a message
  uint64_t at_prefetch = 0; ///< consumers that have as many unacknowledged messages as they may
  uint64_t starved = 0;     ///< consumers whose connections have too much unwritten: the client reads slowly
  uint64_t waiting = 0;     ///< for the single active consumer to go
  bool withheld = false;    ///< publishers' credit is
  bool by_store = false;    ///< because more waits for the node's disk than it takes
  bool by_pace = false;     ///< because consumers are too far behind
  bool paused = false;      ///< nothing is handed out: another node is perhaps the master (G5)
  uint64_t unconfirmed = 0; ///< publishes whose confirm waits for the disk; of a replicated queue 0
  uint64_t uncommitted = 0; ///< of a replicated queue: messages that wait for its copies
  uint64_t on_disk = 0;     ///< ready messages whose bodies are on disk only
};

} // namespace broker

// What a channel knows of a replicated queue that it uses (features.md Q11; guarantees.md G2, G5).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/ids.hpp"
#include "replication/publisher.hpp"

namespace broker {

/// How long a publish to a replicated queue may wait for its confirm before it is nacked (G2, G5).
inline constexpr uint64_t confirm_timeout_ms = 30'000;
/// How often a channel looks for such publishes while some are unconfirmed.
inline constexpr uint64_t confirm_check_ms = 5'000;
/// How long methods wait for a replicated queue that has no master (own choice: a promotion takes seconds).
inline constexpr uint64_t master_wait_ms = 10'000;
/// How often a channel that waits for a master looks at the clock, and whether the queue still exists.
inline constexpr uint64_t master_check_ms = 1'000;

/// Owned by one channel. Kept as long as the channel lives: the order of its publishes begins with the first.
struct replicated_use {
  std::string name;     ///< in the channel's vhost
  epoch mastership = 0; ///< of the master that requests are for; changes with queue_moved alone
  /// The node of that master is out of reach: publishes and questions are kept until queue_moved.
  bool lost = false;
  /// Lost, or that master has said that it is none any more.
  bool masterless = false;
  std::optional<uint64_t> masterless_since_ms; ///< the first look at the clock since then

  // -- publishes that wait for their confirms --
  std::optional<replication::publisher> publishes; ///< none: nothing was published that is confirmed
  /// Where the last publish_gap was; several publishes that were under way report the same one.
  std::optional<uint64_t> gap_at;
  uint64_t oldest = 0; ///< first unconfirmed publish at the last look; 0 = none
  uint64_t oldest_since_ms = 0;
  bool orphaned = false; ///< the queue was gone at the last look
};

} // namespace broker

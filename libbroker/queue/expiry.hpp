// When messages expire (features.md W48). A message's deadline is fixed when it enters the queue: the smaller of the
// queue's TTL and its own `expiration`. Within a run of the process only the monotonic clock decides; the wall clock
// carries deadlines over a restart, by its difference to the monotonic one at both ends (guarantees.md F15).
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "model/message.hpp"
#include "model/queue_options.hpp"

namespace broker::queueing {

/// Deadlines are rounded up to this part of the TTL: however many messages share a TTL, they have few thousand
/// different deadlines, and a backlog of millions stays a few thousand runs. Exact up to 8 seconds.
inline constexpr uint64_t deadline_steps = 4096;

/// How long `what` may wait in a queue with these options; empty: for ever. Its expiration has been checked.
std::optional<uint64_t> time_to_live_ms(const message& what, const queue_options& options) noexcept;
/// The deadline of a message that enters at `now_ms`; never 0.
uint64_t deadline_after(uint64_t now_ms, uint64_t ttl_ms) noexcept;

/// A deadline as the store keeps it; 0 stays 0.
uint64_t deadline_to_wall(uint64_t deadline_ms, uint64_t now_ms, uint64_t wall_ms) noexcept;
/// And back: one that has passed is in the past here as well.
uint64_t deadline_from_wall(uint64_t deadline_ms, uint64_t now_ms, uint64_t wall_ms) noexcept;

} // namespace broker::queueing

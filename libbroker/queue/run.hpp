// Consecutive messages of one queue that are treated alike: the unit in which a queue stores, hands out and settles
// (hotpath.md rule 2). A run whose bodies were paged out costs the same whether it stands for one message or a million.
#pragma once

#include <cstdint>

#include "base/ids.hpp"
#include "base/limits.hpp"
#include "model/message.hpp"

namespace broker::queueing {

/// Whether the store knows the messages, and so whether it must hear of their end.
enum class home : uint8_t {
  memory,  ///< never given to the store
  durable, ///< appended as durable
  paged,   ///< transient, appended as a page-out
};

/// Charged for each run with bodies besides its messages: its entry and its share of a batch object. It is what a
/// publisher of single messages costs.
inline constexpr uint64_t run_overhead_bytes = 256;

struct run {
  seqno first = 0;
  batch_ref batch;   ///< null: the bodies are in the store only
  uint64_t body = 0; ///< bytes of the bodies
  uint64_t raw = 0;  ///< raw bytes of the messages in `batch`; 0 without one
  uint32_t count = 0;
  uint32_t lo = 0;          ///< index of `first` in `batch`
  uint64_t deadline_ms = 0; ///< expires then, on the clock of queue_state::handle; 0 = never (W48)
  /// The same by the calendar, as the store has it; 0 of what came through a log. Kept, for clocks drift apart.
  uint64_t wall_deadline_ms = 0;
  uint32_t deliveries = 0; ///< times handed out and returned (W57)
  uint8_t priority = 0;    ///< W55
  home kept = home::memory;
  bool redelivered = false;
  bool leaving = false;   ///< the bodies are dropped as soon as the store has them
  bool estimated = false; ///< `body` is this run's share of what is known of a larger one, which was cut without bodies

  seqno last() const noexcept { return first + count; }
  seq_range range() const noexcept { return {first, last()}; }
  stored_run stored() const { return {batch, {lo, lo + count}, first}; }
  bool in_store() const noexcept { return kept != home::memory; }
  uint64_t messages_durable() const noexcept { return kept == home::durable ? count : 0; }
  /// What the run is charged for while its bodies are in memory.
  uint64_t memory() const noexcept {
    return batch ? raw + uint64_t{count} * limits::publish_overhead_bytes + run_overhead_bytes : 0;
  }
};

/// Sets `body` and `raw` from the messages in `batch`; they are exact then.
void measure(run& which);
/// Cuts the first `count` messages off; 0 < count < from.count.
run cut_front(run& from, uint32_t count);
/// True when `b` continues `a`, so that both can be one run.
bool joins(const run& a, const run& b);
/// Makes `a` stand for both.
void join(run& a, const run& b);
/// Gives up the bodies.
void drop_body(run& which);

} // namespace broker::queueing

// One queue without its actor: ready messages, consumers and their credit, unacked messages, order, redelivery, paging
// to and from the store (features.md W39, W40, W61-W65; architecture.md D12, D13; guarantees.md G1-G3).
//
// Works on runs: a batch of 1,000 publishes is one entry, one append, one confirm. A single-copy queue delivers without
// waiting for its own sync; only the confirm waits.
// Invariants: every sequence number is in exactly one of ready, unacked, settled; ready is sorted by sequence number (a
// requeued message returns to its place, W63); messages_ready and bytes equal what the runs hold; memory held stays
// within the budget plus what consumers have in flight; a batch is released exactly once per hold.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/limits.hpp"
#include "channel/protocol.hpp"
#include "metadata/records.hpp"
#include "ports/message_store.hpp"

namespace broker {

struct queue_settings {
  size_t memory_bytes = limits::queue_memory_bytes;
  size_t pace_bytes = limits::queue_pace_bytes;
  /// True while the node's messages need more memory than allowed: keep only the head, page out the rest.
  std::function<bool()> memory_pressure;
};

/// What one call asks the actor to do.
struct queue_step {
  /// Events grouped by channel, in order.
  std::vector<std::pair<channel_ref, std::vector<queue_event>>> events;
  /// Auto-delete: the last consumer has left (W40). The actor proposes the deletion until it commits; from now on the
  /// queue takes publishes only, and who cancelled last is answered when it is gone, as in RabbitMQ.
  bool unused = false;
  /// Call tick() again within this many milliseconds (0: no need).
  uint32_t tick_in_ms = 0;
};

class queue_state {
public:
  /// `store` is attached for this queue by the caller. `recovered` may be null.
  queue_state(std::shared_ptr<const queue_record> record, queue_settings settings, message_store& store,
              const recovered_queue* recovered);
  ~queue_state();

  void handle(queue_request request, queue_step& step);

  // -- answers of the store --
  void durable(seqno upto, queue_step& step);
  void paged(seqno upto, queue_step& step);
  void read_done(const std::vector<stored_run>& runs, queue_step& step);

  /// Bounds the time publishers' credit is withheld (limits::queue_pace_ms); `now` is monotonic milliseconds.
  void tick(uint64_t now_ms, queue_step& step);
  /// The node has come under memory pressure: an idle queue would not notice, and pages out what it need not keep.
  void under_pressure(queue_step& step);
  /// The metadata says the queue is deleted: outstanding confirms are given, consumers cancelled, and later requests
  /// are answered as for a missing queue. The store's content is dropped by the caller.
  void deleted(queue_step& step);

  // -- what is known of it (list_queues) --
  uint64_t messages_ready() const;
  uint64_t messages_unacked() const;
  uint64_t messages_persistent() const; ///< ready and unacked ones that survive a restart
  uint64_t bytes_ready() const;
  uint64_t bytes_unacked() const; ///< costs time linear in the unacked messages that are in memory
  uint64_t bytes_in_memory() const;
  size_t consumers() const;
  bool withholds_credit() const; ///< publishers wait: the queue is in `flow` (O47)
  bool idle() const;             ///< nothing ready, unacked or waiting for the store

  /// Checks every invariant above; aborts on a violation. For tests and simulation: costs time linear in the content.
  void check() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace broker

// Port: where queues keep messages on disk (architecture.md D11, guarantees.md G1, G6, G7). One per node. Production is
// persistence/message_store (journal + backlog); it may be called from any loop and answers through `store_client`,
// from its own threads. A failed write or sync never reaches a queue: the store ends the node (G6).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/ref_counted.hpp"
#include "base/result.hpp"
#include "model/message.hpp"

namespace broker {

/// What a queue knows of messages beyond their bytes and must know again after a restart (features.md W48, W55).
struct message_facts {
  static constexpr uint64_t deadline_max_ms = (uint64_t{1} << 56) - 1;

  /// Expires then: wall-clock milliseconds since 1970, the only clock that outlives the process; 0 = never. At most
  /// deadline_max_ms.
  uint64_t deadline_ms = 0;
  uint8_t priority = 0;
  friend bool operator==(const message_facts&, const message_facts&) = default;
};

/// A queue's end of the store. Called on the store's threads: implementations only post to the queue's actor.
class store_client : public ref_counted {
public:
  /// Every append of this queue below `upto` that asked for it is on disk and synced. `upto` only rises;
  /// not so for a replica, whose copies fill gaps: it goes by on_logged.
  virtual void on_durable(seqno upto) = 0;
  /// Every page-out of this queue below `upto` is written (not synced): the queue may drop the bodies.
  virtual void on_paged(seqno upto) = 0;
  /// Answer to the oldest unanswered `read`: consecutive live messages in order. May hold fewer than asked for, never
  /// none unless nothing of the range is stored. Settled messages inside the range are left out, hence several runs.
  virtual void on_read(std::vector<stored_run> runs) = 0;
  /// Are reads to tell what is known of the messages beyond their bytes? A replica sends it on to others; a queue
  /// remembers it.
  virtual bool wants_facts() const { return false; }
  /// Instead of on_read, to a client that wants facts: of each message in turn.
  // NOLINTNEXTLINE(performance-unnecessary-value-param): who overrides it moves
  virtual void on_read_with_facts(std::vector<stored_run> runs, std::vector<message_facts>) {
    on_read(std::move(runs));
  }
  /// Every record of `log` up to number `upto` is on disk and synced, and every append and settle made before it.
  /// Never falls.
  virtual void on_logged(uint64_t upto) = 0;
};

/// What recovery found of one queue: live messages, in runs without bodies.
struct recovered_run {
  seqno first = 0;
  uint32_t count = 0;
  uint64_t body_bytes = 0;
  bool redelivered = false;
  message_facts facts{};  ///< of every message of the run
  bool estimated = false; ///< `body_bytes` is this run's share of what is known of a larger one
};
struct recovered_queue {
  queue_id id = 0;
  seqno next = 1;                  ///< first sequence number that was never used
  std::vector<recovered_run> runs; ///< rising, disjoint
  std::vector<std::string> log{};  ///< its replica's log (message_store::log)
};

class message_store {
public:
  virtual ~message_store() = default;

  /// Makes `who` the client of `queue`. Must precede every other call for that queue; `detach` ends it: after it
  /// returns no new callback starts, and what was asked for is told to nobody, whoever is attached next.
  virtual void attach(queue_id queue, ref<store_client> who) = 0;
  virtual void detach(queue_id queue) = 0;

  /// Appends batch[where] as sequence numbers first.. . Per queue, numbers rise (gaps are allowed: transient messages
  /// that stayed in memory); those of a replica rise but for the messages of a copy, which fill a gap left for them. No
  /// number is used twice. `durable`: synced before on_durable; found again by recovery. Otherwise a page-out of
  /// transient messages: written, never synced for its own sake; answered by on_paged. Recovery forgets it for ever,
  /// but not of a queue that has a log: what was paged out before the log began belongs to it. The store holds a
  /// reference to the batch until written. `facts` hold for all of these messages.
  virtual void append(queue_id queue, const batch_ref& batch, slice where, seqno first, bool durable,
                      message_facts facts) = 0;
  /// As a durable append, of messages that a record given to `log` right behind it tells of: the store waits for the
  /// record and syncs both at once. Nobody is told of the append itself.
  virtual void append_logged(queue_id queue, const batch_ref& batch, slice where, seqno first, message_facts facts) {
    append(queue, batch, where, first, true, facts);
  }
  /// These messages are gone (acked, expired, purged). Never waited on; rides with the next sync.
  virtual void settle(queue_id queue, std::vector<seq_range> seqs) = 0;
  /// Appends a record to the log of the queue's replica (guarantees.md R1): opaque here, synced before on_logged.
  /// Recovery gives back, in order, all since the last one that `begins_anew`, which says everything the earlier ones
  /// did; and each only if it also finds every append made before it. `number` never falls per queue.
  virtual void log(queue_id queue, uint64_t number, std::string record, bool begins_anew) = 0;
  /// Notes that messages below `upto` were delivered once: recovery marks them redelivered. Rides along like settle.
  virtual void delivered(queue_id queue, seqno upto) = 0;
  /// Reads live stored messages from `from` on, up to `max_bytes` (at least one message) and below `before`.
  virtual void read(queue_id queue, seqno from, seqno before, size_t max_bytes) = 0;
  /// Forgets the queue and everything in it.
  virtual void drop(queue_id queue) = 0;

  /// True while more than limits::journal_pending_bytes wait for the disk: queues then keep publishers' credit (D13).
  virtual bool congested() const = 0;
};

} // namespace broker

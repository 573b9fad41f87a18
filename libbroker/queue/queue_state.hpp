// One queue without its actor: ready messages, consumers and their credit, unacked messages, order, redelivery, paging
// to and from the store, expiry, length limits and dead letters (features.md W39, W40, W48-W52, W61-W65;
// architecture.md D12, D13; guarantees.md G1-G3).
//
// Works on runs: a batch of 1,000 publishes is one entry, one append, one confirm. A single-copy queue delivers without
// waiting for its own sync; only the confirm waits.
// Invariants: every sequence number is in exactly one of ready, unacked, dead (dead_letters.hpp), settled; ready is
// sorted by sequence number (a requeued message returns to its place, W63); messages_ready and bytes equal what the
// runs hold; memory held stays within the budget plus what consumers have in flight; a batch is released exactly once
// per hold.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/limits.hpp"
#include "channel/protocol.hpp"
#include "metadata/records.hpp"
#include "metadata/snapshot.hpp"
#include "model/message_counts.hpp"
#include "ports/message_store.hpp"
#include "queue/logged_publish.hpp"
#include "queue/queue_details.hpp"
#include "queue/queue_look.hpp"

namespace broker {

struct queue_settings {
  size_t memory_bytes = limits::queue_memory_bytes;
  size_t pace_bytes = limits::queue_pace_bytes;
  /// True while the node's messages need more memory than allowed: keep only the head, page out the rest.
  std::function<bool()> memory_pressure;
  /// Milliseconds since 1970, for deadlines that must survive a restart; asked only where a message expires. Null: 0.
  std::function<uint64_t()> wall_ms;
  /// The newest metadata, for the routes of dead letters. Null: they go nowhere.
  std::function<snapshot_ptr()> snapshots;
  /// The queue's own address, for the confirms of dead letters; each queue's is different.
  channel_ref address;
  /// A line for the log; may be null.
  std::function<void(const std::string&)> note;
};

/// What one call asks the actor to do.
struct queue_step {
  /// Events grouped by channel, in order.
  std::vector<std::pair<channel_ref, std::vector<queue_event>>> events;
  /// Requests to other queues of the node, perhaps to this one itself: dead letters (W52). What cannot be sent is
  /// released and told by target_gone().
  std::vector<std::pair<queue_id, queue_request>> requests;
  /// Auto-delete: the last consumer has left (W40); or nobody has used the queue for so long (W49). The actor proposes
  /// the deletion until it commits; from now on the queue takes publishes only, and who cancelled last is answered when
  /// it is gone, as in RabbitMQ.
  bool unused = false;
  /// Call tick() within this many milliseconds; takes the place of what earlier steps said if it is sooner (0: no
  /// need).
  uint64_t tick_in_ms = 0;
  std::vector<look_answer> looks; ///< in the order of the questions
};

enum class consumer_activity : uint8_t {
  up,
  single_active, ///< the one that gets the messages of a queue with a single active consumer (W54)
  waiting,       ///< for the active one to go
};
/// One consumer (list_consumers).
struct consumer_view {
  consumer_ref who;
  consumer_activity activity = consumer_activity::up;
  uint64_t unacknowledged = 0;
};

/// `now_ms` is monotonic milliseconds everywhere, read once per message of the actor; it never goes back.
class queue_state {
public:
  /// `store` is attached for this queue by the caller. `recovered` may be null.
  queue_state(std::shared_ptr<const queue_record> record, queue_settings settings, message_store& store,
              const recovered_queue* recovered, uint64_t now_ms);
  ~queue_state();

  void handle(queue_request request, uint64_t now_ms, queue_step& step);

  // -- of a replicated queue (replicated_queue.hpp): messages are in its log, and in the store, before they are here --
  /// Is there room for so many messages and bytes more, of which those it has not got are about to be committed?
  /// (Overflow reject-publish.) What is committed is kept: whoever has no room must not let them into the log.
  bool has_room(uint64_t messages, uint64_t bytes) const;
  /// Publishes that are committed, rising. What is dropped or refused now is settled in the store.
  void logged(std::vector<logged_publish> what, uint64_t now_ms, queue_step& step);
  /// Messages of an earlier master that are committed now: behind all others, below the first publish's number.
  void found(const std::vector<recovered_run>& more, uint64_t now_ms, queue_step& step);
  /// Whether anything may be handed out, from the next step on (G5).
  void pause(bool on);
  /// Another node goes on with the queue. Consumers are cancelled and credit is given back; publishes that were not
  /// confirmed are neither confirmed nor refused. Nothing may be asked of it afterwards.
  void abandoned(queue_step& step);

  /// The queue is to be replicated (Q10). All it has, rising: ready, unacked and dying messages. Those that only memory
  /// had are appended to the store, some of them below what it has already, as a copy's are. Only abandoned() may
  /// follow, when all of it is on disk.
  recovered_queue give_up(uint64_t now_ms);
  /// After give_up(): all of it is. Confirms what waited for that.
  void all_durable(queue_step& step);

  // -- answers of the queues that dead letters were sent to --
  void answered(const confirmed& what, uint64_t now_ms, queue_step& step);
  /// A request of an earlier step found no queue, or that queue has ended since.
  void target_gone(queue_id target, uint64_t now_ms, queue_step& step);
  /// The node of that queue is down, or the queue has another master: what its master `upto` owes, and earlier ones,
  /// is sent again later. Without copies it has the mastership 0.
  void target_unreachable(queue_id target, epoch upto, uint64_t now_ms, queue_step& step);
  /// The request of this step to `target` that begins with the number `from` went to this master of it.
  void sent_to_master(queue_id target, confirm_number from, epoch mastership);

  // -- answers of the store --
  void durable(seqno upto, uint64_t now_ms, queue_step& step);
  void paged(seqno upto, uint64_t now_ms, queue_step& step);
  void read_done(const std::vector<stored_run>& runs, uint64_t now_ms, queue_step& step);

  /// What time alone brings about; asked for by queue_step::tick_in_ms. A call too many does no harm.
  void tick(uint64_t now_ms, queue_step& step);
  /// Arguments or policies have changed: `record` is the same queue's newer record (O29).
  void reconfigure(std::shared_ptr<const queue_record> record, uint64_t now_ms, queue_step& step);
  /// The node has come under memory pressure: an idle queue would not notice, and pages out what it need not keep.
  void under_pressure(uint64_t now_ms, queue_step& step);
  /// The metadata says the queue is deleted: outstanding confirms are given, consumers cancelled, and later requests
  /// are answered as for a missing queue. The store's content is dropped by the caller.
  void deleted(queue_step& step);

  // -- what operators see of it (queue_look.hpp) --
  static constexpr size_t looks_max = 8; ///< under way at a time
  /// Answered by queue_step::looks, now or when the store has answered; never once the queue has ended. False: too many
  /// look, or it has ended.
  bool look(const look_order& order, uint64_t now_ms, queue_step& step);
  queue_flow flow() const; ///< costs time linear in the consumers

  // -- what is known of it (list_queues) --
  uint64_t messages_ready() const;
  uint64_t messages_unacked() const;
  uint64_t messages_persistent() const; ///< ready and unacked ones that survive a restart
  uint64_t bytes_ready() const;
  uint64_t dead_letters() const;  ///< on their way to other queues: neither ready nor unacked
  uint64_t bytes_unacked() const; ///< costs time linear in the unacked messages that are in memory
  uint64_t bytes_in_memory() const;
  size_t consumers() const; ///< those that wait to become active included
  std::vector<consumer_view> consumer_list() const;
  queue_details details(uint64_t now_ms) const; ///< costs time linear in the runs
  const message_counts& counts() const;         ///< publish, deliver, get, redeliver and ack, since it was made
  bool withholds_credit() const;                ///< publishers wait: the queue is in `flow` (O47)
  bool idle() const;                            ///< nothing ready, unacked or waiting for the store

  /// Checks every invariant above; aborts on a violation. For tests and simulation: costs time linear in the content.
  void check() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace broker

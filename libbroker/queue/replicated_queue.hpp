// A replicated queue on one node: its replica, the log in the store, and exactly while it is the queue's master the
// queue itself (docs/internals/replication.md "The queue on top"; features.md Q01-Q20; guarantees.md G1-G3, R1-R7).
//
// The queue_state knows nothing of replication. A publish first becomes entries of the log; when they are committed it
// gets them, under their numbers in the log, and confirms and delivers. What has ended becomes one entry per step.
//
// Sans-IO: every call is one step. The caller attaches a client that wants facts to the store, passes its answers to
// `logged` and `read`, performs what the step asks for, and then pulls sends for links that have room (`wants_send`,
// `send`) or calls `pump`. What is to be written is handed to the store at once. Not thread-safe; `now_ms` is monotonic
// milliseconds everywhere.
// Invariants (asserted): the queue exists exactly while the replica is master; no message is in it that is not
// committed; one that is committed and not ended is.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "queue/live_index.hpp"
#include "queue/log_shim.hpp"
#include "queue/queue_state.hpp"
#include "replication/idle_channels.hpp"
#include "replication/log_recovery.hpp"
#include "replication/log_storage.hpp"
#include "replication/replica.hpp"
#include "replication/replica_timers.hpp"

namespace broker {

struct replicated_settings {
  queue_settings queue;
  replication::replica_settings replica;
  replication::log_storage_settings storage;
};

/// What one call asks the actor to do, besides what the store was given.
struct replicated_step {
  queue_step queue;
  std::vector<replication::outgoing> sends;
  std::vector<replication::placement_command> proposals;
  /// Requests for a master that this replica is not (any more, or yet), and publishes it refuses because it hands over
  /// or knows too many channels. Nothing was taken of them; a publish is still held.
  std::vector<queue_request> misdirected;
  bool took_office = false; ///< it is master now: channels may send
  bool deposed = false;     ///< it was: what was not confirmed is sent to the next one
  /// The log is to be given up: `start_again` under a new incarnation (T19, G7); `damaged`: and kept for inspection.
  bool damaged = false;
  bool start_over = false;
};

class replicated_queue {
public:
  /// T17. `found`: what recover_log makes of the store's content, of nothing for a new replica. `known` includes the
  /// registration of `inc`. `store` outlives this.
  replicated_queue(std::shared_ptr<const queue_record> record, replicated_settings settings,
                   replication::incarnation inc, replication::metadata_view known, message_store& store,
                   replication::recovered_log found, uint64_t now_ms, replicated_step& step);
  ~replicated_queue();

  // -- channels --
  void handle(queue_request request, uint64_t now_ms, replicated_step& step);
  void answered(const confirmed& what, uint64_t now_ms, replicated_step& step);
  void target_gone(queue_id target, uint64_t now_ms, replicated_step& step);
  void target_unreachable(queue_id target, epoch upto, uint64_t now_ms, replicated_step& step);
  void sent_to_master(queue_id target, confirm_number from, epoch mastership);

  // -- metadata --
  /// T1: the next version of the queue's record or of the nodes.
  void apply(std::shared_ptr<const queue_record> record, const replication::metadata_view& known, uint64_t now_ms,
             replicated_step& step);
  /// The node's session expired and it has registered again; the log stays.
  void reincarnate(replication::incarnation inc, replication::metadata_view known, uint64_t now_ms,
                   replicated_step& step);
  /// T19: with an empty log.
  void start_again(replication::incarnation inc, replication::metadata_view known, uint64_t now_ms,
                   replicated_step& step);
  /// The queue is deleted: as queue_state::deleted. The caller drops the store's content. Later requests are answered
  /// as for a missing queue, everything else is ignored.
  void deleted(replicated_step& step);

  // -- other replicas --
  void receive(replication::node_id from, const replication::envelope& message, uint64_t now_ms, replicated_step& step);
  /// Not of a little while the mirror has not acknowledged what it was sent before: the acknowledgement comes with the
  /// next step, and what has gathered until then goes together. `tick` sends it all the same.
  bool wants_send(replication::node_id to) const { return replica_->wants_send(to) && !gathers(to); }
  void send(replication::node_id to, uint64_t now_ms, replicated_step& step);
  /// What the master wants of the metadata, once nothing more is to be sent.
  void propose_changes(uint64_t now_ms, replicated_step& step);
  /// All of these.
  void pump(uint64_t now_ms, replicated_step& step);
  /// False: `to` is not in sync, or this is not the master. Until it has happened, or is called off, publishes are
  /// given back.
  bool begin_hand_over(replication::node_id to, uint64_t now_ms, replicated_step& step);
  void cancel_hand_over() { replica_->cancel_hand_over(); }

  // -- the store --
  void logged(uint64_t upto, uint64_t now_ms, replicated_step& step); ///< store_client::on_logged
  void read(const std::vector<stored_run>& runs, const std::vector<message_facts>& facts, uint64_t now_ms,
            replicated_step& step); ///< store_client::on_read_with_facts

  /// From the next step on: does the node hold a session, so that nobody else can be master (G5)? A master without one
  /// hands out nothing.
  void lease(bool valid);
  /// replication::replica::keep_in_memory
  void keep_in_memory(size_t tail_bytes, size_t described_bytes) {
    replica_->keep_in_memory(tail_bytes, described_bytes);
  }
  void tick(uint64_t now_ms, replicated_step& step); ///< as asked for by queue_step::tick_in_ms
  void under_pressure(uint64_t now_ms, replicated_step& step);
  /// Every limits::replication_channel_idle_ms: channels whose end nobody has told are forgotten. True: there are more,
  /// call it again soon.
  bool forget_idle_channels(uint64_t now_ms, replicated_step& step);

  /// As queue_state::look; false also of a replica that is not the master.
  bool look(const look_order& order, uint64_t now_ms, replicated_step& step);

  // -- what is known of it --
  /// Of the master's queue. Nothing of a mirror.
  std::optional<queue_flow> flow() const;
  const queue_state* queue() const noexcept { return queue_.get(); } ///< null: not master
  const replication::replica& replica() const noexcept { return *replica_; }
  /// Messages the log holds, committed or not, ended by nothing that is committed: what list_queues tells of a mirror.
  uint64_t messages_logged() const noexcept { return live_.messages(); }
  /// Of them those the queue does not have yet because they are not committed.
  uint64_t messages_uncommitted() const;

  /// Of the numbers, deadlines and priorities of these messages up to `upto`: replicas that have committed as much have
  /// the same up to there. Walks over all of them; for tests and simulation.
  uint64_t digest(seqno upto = UINT64_MAX) const { return live_.digest(upto); }
  /// They themselves, rising. For tests and simulation.
  std::vector<recovered_run> messages(seqno upto) const { return live_.without({{upto + 1, UINT64_MAX}}); }
  /// Aborts if an invariant is broken; for tests and simulation. `from`: entries of its log up to there were looked at
  /// before, and committed then.
  void check(seqno from = 0) const;

private:
  /// A publish that was in the log when it was sent again: confirmed when entry `at` is committed.
  struct repeated {
    seqno at = 0;
    channel_ref channel;
    seq_range numbers;
  };

  bool gathers(replication::node_id to) const;
  void publish(publish_request request, uint64_t now_ms, replicated_step& step);
  void finish(uint64_t now_ms, replicated_step& step);
  bool perform(uint64_t now_ms, replicated_step& step);
  bool take_from_queue();
  void answer(replication::read_answer what, uint64_t now_ms, replicated_step& step);
  void ask_for_tick(uint64_t now_ms, replicated_step& step);
  bool needs_time() const;

  void take_office(uint64_t now_ms, replicated_step& step);
  void leave_office(replicated_step& step);
  void commit(uint64_t now_ms, replicated_step& step);
  std::vector<logged_publish> take_committed(seqno upto);
  seqno known_delivered() const;

  void refuse_what_has_no_room(publish_request& request, replicated_step& step);
  void decide(const publish_request& request, uint64_t now_ms, replication::publish_order& order,
              std::vector<place_in_log>& places) const;
  void keep(const publish_request& request, const replication::publish_order& order,
            const std::vector<place_in_log>& places, const replication::publish_outcome& done, replicated_step& step);

  std::shared_ptr<const queue_record> record_;
  replicated_settings settings_;
  queueing::log_shim shim_;
  replication::log_storage storage_;
  queueing::live_index live_;
  replication::effects effects_; ///< of the step under way
  std::optional<replication::replica> replica_;
  replication::replica_timers timers_;
  uint64_t timers_due_ms_ = 0;
  seqno delivered_found_ = 0; ///< of the life before
  seqno delivered_told_ = 0;  ///< to the store
  bool deleted_ = false;
  bool lease_valid_ = true;

  // -- while master --
  std::unique_ptr<queue_state> queue_;
  uint64_t office_ = 0;                ///< counts them: an answer to a read of an earlier one is recognised
  std::deque<recovered_run> withheld_; ///< of earlier masters, not committed yet; rising
  std::deque<logged_publish> waiting_; ///< of this one; rising; each holds its batch
  std::vector<repeated> repeated_;
  /// Of channels whose last publish was refused for want of room and is in no log: it, and what it followed. Bounded by
  /// the channels that publish; a channel that ends is taken out.
  struct refused_publish {
    uint64_t last = 0;
    uint64_t before = 0;
  };
  std::map<replication::channel_id, refused_publish> refused_;
  replication::idle_channels idle_channels_;
  bool purging_ = false;
};

} // namespace broker

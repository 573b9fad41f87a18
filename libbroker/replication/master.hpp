// What a replica does while it is its queue's master: takes publishes and settles, sends them to every other replica,
// commits what all in-sync ones have on disk, proposes changes of the in-sync set, brings joiners in without blocking
// anyone (replication.md T3-T5, T9-T15). Empty on taking office. Part of replica, which owns the core.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "replication/core.hpp"
#include "replication/peer.hpp"

namespace broker::replication {

/// Publishes of one channel to this queue, as they came in one batch. Their numbers are the confirm numbers
/// batch->first_confirm + index; a channel that is `none` numbers nothing and is never taken for a duplicate.
struct publish_order {
  channel_id channel;
  batch_ref batch;
  std::vector<slice> slices; ///< rising
  uint64_t prev = 0;         ///< number of the channel's publish to this queue before these; 0 = none
  /// Of the messages of each slice, when anything is special about one: the queue knows (features.md W48, W55).
  std::vector<message_facts> facts{};
};

/// What became of them.
struct publish_outcome {
  seqno first = 0;         ///< appended as first .. last, densely
  seqno last = 0;          ///< 0: nothing was appended
  uint32_t duplicates = 0; ///< already in the log, from an earlier send: confirm when `confirm_at` is committed
  seqno confirm_at = 0;
  bool gap = false;         ///< something before them is missing: the channel sends again from `last_number` on
  uint64_t last_number = 0; ///< the channel's last publish in the log (T4)
  bool refused = false;     ///< handing over, or more channels than limits::replication_channels_max
};

class master {
public:
  /// T3. The whole log is truth.
  void take_office(replica_core& core);
  /// T1, still in office: `before` is what was known until now.
  void metadata_changed(replica_core& core, const metadata_view& before, effects& out);

  publish_outcome publish(replica_core& core, const publish_order& order, effects& out);
  /// Entries without bodies: settle, purge, forget. Its seq.
  seqno note(replica_core& core, entry_kind kind, origin from, std::vector<seq_range> ranges, effects& out);

  void receive(replica_core& core, node_id from, incarnation inc, const append_ok& message, effects& out);
  void receive(replica_core& core, node_id from, incarnation inc, const append_reject& message, effects& out);
  void receive(replica_core& core, node_id from, incarnation inc, const copy_ok& message, effects& out);
  /// T11.
  void commit(replica_core& core, effects& out);

  // -- T5, T15: pulled by the actor when the link has room, so that what came together is sent together --
  bool wants_send(const replica_core& core, node_id to) const;
  void send(replica_core& core, node_id to, effects& out);
  void log_read(replica_core& core, node_id to, uint64_t ticket, std::optional<std::vector<log_run>> runs,
                effects& out);
  void live_read(replica_core& core, node_id to, uint64_t ticket, seqno upto, std::vector<live_run> live, effects& out);

  // -- T12-T14 --
  /// Adds or removes `who` if that is due. True if something was proposed.
  bool propose_change(replica_core& core, node_id who, effects& out);
  /// R7: it holds everyone up. True if its removal was proposed. `barred` until `pardon`.
  bool remove_slow(replica_core& core, node_id who, effects& out);
  void pardon(node_id who);
  void repeat_pending(effects& out);
  /// T10, last part: nothing acknowledged for a while. It is asked as at first (T3): what it lacks, if anything, it
  /// must say itself, since its words may only be late.
  void probe_again(const replica_core& core, node_id who);
  /// Tells idle mirrors of the last commit, so that they may forget what has ended, and of what was delivered (G2).
  void announce(const replica_core& core);

  // -- drain --
  /// From now on publishes are refused; when `to` has everything the metadata is asked. False: not in sync.
  bool begin_hand_over(const replica_core& core, node_id to);
  void cancel_hand_over() noexcept { hand_over_to_ = {}; }
  /// Proposes if everything is over there. Repeat until it has happened.
  bool propose_hand_over(const replica_core& core, effects& out);

  const std::vector<peer>& peers() const noexcept { return peers_; }
  const peer* find(node_id node) const;
  const std::optional<alter_isr>& pending() const noexcept { return pending_; }
  seqno office() const noexcept { return office_; }
  bool handing_over() const noexcept { return hand_over_to_.node != 0; }
  /// The metadata has been asked; asking again is for a timer.
  bool hand_over_asked() const noexcept { return hand_over_asked_; }

  void describe(std::string& out) const;

private:
  peer* find(node_id node) { return const_cast<peer*>(std::as_const(*this).find(node)); }
  void list_peers(const replica_core& core);
  seqno counted(const replica_core& core) const;
  bool append_slice(replica_core& core, const publish_order& order, size_t which, uint64_t prev, publish_outcome& done,
                    effects& out);
  void append_runs(replica_core& core, const log_run& whole, publish_outcome& done, effects& out);
  bool wants_copy(const replica_core& core, const peer& to) const;
  static seqno step_back(const replica_core& core, peer& who, seqno hint);
  void begin_copy(replica_core& core, peer& to, effects& out);
  void read_copy(replica_core& core, peer& to, effects& out);
  void send_from_memory(replica_core& core, peer& to, effects& out);
  void send_runs(replica_core& core, peer& to, std::vector<log_run> runs, effects& out);
  void propose(const replica_core& core, std::vector<member> isr, effects& out);
  bool may_add(const replica_core& core, const peer& who) const;
  bool gone(const replica_core& core, const member& listed) const;

  std::vector<peer> peers_; ///< every other replica, rising by node
  seqno office_ = 0;        ///< log length when it took office
  std::optional<alter_isr> pending_;
  member hand_over_to_;
  bool hand_over_asked_ = false;
};

} // namespace broker::replication

// One replica of a queue on one node: the replication protocol as a state machine (docs/internals/replication.md,
// replication.md T1-T19). Mirror or master by what the metadata says, changed in place (architecture.md D6).
//
// Every call is one step; what is to be done is appended to `effects`. After each step the actor performs the effects
// and pulls sends for links that have room (`wants_send`, `send`) and proposals (`propose_change`), or calls `pump`.
// It reads no clock: `replica_timers` decides what time decides. A value: copies are independent. Not thread-safe.
// Asserted always: I2 (a master's log has no hole), I3 (one master per epoch), I4 (no committed entry is cut off, no
// commit above the log), I5 (commit <= own durable), epochs and commits only rise.
#pragma once

#include <optional>
#include <string>

#include "replication/core.hpp"
#include "replication/master.hpp"
#include "replication/mirror.hpp"

namespace broker::replication {

enum class role : uint8_t {
  mirror, ///< in the in-sync set
  joiner, ///< not, or not yet
  master,
};

class replica {
public:
  /// T17. `log` as recovered (replica_log::replay, recovered), or a new one. `inc` is this life's incarnation, which is
  /// registered before anything else happens; `known` includes that registration.
  /// An unfinished copy is emptied; a log that nothing is known of begins empty: `out` says what to write.
  replica(replica_settings settings, incarnation inc, metadata_view known, replica_log log, effects& out);

  /// The session expired: the process registered again under `inc`, which `known` includes. The log stays.
  void reincarnate(incarnation inc, metadata_view known, effects& out);
  /// T1: the next version of the metadata.
  void apply(const metadata_view& next, effects& out);
  void receive(node_id from, const envelope& message, effects& out);
  /// replica_settings::tail_bytes and described_bytes from now on; what is too much goes.
  void keep_in_memory(size_t tail_bytes, size_t described_bytes);
  /// The store: every write up to `number` is on disk.
  void written(write_number number, effects& out);

  // -- while master (asserted) --
  publish_outcome publish(const publish_order& order, effects& out);
  /// Messages have ended (acked, expired, dropped). Returns the entry's seq.
  seqno settle(std::vector<seq_range> ended, effects& out);
  /// A purge ended these messages.
  seqno purge(std::vector<seq_range> ended, effects& out);
  /// The channel has ended and will send nothing again. 0: it had nothing in the log.
  seqno forget(const channel_id& channel, effects& out);
  /// Everything below `upto` has been delivered once.
  void delivered(seqno upto);

  // -- pulled by the actor; nothing happens unless master --
  bool wants_send(node_id to) const;
  void send(node_id to, effects& out);
  bool propose_change(node_id who, effects& out);
  /// Every change of the in-sync set that is due, and the hand-over if everything is over there.
  void propose_changes(effects& out);
  /// All of the above for every peer, as far as windows allow.
  void pump(effects& out);
  void log_read(node_id to, uint64_t ticket, std::optional<std::vector<log_run>> runs, effects& out);
  void live_read(node_id to, uint64_t ticket, seqno upto, std::vector<live_run> live, effects& out);

  // -- what time decides (replica_timers); nothing happens unless master --
  bool remove_slow(node_id who, effects& out);
  void pardon(node_id who);
  void probe_again(node_id who);
  void repeat_pending(effects& out);
  void announce();
  /// T18, any role: repeats the inventory if the metadata still waits for it.
  void report(effects& out) const;

  // -- drain --
  bool begin_hand_over(node_id to);
  void cancel_hand_over();
  bool propose_hand_over(effects& out);

  // -- what is known of it --
  role what() const;
  bool is_master() const { return master_.has_value(); }
  const master* office() const { return master_ ? &*master_ : nullptr; }
  const replica_log& log() const noexcept { return core_.log; }
  const metadata_view& known() const noexcept { return core_.known; }
  broker::epoch mastership() const noexcept { return core_.mastership; }
  incarnation inc() const noexcept { return core_.inc; }
  seqno commit() const noexcept { return core_.commit; }
  seqno matched() const noexcept { return core_.matched; }
  seqno delivered_upto() const noexcept { return core_.delivered_upto; }
  /// What this log would tell in a recovery (T18).
  inventory stock() const;
  /// Messages that settles and purges beyond the commit end: a master that takes office does not hand them out.
  std::vector<seq_range> ended_above_commit() const;
  /// The store must be able to give entries back from here on (`log_read`), as long as its disk has room.
  seqno needed_from() const;

  void describe(std::string& out) const;
  /// Aborts if an invariant is broken; for tests and simulation. `from`: entries up to there were looked at before, and
  /// committed then.
  void check(seqno from = 0) const;

private:
  void leave_office(effects& out);
  void settle_role(bool was, const metadata_view& before, effects& out);

  replica_core core_;
  mirror mirror_;
  std::optional<master> master_; ///< exactly while is_master by what is known
};

} // namespace broker::replication

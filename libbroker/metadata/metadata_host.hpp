// Drives the metadata of one node without an actor or a clock: owns metadata_state and its consensus group and carries
// the group's effects out against the store (consensus.md section 6). What an actor or a simulator calls;
// single-threaded.
//
// propose() only queues. flush() makes everything queued durable with one synced write, applies it in order and gives
// the answers (group commit). Snapshots are taken between flushes, so that no answer waits for one.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "consensus/single_group.hpp"
#include "metadata/metadata_state.hpp"
#include "ports/metadata_store.hpp"

namespace broker {

struct metadata_host_settings {
  metadata_settings metadata;
  consensus::single_group_settings group;
};

/// The answer to one proposal. `result` counts only when `what` is ok.
struct metadata_completion {
  consensus::ticket id = 0;
  consensus::outcome what = consensus::outcome::ok;
  command_result result;
};
struct metadata_flush {
  std::vector<metadata_completion> done;
  std::vector<metadata_change> changes; ///< of all commands, in order
};

class metadata_host {
public:
  /// `store` outlives the host.
  metadata_host(metadata_host_settings settings, metadata_store& store);

  /// Loads, restores and replays; afterwards the state is what every answer before the last stop said. What queues were
  /// created or deleted meanwhile is not reported: the caller compares its queues' files with snapshot(). Once, first.
  /// Errors: the store's, or stored bytes this version does not understand. The node must not start then (G7).
  result<void> open();

  /// Queues a command; its answer comes with a later flush(). Above limits::metadata_proposals_max that answer is
  /// `overloaded`.
  void propose(consensus::ticket id, const command& what);
  bool has_pending() const noexcept { return !pending_.append.empty() || !pending_.done.empty(); }
  /// One durable write for everything proposed. An error is a failed write: the node must end (G6) and nothing of this
  /// flush may be answered.
  result<metadata_flush> flush();

  /// The log has grown enough. Call take_snapshot() when there is time: it costs time linear in the state.
  bool snapshot_due() const noexcept;
  /// Errors as flush().
  result<void> take_snapshot();

  snapshot_ptr snapshot() const { return state_.snapshot(); }
  const metadata_state& state() const noexcept { return state_; }
  uint64_t applied_index() const noexcept { return applied_.index; }

private:
  void collect(consensus::effects effects);
  result<void> write(const consensus::effects& effects);
  /// Applies committed entries; answers go to `out` with the tickets of `done`.
  result<void> apply(const consensus::effects& committed, metadata_flush* out);

  const metadata_host_settings settings_;
  metadata_store& store_;
  metadata_state state_;
  std::optional<consensus::single_group> group_;
  consensus::effects pending_; ///< of proposals not yet flushed
  consensus::snapshot_meta applied_;
  bool snapshot_wanted_ = false;
  size_t log_bytes_ = 0;      ///< since the last snapshot
  size_t snapshot_bytes_ = 0; ///< of the last snapshot
};

} // namespace broker

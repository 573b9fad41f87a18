// Raft as a consensus::group: docs/internals/consensus.md. Sans-IO and deterministic: time comes by tick(), randomness
// from settings::seed, and the same calls give the same effects.
//
// What the host owes it, besides carrying out effects in order:
//   - tick() at least every heartbeat, or at next_tick() with at() before every other call; stalls cost elections,
//     never safety;
//   - persisted() only for what a power failure cannot take back;
//   - a node that has lost its store comes back under a new id: under its old one it could vote away what it had acked.
//     (A blank node with an empty settings::bootstrap refuses to vote.)
//   - messages only from authenticated members, under their own id; reordered, repeated or lost is fine.
// After effects::contradiction the node ends.
#pragma once

#include <memory>

#include "consensus/consensus.hpp"
#include "raft/settings.hpp"

namespace broker::raft {

struct core;

/// Not thread-safe; one owner. Every call after start().
class group final : public consensus::group {
public:
  /// `found` as reconcile() left it. Settings must pass check().
  group(settings how, consensus::restart found);
  ~group() override;
  group(group&&) noexcept;

  consensus::effects start() override;
  consensus::effects tick(consensus::time_ms now) override;
  void at(consensus::time_ms now) override;
  consensus::time_ms next_tick() const override;
  /// Bytes that are no message for this member are ignored.
  consensus::effects recv(consensus::node_id from, std::string_view message) override;
  consensus::effects ended(consensus::node_id who) override;
  /// `refused` above limits::raft_entry_max_bytes; `busy` while leadership is handed over.
  consensus::effects propose(consensus::ticket id, std::string command) override;
  consensus::effects flush() override;
  consensus::effects read_barrier(consensus::ticket id,
                                  consensus::read_haste haste = consensus::read_haste::at_once) override;
  consensus::effects add_learner(consensus::ticket id, consensus::node_id who) override;
  /// `refused` until the learner has everything that is committed.
  consensus::effects promote(consensus::ticket id, consensus::node_id who) override;
  /// Of the leader itself too: it leads until that is committed.
  consensus::effects remove(consensus::ticket id, consensus::node_id who) override;
  consensus::effects transfer(consensus::ticket id, consensus::node_id to) override;
  consensus::effects persisted(uint64_t index, uint64_t term) override;
  consensus::effects applied(uint64_t index) override;
  consensus::effects snapshot_stored(const consensus::snapshot_meta& meta) override;
  consensus::effects snapshot_installed(const consensus::snapshot_meta& meta) override;
  consensus::effects snapshot_read(const consensus::snapshot_request& request, uint64_t size,
                                   std::optional<std::string_view> bytes) override;
  consensus::role state() const override;
  uint64_t term() const override;
  std::optional<consensus::node_id> leader() const override;
  const consensus::membership& members() const override;
  consensus::snapshot_meta snapshot_point() const override;

  uint64_t commit_index() const;
  uint64_t last_index() const;
  size_t outstanding() const; ///< proposals without an answer

private:
  std::unique_ptr<core> core_;
};

} // namespace broker::raft

// A consensus group of one (consensus.md section 6): no messages and no elections, but the same durability as any
// group: the term rises and is stored at each start, a no-op of the new term is the first entry, and an entry is
// applied only once the host has reported it persisted. Whatever needs other members is refused, never pretended.
//
// Invariants: indexes are dense; applied <= persisted <= last; every proposal is completed exactly once.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "base/limits.hpp"
#include "consensus/consensus.hpp"

namespace broker::consensus {

struct single_group_settings {
  node_id self = 1;
  size_t proposals_max = limits::metadata_proposals_max;
  size_t snapshot_after_entries = limits::metadata_snapshot_entries;
};

class single_group final : public group {
public:
  single_group(single_group_settings settings, restart found);

  /// The first step, once: the new term and its no-op. When that is persisted the whole log is applied.
  effects start() override;

  effects tick(time_ms now) override;
  effects recv(node_id from, std::string_view message) override;
  /// `overloaded` above proposals_max; `not_leader` before the no-op has been persisted.
  effects propose(ticket id, std::string command) override;
  /// Completed once everything proposed so far is applied.
  effects read_barrier(ticket id) override;
  effects flush() override { return {}; }
  effects add_learner(ticket id, node_id who) override;
  effects promote(ticket id, node_id who) override;
  effects remove(ticket id, node_id who) override;
  effects transfer(ticket id, node_id to) override;
  effects persisted(uint64_t index, uint64_t term) override;
  effects applied(uint64_t index) override;
  effects snapshot_stored(const snapshot_meta& meta) override;
  effects snapshot_installed(const snapshot_meta& meta) override;
  effects snapshot_read(const snapshot_request& request, uint64_t size, std::optional<std::string_view> bytes) override;
  role state() const override;
  uint64_t term() const override { return state_.term; }
  std::optional<node_id> leader() const override;
  const membership& members() const override { return members_; }
  snapshot_meta snapshot_point() const override { return {applied_, applied_term_, members_}; }

  size_t outstanding() const noexcept { return waiting_.size(); }

private:
  /// Completed when `index` is applied.
  struct waiter {
    ticket id = 0;
    uint64_t index = 0;
  };

  bool leads() const noexcept { return started_ && applied_ >= first_index_; }
  entry& append(entry::kind type, std::string data);

  const single_group_settings settings_;
  const membership members_;
  hard_state state_;
  std::deque<entry> unapplied_; ///< everything above applied_ handed to the host
  std::deque<waiter> waiting_;  ///< by index
  uint64_t last_ = 0;
  uint64_t persisted_ = 0;
  uint64_t handed_out_ = 0; ///< given to the host to apply
  uint64_t applied_ = 0;
  uint64_t applied_term_ = 0;
  uint64_t handed_out_term_ = 0;
  uint64_t snapshot_ = 0;    ///< index of the newest snapshot
  uint64_t first_index_ = 0; ///< of this term's no-op
  bool started_ = false;
  bool snapshot_wanted_ = false;
};

} // namespace broker::consensus

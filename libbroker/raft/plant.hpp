// Mistakes to plant: each breaks one rule of the core on purpose, and a checker of unit_test/raft must notice
// (guarantees.md section 7). Only the tests' own build of the core has them (WARREN_RAFT_PLANTS); in every other build
// planted() is the constant false and costs nothing.
#pragma once

#include <cstdint>

namespace broker::raft {

enum class plant : uint8_t {
  none,
  vote_twice_per_term,
  term_not_persisted,
  vote_not_persisted,
  commit_old_term_by_count,
  apply_twice,
  lose_promotion,
  ack_beyond_checked_prefix,
  ack_before_persisted,
  config_rollback_forgotten,
  snapshot_with_uncommitted_config,
  answer_after_term_change,
  read_without_quorum,
  stale_chunk_accepted,
  transfer_without_catch_up,
  vote_for_a_shorter_log,
  commit_beyond_checked_prefix,
  two_changes_at_once,
  learner_counts_as_voter,
  leader_never_steps_down,
  proposal_answered_when_appended,
};

#ifdef WARREN_RAFT_PLANTS
/// Which mistake this process makes.
inline plant planted_mistake = plant::none;
inline bool planted(plant what) {
  return planted_mistake == what;
}
#else
constexpr bool planted(plant) {
  return false;
}
#endif

} // namespace broker::raft

// Mistakes that tests plant into the protocol to prove that the explorer and the simulator can find them. In every
// build but that of unit_test/replication a plant is the constant false: nothing of it is left in the code.
// Only .cpp files of this folder may ask: the test programs compile them a second time, with the hook.
#pragma once

#include <cstdint>

namespace broker::replication {

enum class plant : uint8_t {
  remove_early,       ///< a removal counts before it is committed
  old_inc_ack,        ///< an ack of an old incarnation counts
  join_short,         ///< a joiner is added one entry short
  hw_truncate,        ///< truncate by watermark at a new epoch
  promote_outside,    ///< promote outside the in-sync set
  shortest,           ///< promote the shortest log after power loss
  stale_epoch,        ///< accept appends of an older epoch
  no_own_fsync,       ///< confirm before the own fsync
  keep_inc,           ///< keep the incarnation across a restart (planted in the test's node)
  deliver_early,      ///< deliver above the commit (planted in the test's node)
  join_uncounted,     ///< a joiner is not counted from its proposal on
  ack_before_fsync,   ///< a mirror acks before its fsync
  ack_log_end,        ///< a mirror keeps its log's end and acks that, not the matched prefix
  no_version_check,   ///< alter_isr without V, repeated
  no_dedupe,          ///< a publish sent again is appended again
  gap_publish,        ///< a publish is accepted over a gap
  add_stale_inc,      ///< the added incarnation is not compared when the command applies
  known_epoch,        ///< recovery compares the known epoch instead of the last entry's
  forget_pending,     ///< a timed-out proposal is forgotten
  recover_all,        ///< all that reported are current after recovery
  wiped_eligible,     ///< an emptied log is eligible in recovery
  ack_in_copy,        ///< ack while the copy has a hole
  wipe_in_place,      ///< a log is emptied under the same incarnation
  min_at_publish,     ///< min_in_sync is checked when publishing only
  promote_shrinks,    ///< promote takes dead members out (R3 as first written)
  register_shrinks,   ///< register takes the node out of its in-sync sets (R6 as first written)
  join_at_commit,     ///< a joiner needs the commit only (R4 as first written)
  forget_early,       ///< settled messages are forgotten before their settle is committed
  copy_from_end,      ///< the copy reaches above the commit (C9)
  copy_no_dedupe,     ///< the copy carries no de-duplication table (C15)
  copy_drops_settles, ///< settles that arrive during a copy are dropped
  keep_dedupe,        ///< truncation does not take the de-duplication table back
  hand_over_outside,  ///< hand-over to a replica outside the in-sync set
  start_over_any,     ///< a replica empties its log on a word that was meant for an earlier life of it
  purge_all,          ///< a mirror forgets everything at a purge, not what the master purged
  keep_copy_inc,      ///< a node that has lost its copy is still the same incarnation when it is given one again
  count_plants,
};

#ifdef WARREN_REPLICATION_PLANTS
/// Which mistakes are planted, one bit each. Set by the test programs.
extern uint64_t planted_mistakes;
inline bool planted(plant which) {
  return (planted_mistakes >> static_cast<unsigned>(which) & 1) != 0;
}
#else
constexpr bool planted(plant) {
  return false;
}
#endif

} // namespace broker::replication

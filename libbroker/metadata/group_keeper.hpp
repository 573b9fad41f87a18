// The group's members follow the table of nodes (architecture.md D9): who is registered becomes a learner, who is up a
// voter while there are fewer than limits::metadata_voters_max, who was forgotten leaves. Whichever node leads looks
// again and again, so that a change begun by a leader that died is finished by the next. Pure.
#pragma once

#include "consensus/consensus.hpp"
#include "metadata/metadata_state.hpp"

namespace broker {

struct membership_step {
  enum class kind : uint8_t { none, add_learner, promote, remove, transfer };
  kind what = kind::none;
  consensus::node_id who = 0;
};

/// What the leader `self` should do next. `tried`: the learner whose promotion was tried last, so that one that does
/// not catch up does not keep the others from it.
membership_step next_membership_step(const consensus::membership& members, const metadata_state& state,
                                     consensus::node_id self, consensus::node_id tried);

} // namespace broker

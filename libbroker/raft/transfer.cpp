// Handing leadership over (Ongaro's thesis, section 3.10): new proposals are refused, the other catches up, then it is
// told to campaign at once. If it does not take over within an election timeout this leader goes on.
#include "base/assert.hpp"
#include "raft/core.hpp"

namespace broker::raft {

void core::transfer(ticket id, node_id to) {
  BROKER_ASSERT(started_, "start() comes first");
  if (!leads())
    return complete(id, outcome::not_leader);
  if (handover_)
    return complete(id, outcome::busy);
  if (to == settings_.self || !is_voter(log_.members(), to))
    return complete(id, outcome::refused);
  handover_ = handover{id, to, now_ + settings_.election_max_ms, false};
}

void core::advance_transfer() {
  if (!handover_ || handover_->sent)
    return;
  // No change of membership begins meanwhile.
  BROKER_ASSERT(handover_->to != settings_.self && is_voter(log_.members(), handover_->to), "handed over to a voter");
  if (match_of(handover_->to) < log_.last() && !planted(plant::transfer_without_catch_up))
    return;
  send(handover_->to, timeout_now{});
  handover_->sent = true; // again at the next heartbeat, should it get lost
}

void core::on_timeout_now(node_id from, uint64_t term) {
  BROKER_ASSERT(term == state_.term, "checked before");
  if (leads() || leader_ != from || !can_campaign())
    return;
  campaign(true);
}

} // namespace broker::raft

// Proposals and membership changes at the leader.
//
// A change is one config entry. It is in force once appended; the next one may follow when it is committed, and the
// first one of a term when the term's first entry is (Ongaro, raft-dev 2015: otherwise two leaders could each commit
// with majorities that do not meet).
#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "raft/core.hpp"

namespace broker::raft {

std::optional<outcome> core::why_not(size_t bytes) const {
  if (!leads())
    return outcome::not_leader;
  if (handover_)
    return outcome::busy;
  if (bytes > limits::raft_entry_max_bytes)
    return outcome::refused;
  if (waiting_.size() >= settings_.proposals_max || waiting_bytes_ + bytes > settings_.proposal_bytes_max)
    return outcome::overloaded;
  return std::nullopt;
}

void core::append_own(entry::kind type, std::string data) {
  BROKER_ASSERT(leads(), "only a leader adds entries");
  log_.append({log_.last() + 1, state_.term, type, std::move(data)});
  BROKER_ASSERT(log_.last_term() == state_.term, "in its own term");
}

void core::propose(ticket id, std::string command) {
  BROKER_ASSERT(started_, "start() comes first");
  const size_t bytes = command.size();
  if (const auto why = why_not(bytes))
    return complete(id, *why);
  append_own(entry::kind::command, std::move(command));
  waiting_.push_back({id, log_.last(), bytes});
  waiting_bytes_ += bytes;
  if (planted(plant::proposal_answered_when_appended)) {
    complete(id, outcome::ok, log_.last());
    waiting_bytes_ -= bytes;
    waiting_.pop_back();
  }
}

bool core::is_caught_up(node_id who) const {
  const auto at = peers_.find(who);
  return at != peers_.end() && at->second.match() >= commit_ && commit_ >= term_start_
      && now_ - at->second.heard() < settings_.election_max_ms;
}

void core::add_learner(ticket id, node_id who) {
  change(id, leads() && who != 0 ? with_learner(log_.members(), who) : std::nullopt);
}

// A voter that lags would make the group wait for it.
void core::promote(ticket id, node_id who) {
  change(id, leads() && is_caught_up(who) ? with_promoted(log_.members(), who) : std::nullopt);
}

void core::remove(ticket id, node_id who) {
  change(id, leads() ? without(log_.members(), who) : std::nullopt);
}

void core::change(ticket id, const std::optional<membership>& to) {
  BROKER_ASSERT(started_, "start() comes first");
  if (const auto why = why_not(0))
    return complete(id, *why);
  if (commit_ < term_start_ || (log_.members_index() > commit_ && !planted(plant::two_changes_at_once)))
    return complete(id, outcome::busy);
  if (!to)
    return complete(id, outcome::refused);
  BROKER_ASSERT(is_one_step(log_.members(), *to), "one member at a time");
  append_own(entry::kind::config, encode_membership(*to));
  BROKER_ASSERT(log_.members_index() == log_.last() || planted(plant::lose_promotion), "in force at once");
  waiting_.push_back({id, log_.last(), 0});
  update_peers();
}

// A leader that is no voter any more leads until that is committed (Ongaro's thesis, section 4.2.2); then whoever has
// everything may take over without waiting for its timer.
void core::leave_if_removed(uint64_t applied_config) {
  BROKER_ASSERT(applied_config <= commit_, "a removal counts once it is committed");
  if (is_voter(log_.members_at(applied_config), settings_.self))
    return;
  for (const node_id who : log_.members().voters)
    if (match_of(who) == log_.last()) {
      send(who, timeout_now{});
      break;
    }
  become_follower(state_.term, 0);
}

} // namespace broker::raft

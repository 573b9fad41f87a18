// A follower: what the leader sends is checked against the log, stored, and answered once it is durable.
//
// Two rules that libraft 0.15 broke (docs/internals/consensus.md): an answer covers only what *this* leader's appends
// have been checked up to, never the whole stored log (S2); and the commit index never passes that prefix either (S4).
#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "raft/core.hpp"

namespace broker::raft {

void core::contradict(std::string what) {
  if (!out_.contradiction)
    out_.contradiction = std::move(what);
}

bool core::accept_leader(node_id from, uint64_t term, uint64_t asked) {
  if (term < state_.term) {
    // An old leader that was cut off: our term ends its reign.
    send(from, append_answer{false, 0, 0, asked, 0, 0, 0});
    return false;
  }
  if (term == state_.term && (leads() || (leader_ != 0 && leader_ != from))) {
    contradict("node " + std::to_string(from) + " claims to lead term " + std::to_string(term) + ", but node "
               + std::to_string(leader_) + " does");
    return false;
  }
  become_follower(term, from);
  BROKER_ASSERT(leader_ == from && !leads(), "one leader in a term");
  leader_heard_ = now_;
  election_since_ = now_;
  if (election_timeout_ < settings_.election_min_ms) // it was taken for ended
    reset_election_timer();
  // What is committed is in every later leader's log (section 5.4).
  checked_ = std::max(checked_, commit_);
  return true;
}

void core::on_append(node_id from, uint64_t term, append_request& request) {
  if (!accept_leader(from, term, request.prev_index))
    return;
  round_seen_ = std::max(round_seen_, request.round);
  if (installing()) // frozen; the leader hears that we live
    return answer_leader();
  const bool has_entries = !request.entries.empty();
  const uint64_t upto = request.prev_index + request.entries.size();
  const uint64_t asked = request.prev_index;
  const uint64_t prev_term = request.prev_term;
  if (!take_entries(request)) {
    if (!out_.contradiction)
      reject(from, asked, prev_term);
    return;
  }
  checked_ = std::max(checked_, upto);
  BROKER_ASSERT(checked_ <= log_.last(), "what is checked is in the log");
  const uint64_t known = planted(plant::commit_beyond_checked_prefix) ? log_.last() : checked_;
  const uint64_t committed_before = std::exchange(commit_, std::max(commit_, std::min(request.commit, known)));
  // One answer per append: entries are answered for when they are durable, in persisted(), and word of a commit asks
  // for nothing. A new round is answered at once: reads wait for it. So is everything else, heartbeats and probes.
  const bool durable_later = has_entries && upto > persisted_;
  const bool tells_a_commit = !has_entries && commit_ > committed_before && std::min(checked_, persisted_) == answered_;
  if (round_seen_ > round_answered_ || !(durable_later || tells_a_commit))
    answer_leader();
}

// Drops from the request what is committed here and verifies as much of it as is still in memory.
bool core::take_committed_part(append_request& request) {
  if (request.prev_index >= log_.base() && request.prev_index <= commit_
      && !log_.holds(request.prev_index, request.prev_term)) {
    contradict("node " + std::to_string(leader_) + " has another entry " + std::to_string(request.prev_index)
               + " than the one committed here");
    return false;
  }
  size_t known = 0;
  for (; known < request.entries.size() && request.entries[known].index <= commit_; ++known) {
    const entry& one = request.entries[known];
    if (one.index >= log_.base() && !log_.holds(one.index, one.term)) {
      contradict("node " + std::to_string(leader_) + " sends another entry " + std::to_string(one.index)
                 + " than the one committed here");
      return false;
    }
  }
  request.entries.erase(request.entries.begin(), request.entries.begin() + static_cast<std::ptrdiff_t>(known));
  return true;
}

bool core::take_entries(append_request& request) {
  if (request.prev_index <= commit_) {
    if (!take_committed_part(request))
      return false;
  } else if (request.prev_index > log_.last() || !log_.holds(request.prev_index, request.prev_term)) {
    return false;
  }
  for (entry& one : request.entries) {
    if (one.index <= log_.last()) {
      if (log_.holds(one.index, one.term))
        continue;
      if (one.index <= checked_) {
        contradict("node " + std::to_string(leader_) + " changes entry " + std::to_string(one.index)
                   + " of its own term");
        return false;
      }
      BROKER_ASSERT(one.index > commit_ && one.index > handed_out_, "committed entries are never cut off");
      log_.truncate(one.index);
      if (one.index <= emitted_)
        out_.truncate_from = one.index;
      emitted_ = std::min(emitted_, one.index - 1);
      persisted_ = std::min(persisted_, one.index - 1);
      cut_in_term_ = state_.term;
    }
    // Only one change of membership is under way in any log.
    if (one.type == entry::kind::config && log_.members_index() > 0
        && !is_one_step(log_.members(), *decode_membership(one.data)) && !planted(plant::two_changes_at_once)) {
      contradict("node " + std::to_string(leader_) + " changes several members at once");
      return false;
    }
    log_.append(std::move(one));
  }
  return true;
}

void core::answer_leader() {
  BROKER_ASSERT(leader_ != 0 && !leads(), "answers go to the leader");
  uint64_t match = std::min(checked_, persisted_);
  if (planted(plant::ack_beyond_checked_prefix))
    match = persisted_;
  if (planted(plant::ack_before_persisted))
    match = checked_;
  answered_ = std::max(answered_, match);
  round_answered_ = round_seen_;
  send(leader_, append_answer{true, match, std::max(match, checked_), 0, 0, 0, round_seen_});
}

// The hint spares the leader a round per entry: above it nothing can agree.
void core::reject(node_id to, uint64_t asked, uint64_t prev_term) {
  BROKER_ASSERT(asked > commit_, "what is committed fits");
  const uint64_t hint = log_.newest_not_above(std::min(asked - 1, log_.last()), prev_term);
  BROKER_ASSERT(hint < asked, "a hint leads back");
  send(to, append_answer{false, 0, 0, asked, hint, log_.term_at(hint), round_seen_});
}

} // namespace broker::raft

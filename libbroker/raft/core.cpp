#include "raft/core.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace broker::raft {

core::core(settings how, consensus::restart found)
  : settings_(std::move(how)), random_(settings_.seed), log_(settings_.bootstrap, found), state_(found.state),
    state_told_(found.state) {
  BROKER_ASSERT(check(settings_).ok(), "settings are checked before");
  BROKER_ASSERT(state_.term > 0 || log_.last() == 0, "a log has a term");
  emitted_ = persisted_ = log_.last();
  commit_ = handed_out_ = applied_ = log_.snapshot().index;
}

void core::start() {
  BROKER_ASSERT(!started_, "a group starts once");
  started_ = true;
  told_.term = state_.term;
  told_.self = current_role();
  reset_election_timer();
  // Alone there is nobody to wait for.
  if (can_campaign() && is_alone())
    campaign(false);
}

void core::tick(time_ms now) {
  BROKER_ASSERT(started_, "start() comes first");
  BROKER_ASSERT(now >= now_, "time does not go back");
  now_ = now;
  if (!has_time_) {
    has_time_ = true;
    election_since_ = leader_heard_ = heartbeat_at_ = now;
    for (auto& [who, peer] : peers_)
      peer.note_answer(now, 0);
  }
  if (leads())
    leader_tick();
  else if (now_ - election_since_ >= election_timeout_ && can_campaign())
    is_alone() ? campaign(false) : pre_campaign();
  else if (leader_ != 0 && !installing() && !log_.was_voter_since(commit_, settings_.self)
           && now_ - leader_heard_ >= settings_.election_max_ms)
    leader_ = 0; // a learner: whoever asks it must not be sent to a leader that may be long gone
}

void core::at(time_ms now) {
  if (has_time_)
    now_ = std::max(now_, now);
}

time_ms core::next_tick() const {
  if (!has_time_)
    return 0;
  if (leads())
    return heartbeat_at_ + settings_.heartbeat_ms;
  const bool votes = log_.was_voter_since(commit_, settings_.self);
  if (can_campaign())
    return election_since_ + election_timeout_;
  if (votes || installing()) // until its log is on the disk
    return now_ + settings_.heartbeat_ms;
  return leader_ != 0 ? leader_heard_ + settings_.election_max_ms : UINT64_MAX;
}

void core::recv(node_id from, std::string_view bytes) {
  BROKER_ASSERT(started_, "start() comes first");
  auto got = decode(bytes);
  if (!got || got->to != settings_.self || from == settings_.self || from == 0)
    return;
  const uint64_t term = got->term;
  if (const auto* vote = std::get_if<vote_request>(&got->body))
    return on_vote_request(from, term, *vote);
  if (const auto* vote = std::get_if<vote_answer>(&got->body))
    return on_vote_answer(from, term, *vote);
  if (auto* append = std::get_if<append_request>(&got->body))
    return on_append(from, term, *append);
  if (auto* chunk = std::get_if<chunk_message>(&got->body))
    return on_chunk(from, term, *chunk);
  // The rest only means something in its own term: an answer to what was asked in it (S3).
  if (term > state_.term)
    become_follower(term, 0);
  if (term != state_.term)
    return;
  if (const auto* answer = std::get_if<append_answer>(&got->body))
    on_append_answer(from, *answer);
  else if (const auto* wanted = std::get_if<chunk_answer>(&got->body))
    on_chunk_answer(from, *wanted);
  else
    on_timeout_now(from, term);
}

void core::persisted(uint64_t index, uint64_t term) {
  BROKER_ASSERT(started_ && term <= state_.term, "what is persisted was handed out before");
  if (term < cut_in_term_)
    return; // part of that write has been cut off since; what replaced it is reported later
  BROKER_ASSERT(index <= emitted_, "only what was handed out can be persisted");
  if (index <= persisted_)
    return;
  persisted_ = index;
  if (!leads() && leader_ != 0 && std::min(checked_, persisted_) > answered_)
    answer_leader();
}

void core::applied(uint64_t index) {
  BROKER_ASSERT(index <= handed_out_, "only what was handed out can be applied");
  applied_ = std::max(applied_, index); // an installed snapshot may have been faster
  if (!snapshot_wanted_ && applied_ - log_.snapshot().index >= settings_.snapshot_after_entries)
    out_.take_snapshot = snapshot_wanted_ = true;
}

effects core::settle() {
  if (leads())
    advance_commit();
  advance_apply();
  if (leads()) {
    advance_reads();
    advance_transfer();
    send_all();
  }
  emit_entries();
  note_changes();
  log_.free_dropped();
  check_invariants();
  return std::exchange(out_, {});
}

effects core::queued() {
  BROKER_ASSERT(out_.append.empty() && out_.messages.empty() && !out_.state, "a proposal only queues");
  return std::exchange(out_, {});
}

void core::emit_entries() {
  while (emitted_ < log_.last())
    out_.append.push_back(log_.at(++emitted_));
}

consensus::role core::current_role() const {
  if (leads())
    return consensus::role::leader;
  if (stance_ != stance::follower)
    return consensus::role::candidate;
  return is_self_voter() ? consensus::role::follower : consensus::role::learner;
}

void core::note_changes() {
  if (state_ != state_told_) {
    BROKER_ASSERT(state_.term > state_told_.term || state_told_.vote == 0 || planted(plant::vote_twice_per_term),
                  "one vote in a term");
    out_.state = state_told_ = state_;
    if (planted(plant::term_not_persisted) && state_.vote == 0)
      out_.state.reset();
    if (planted(plant::vote_not_persisted))
      out_.state->vote = 0;
  }
  const consensus::leadership now{state_.term, leader_, current_role()};
  if (now != told_)
    out_.changed = told_ = now;
}

void core::hand_out(uint64_t index) {
  BROKER_ASSERT(index == handed_out_ + 1 && index <= commit_, "entries are applied in order, each once");
  handed_out_ = index;
  const entry& one = log_.at(index);
  out_.apply.push_back(one);
  if (!waiting_.empty() && waiting_.front().index == index) {
    BROKER_ASSERT(leads(), "only a leader's proposals wait");
    waiting_bytes_ -= waiting_.front().bytes;
    complete(waiting_.front().id, outcome::ok, index);
    waiting_.pop_front();
  }
}

// Only what is durable here is applied: a restart never finds less than what was answered for.
void core::advance_apply() {
  if (installing())
    return;
  const uint64_t upto = std::min(commit_, persisted_);
  const uint64_t config = log_.members_index();
  const bool leaves = config > handed_out_ && config <= upto;
  if (planted(plant::apply_twice) && upto > handed_out_ && handed_out_ > log_.base() && handed_out_ % 16 == 0)
    out_.apply.push_back(log_.at(handed_out_));
  while (handed_out_ < upto)
    hand_out(handed_out_ + 1);
  if (leaves && leads())
    leave_if_removed(config);
}

void core::check_invariants() const {
  BROKER_ASSERT(applied_ <= handed_out_, "applied <= handed out");
  BROKER_ASSERT(handed_out_ <= commit_ && handed_out_ <= persisted_, "handed out <= min(commit, persisted)");
  BROKER_ASSERT(persisted_ <= emitted_ && emitted_ == log_.last(), "persisted <= emitted = last");
  BROKER_ASSERT(commit_ <= log_.last(), "commit <= last");
  BROKER_ASSERT(log_.snapshot().index <= applied_, "snapshots hold applied entries");
  BROKER_ASSERT(log_.last_term() <= state_.term, "no entry of a later term");
  BROKER_ASSERT(checked_ <= log_.last(), "checked <= last");
  if (!leads()) {
    BROKER_ASSERT(waiting_.empty() && readers_.empty() && !handover_ && peers_.empty(), "only a leader is waited for");
    BROKER_ASSERT(leader_ != settings_.self, "who does not lead is not the leader");
    return;
  }
  BROKER_ASSERT(leader_ == settings_.self && state_.vote == settings_.self, "a leader has voted for itself");
  BROKER_ASSERT(log_.last_term() == state_.term && term_start_ <= log_.last(), "a leader has an entry of its term");
  BROKER_ASSERT(!incoming_, "a leader receives no snapshot");
  BROKER_ASSERT(waiting_.empty() || waiting_.front().index > handed_out_, "what is applied is answered");
}

} // namespace broker::raft

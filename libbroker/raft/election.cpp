// Elections: Raft section 5.2 with pre-vote and leader stickiness (Ongaro's thesis, sections 4.2.3 and 9.6).
#include <algorithm>

#include "base/assert.hpp"
#include "raft/core.hpp"

namespace broker::raft {

void core::reset_election_timer() {
  election_since_ = now_;
  election_timeout_ = settings_.election_min_ms + random_.below(settings_.election_max_ms - settings_.election_min_ms);
}

// All hear of it at about the same time: the first to campaign should find the others still waiting, or they split the
// votes. It is no proof: a leader that is heard again goes on, and others who hear it give no vote.
void core::ended(node_id who) {
  BROKER_ASSERT(started_, "start() comes first");
  if (leads() || leader_ != who || who == 0)
    return;
  leader_ = 0;
  election_since_ = now_;
  election_timeout_ = random_.below(settings_.heartbeat_ms);
}

// Not while entries or a snapshot are on their way to the disk: what a candidate claims to have, it has (S5).
// Who is removed by an entry that is not committed yet may be the only one who has it, and the others need its vote or
// its leadership to go on (Ongaro's thesis, section 4.2.2). After a restart the commit index is not known: then it is
// whoever voted in any configuration that may be the committed one (chaos seed 17916).
bool core::can_campaign() const {
  return log_.was_voter_since(commit_, settings_.self) && !installing() && persisted_ == log_.last();
}

bool core::is_alone() const {
  return is_self_voter() && log_.members().voters.size() == 1;
}

// A node that joins, or one that was wiped, knows nothing that could outvote anybody. A joining node is not needed for
// a majority before it has caught up; a wiped one must not help to elect a leader without the entries it has lost.
bool core::is_blank() const {
  return log_.last() == 0 && settings_.bootstrap == membership{};
}

bool core::hears_a_leader() const {
  return leads() || (leader_ != 0 && now_ - leader_heard_ < settings_.election_min_ms);
}

bool core::is_behind_us(const vote_request& candidate) const {
  if (candidate.last_term != log_.last_term())
    return candidate.last_term < log_.last_term();
  return candidate.last_index < log_.last();
}

void core::pre_campaign() {
  BROKER_ASSERT(can_campaign() && !leads(), "who may be elected");
  stance_ = stance::pre_candidate;
  leader_ = 0;
  reset_election_timer();
  votes_ = {settings_.self};
  ask_for_votes(true, false);
}

void core::campaign(bool transfer) {
  BROKER_ASSERT(can_campaign() && !leads(), "who may be elected");
  enter_term(state_.term + 1);
  state_.vote = settings_.self;
  stance_ = stance::candidate;
  reset_election_timer();
  votes_ = {settings_.self};
  ask_for_votes(false, transfer);
  count_votes();
}

void core::ask_for_votes(bool pre, bool transfer) {
  const vote_request request{pre, transfer, log_.last(), log_.last_term()};
  for (const node_id who : log_.members().voters)
    if (who != settings_.self)
      send(who, request, pre ? state_.term + 1 : state_.term);
}

void core::count_votes() {
  BROKER_ASSERT(stance_ == stance::pre_candidate || stance_ == stance::candidate, "votes are for candidates");
  const auto& voters = log_.members().voters;
  const auto granted = std::count_if(voters.begin(), voters.end(), [&](node_id who) { return votes_.contains(who); });
  if (static_cast<size_t>(granted) < majority(log_.members()))
    return;
  if (stance_ == stance::candidate)
    become_leader();
  else if (can_campaign())
    campaign(false);
}

void core::enter_term(uint64_t term) {
  BROKER_ASSERT(term > state_.term && !leads(), "terms rise");
  state_ = {term, 0};
  leader_ = 0;
  if (!planted(plant::answer_after_term_change))
    checked_ = 0;
  answered_ = round_seen_ = round_answered_ = 0;
  if (!installing() && !planted(plant::stale_chunk_accepted))
    incoming_.reset();
}

void core::become_follower(uint64_t term, node_id leader) {
  BROKER_ASSERT(term >= state_.term, "terms rise");
  const bool led = leads();
  if (led)
    cease_to_lead();
  if (stance_ != stance::follower)
    reset_election_timer();
  stance_ = stance::follower;
  votes_.clear();
  if (term > state_.term)
    enter_term(term);
  leader_ = leader;
}

void core::become_leader() {
  BROKER_ASSERT(stance_ == stance::candidate && state_.vote == settings_.self, "elected in its own term");
  BROKER_ASSERT(persisted_ == log_.last() && !installing(), "a candidate has what it claims to have");
  BROKER_ASSERT(waiting_.empty() && readers_.empty() && peers_.empty(), "a new leader starts empty");
  stance_ = stance::leader;
  leader_ = settings_.self;
  votes_.clear();
  incoming_.reset();
  round_ = 0;
  checked_ = 0;
  heartbeat_at_ = now_;
  update_peers();
  // The first entry of a term lets older ones be committed (section 5.4.2); the first of a group tells its members.
  term_start_ = log_.last() + 1;
  if (log_.members_index() == 0)
    append_own(entry::kind::config, encode_membership(log_.members()));
  else
    append_own(entry::kind::noop, {});
  heartbeat();
}

// Whether a proposal that waits will be committed is up to the next leader.
void core::cease_to_lead() {
  BROKER_ASSERT(leads(), "who leads can cease to");
  for (const waiter& one : waiting_)
    complete(one.id, outcome::lost);
  waiting_.clear();
  waiting_bytes_ = 0;
  for (const reader& one : readers_)
    complete(one.id, outcome::not_leader);
  readers_.clear();
  if (handover_)
    complete(handover_->id, outcome::ok);
  handover_.reset();
  peers_.clear();
  stance_ = stance::follower;
  leader_ = 0;
  reset_election_timer();
}

void core::on_vote_request(node_id from, uint64_t term, const vote_request& request) {
  // While a leader is heard nobody needs another: a node that was cut off cannot depose it by its higher term.
  if (term > state_.term && !request.transfer && hears_a_leader())
    return;
  const bool behind = is_behind_us(request) && !planted(plant::vote_for_a_shorter_log);
  if (request.pre) {
    const bool granted = term > state_.term && !behind && !is_blank();
    return send(from, vote_answer{true, granted}, granted ? term : state_.term);
  }
  if (term > state_.term)
    become_follower(term, 0);
  const bool free = state_.vote == 0 || state_.vote == from || planted(plant::vote_twice_per_term);
  const bool granted = term == state_.term && free && leader_ == 0 && !behind && !is_blank();
  if (granted) {
    BROKER_ASSERT(!leads() && leader_ == 0, "who knows the leader of a term votes no more in it");
    stance_ = stance::follower;
    votes_.clear();
    state_.vote = from;
    reset_election_timer();
  }
  send(from, vote_answer{false, granted});
}

void core::on_vote_answer(node_id from, uint64_t term, const vote_answer& answer) {
  const bool pre_granted = answer.pre && answer.granted;
  if (!pre_granted && term > state_.term)
    return become_follower(term, 0);
  if (!answer.granted || !is_voter(log_.members(), from))
    return;
  const bool counts = answer.pre ? stance_ == stance::pre_candidate && term == state_.term + 1
                                 : stance_ == stance::candidate && term == state_.term;
  if (!counts)
    return;
  votes_.insert(from);
  count_votes();
}

} // namespace broker::raft

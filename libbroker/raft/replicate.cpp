// A leader: sends its log, counts what is durable at a majority, and steps down when it hears too few.
#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "raft/core.hpp"

namespace broker::raft {

void core::send(node_id to, decltype(message::body) body, uint64_t term) {
  BROKER_ASSERT(to != settings_.self && to != 0, "messages are for others");
  out_.messages.emplace_back(to, encode({to, term, std::move(body)}));
}

// Members come and go with the configuration in force.
void core::update_peers() {
  BROKER_ASSERT(leads(), "only a leader keeps track of others");
  const membership& now = log_.members();
  std::erase_if(peers_, [&](const auto& peer) { return !is_member(now, peer.first); });
  for (const auto& list : {now.voters, now.learners})
    for (const node_id who : list)
      if (who != settings_.self)
        peers_.try_emplace(who, log_.last(), now_);
}

size_t core::voters_heard() const {
  size_t heard = is_self_voter() ? 1 : 0;
  for (const auto& [who, peer] : peers_)
    if (is_voter(log_.members(), who) && now_ - peer.heard() < settings_.election_max_ms)
      ++heard;
  return heard;
}

void core::leader_tick() {
  // Check-quorum: whoever cannot be reached by a majority must not go on telling clients to wait.
  if (voters_heard() < majority(log_.members()) && !planted(plant::leader_never_steps_down))
    return become_follower(state_.term, 0);
  if (handover_ && now_ >= handover_->deadline) {
    complete(handover_->id, outcome::lost);
    handover_.reset();
  }
  if (now_ - heartbeat_at_ < settings_.heartbeat_ms)
    return;
  if (has_reader_without_round() && commit_ >= term_start_)
    start_round();
  else
    heartbeat();
}

void core::heartbeat() {
  heartbeat_at_ = now_;
  for (auto& [who, peer] : peers_) {
    peer.may_probe_again();
    if (peer.how() == progress::mode::snapshot) {
      retry_snapshot(peer);
      send_bare_heartbeat(who, peer);
    } else if (peer.next() - 1 < log_.base()) {
      send_bare_heartbeat(who, peer); // send_all() begins a snapshot
    } else {
      send_append(who, peer, false);
    }
  }
  if (handover_)
    handover_->sent = false;
}

// Fits any log and checks nothing of it.
void core::send_bare_heartbeat(node_id to, progress& peer) {
  send(to, append_request{0, 0, std::min(commit_, peer.match()), round_, {}});
}

void core::send_append(node_id to, progress& peer, bool with_entries) {
  append_request request{peer.next() - 1, log_.term_at(peer.next() - 1), 0, round_, {}};
  size_t bytes = 0;
  uint64_t index = peer.next();
  for (; with_entries && index <= log_.last(); ++index) {
    const entry& one = log_.at(index);
    if (bytes > 0 && bytes + cost(one) > settings_.append_bytes_max)
      break;
    bytes += cost(one);
    request.entries.push_back(one);
  }
  const uint64_t last = index - 1;
  request.commit = planted(plant::commit_beyond_checked_prefix) ? commit_ : std::min(commit_, last);
  peer.note_commit_told(request.commit);
  if (peer.how() == progress::mode::probe)
    peer.note_probe();
  else if (last >= peer.next())
    peer.note_sent(last, bytes);
  send(to, std::move(request));
}

void core::send_all() {
  for (auto& [who, peer] : peers_)
    send_to(who, peer);
}

void core::send_to(node_id to, progress& peer) {
  if (peer.how() != progress::mode::snapshot && peer.next() - 1 < log_.base())
    peer.start_snapshot(log_.snapshot());
  if (peer.how() == progress::mode::snapshot)
    return send_snapshot(to, peer);
  if (peer.how() == progress::mode::probe) {
    if (peer.may_probe())
      send_append(to, peer, false);
    return;
  }
  while (peer.next() <= log_.last() && peer.has_window(settings_.inflight_appends_max, settings_.inflight_bytes_max))
    send_append(to, peer, true);
  // A commit is told at once, for those who wait at that member.
  if (std::min(commit_, peer.next() - 1) > peer.commit_told())
    send_append(to, peer, false);
}

void core::on_append_answer(node_id from, const append_answer& answer) {
  const auto at = peers_.find(from);
  if (!leads() || at == peers_.end())
    return;
  progress& peer = at->second;
  if (answer.round > round_ || answer.checked > log_.last())
    return contradict("node " + std::to_string(from) + " answers what it was never asked");
  peer.note_answer(now_, answer.round);
  if (answer.accepted) {
    peer.note_accepted(answer.match, answer.checked);
    if (peer.how() == progress::mode::snapshot && peer.match() >= log_.base())
      peer.end_snapshot();
    return;
  }
  if (answer.rejected == 0 || answer.rejected > log_.last() || answer.hint_index >= answer.rejected)
    return;
  // Nothing above an entry of a later term than the hint's can agree. Below the base there is only the snapshot.
  uint64_t hint = answer.hint_index;
  if (hint >= log_.base()) {
    hint = log_.newest_not_above(hint, answer.hint_term);
    if (hint > 0 && log_.term_at(hint) > answer.hint_term)
      --hint;
  }
  peer.note_rejected(answer.rejected, hint);
}

uint64_t core::match_of(node_id who) const {
  if (who == settings_.self)
    return persisted_;
  const auto at = peers_.find(who);
  BROKER_ASSERT(at != peers_.end(), "a leader knows every member");
  return at->second.match();
}

// Only entries of the own term are committed by counting; they carry the older ones (section 5.4.2, figure 8).
void core::advance_commit() {
  std::vector<uint64_t> matches;
  for (const node_id who : log_.members().voters)
    matches.push_back(match_of(who));
  if (planted(plant::learner_counts_as_voter))
    for (const node_id who : log_.members().learners)
      matches.push_back(match_of(who));
  std::sort(matches.begin(), matches.end(), std::greater<>{});
  BROKER_ASSERT(matches.size() >= majority(log_.members()), "every voter is counted");
  const uint64_t durable = matches[majority(log_.members()) - 1];
  if (durable <= commit_)
    return;
  BROKER_ASSERT(durable <= log_.last(), "what is durable is in the log");
  if (log_.term_at(durable) != state_.term && !planted(plant::commit_old_term_by_count))
    return;
  commit_ = durable;
}

} // namespace broker::raft

// The state of one member and everything it does; group.hpp is its face. Internal to this folder. The files:
//
//   core.cpp        start, restart, settle(): what follows from any change, invariants
//   election.cpp    timers, pre-vote, votes, becoming and ceasing to be leader
//   follow.cpp      appends received: check, truncate, answer
//   replicate.cpp   appends sent: answers, commit, heartbeats, check-quorum
//   propose.cpp     proposals, membership changes, what becomes of them
//   read.cpp        read barriers
//   transfer.cpp    handing leadership over
//   snapshot_send.cpp, snapshot_receive.cpp
//
// Invariants, checked after every step: applied <= handed out <= min(commit, persisted); persisted <= emitted <= last;
// snapshot <= applied; commit <= last; a leader votes for itself, knows every member and has an entry of its term.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "consensus/consensus.hpp"
#include "raft/log.hpp"
#include "raft/message.hpp"
#include "raft/plant.hpp"
#include "raft/progress.hpp"
#include "raft/settings.hpp"

namespace broker::raft {

using consensus::completion;
using consensus::effects;
using consensus::entry;
using consensus::hard_state;
using consensus::outcome;
using consensus::snapshot_meta;
using consensus::ticket;
using consensus::time_ms;

struct core {
  core(settings how, consensus::restart found);

  // -- what every step ends with ------------------------------------------------------------------------------------
  void start();
  void tick(time_ms now);
  void at(time_ms now);
  time_ms next_tick() const;
  void recv(node_id from, std::string_view bytes);
  void persisted(uint64_t index, uint64_t term);
  void applied(uint64_t index);
  /// Draws the consequences (commit, apply, send) and gives the effects. Every step but a proposal ends with it.
  effects settle();
  /// The effects of a step that only queues.
  effects queued();
  void note_changes();
  void emit_entries();
  void advance_apply();
  void hand_out(uint64_t index);
  void check_invariants() const;

  // -- election -----------------------------------------------------------------------------------------------------
  enum class stance : uint8_t { follower, pre_candidate, candidate, leader };

  bool leads() const noexcept { return stance_ == stance::leader; }
  consensus::role current_role() const;
  bool is_self_voter() const { return is_voter(log_.members(), settings_.self); }
  bool can_campaign() const;
  bool is_alone() const;
  bool is_blank() const;
  bool hears_a_leader() const;
  bool is_behind_us(const vote_request& candidate) const;
  void reset_election_timer();
  void ended(node_id who);
  void pre_campaign();
  void campaign(bool transfer);
  void ask_for_votes(bool pre, bool transfer);
  void count_votes();
  void enter_term(uint64_t term);
  void become_follower(uint64_t term, node_id leader);
  void become_leader();
  void cease_to_lead();
  void on_vote_request(node_id from, uint64_t term, const vote_request& request);
  void on_vote_answer(node_id from, uint64_t term, const vote_answer& answer);

  // -- following ----------------------------------------------------------------------------------------------------
  /// A message only the leader of `term` sends. False: it is none of ours, and answered if need be.
  bool accept_leader(node_id from, uint64_t term, uint64_t asked);
  void on_append(node_id from, uint64_t term, append_request& request);
  /// False: does not fit; nothing was changed.
  bool take_entries(append_request& request);
  bool take_committed_part(append_request& request);
  void answer_leader();
  void reject(node_id to, uint64_t asked, uint64_t prev_term);
  void contradict(std::string what);

  // -- leading ------------------------------------------------------------------------------------------------------
  void leader_tick();
  void heartbeat();
  size_t voters_heard() const;
  void on_append_answer(node_id from, const append_answer& answer);
  void advance_commit();
  uint64_t match_of(node_id who) const;
  void send_all();
  void send_to(node_id to, progress& peer);
  void send_append(node_id to, progress& peer, bool with_entries);
  void send_bare_heartbeat(node_id to, progress& peer);
  void send(node_id to, decltype(message::body) body, uint64_t term);
  void send(node_id to, decltype(message::body) body) { send(to, std::move(body), state_.term); }
  void update_peers();

  // -- proposals and membership -------------------------------------------------------------------------------------
  struct waiter {
    ticket id = 0;
    uint64_t index = 0;
    size_t bytes = 0;
  };
  std::optional<outcome> why_not(size_t bytes) const;
  void propose(ticket id, std::string command);
  void append_own(entry::kind type, std::string data);
  void add_learner(ticket id, node_id who);
  void promote(ticket id, node_id who);
  void remove(ticket id, node_id who);
  void change(ticket id, const std::optional<membership>& to);
  bool is_caught_up(node_id who) const;
  void complete(ticket id, outcome what, uint64_t index = 0) { out_.done.push_back({id, what, index}); }
  void leave_if_removed(uint64_t applied_config);

  // -- reads --------------------------------------------------------------------------------------------------------
  struct reader {
    ticket id = 0;
    uint64_t round = 0; ///< 0: none started for it yet
    uint64_t index = 0;
    bool in_haste = true; ///< a round is started for it
  };
  void read_barrier(ticket id, consensus::read_haste haste);
  bool has_reader_without_round() const { return !readers_.empty() && readers_.back().round == 0; }
  void start_round();
  void advance_reads();
  uint64_t confirmed_round() const;

  // -- transfer -----------------------------------------------------------------------------------------------------
  struct handover {
    ticket id = 0;
    node_id to = 0;
    time_ms deadline = 0;
    bool sent = false;
  };
  void transfer(ticket id, node_id to);
  void advance_transfer();
  void on_timeout_now(node_id from, uint64_t term);

  // -- snapshots ----------------------------------------------------------------------------------------------------
  /// Between its last chunk and snapshot_installed the log is frozen: nothing is appended, nobody is elected here.
  struct incoming {
    uint64_t from_term = 0; ///< chunks of one leader only: another one's snapshot may differ in its bytes
    snapshot_meta meta;
    uint64_t size = 0;
    uint64_t next = 0;
    bool whole = false;
  };
  bool installing() const { return incoming_ && incoming_->whole; }
  void send_snapshot(node_id to, progress& peer);
  void retry_snapshot(progress& peer);
  void snapshot_read(const consensus::snapshot_request& request, uint64_t size, std::optional<std::string_view> bytes);
  void on_chunk_answer(node_id from, const chunk_answer& answer);
  void on_chunk(node_id from, uint64_t term, chunk_message& chunk);
  bool take_chunk(uint64_t term, chunk_message& chunk);
  void snapshot_stored(const snapshot_meta& meta);
  void snapshot_installed(const snapshot_meta& meta);
  snapshot_meta snapshot_point() const;

  // -- state --------------------------------------------------------------------------------------------------------
  const settings settings_;
  random_source random_;
  raft::log log_;
  hard_state state_;
  hard_state state_told_; ///< as the store has it
  stance stance_ = stance::follower;
  node_id leader_ = 0;
  consensus::leadership told_; ///< as last reported by effects::changed
  bool started_ = false;

  time_ms now_ = 0;
  bool has_time_ = false;
  time_ms election_since_ = 0;
  time_ms election_timeout_ = 0;
  time_ms leader_heard_ = 0;
  time_ms heartbeat_at_ = 0;

  uint64_t commit_ = 0;
  uint64_t emitted_ = 0;    ///< handed to the store
  uint64_t persisted_ = 0;  ///< durable there
  uint64_t handed_out_ = 0; ///< given to the host to apply
  uint64_t applied_ = 0;
  /// Writes handed out in an earlier term than this may hold entries that are no longer in the log.
  uint64_t cut_in_term_ = 0;
  bool snapshot_wanted_ = false;

  // a follower, of the leader of this term
  uint64_t checked_ = 0; ///< our log agrees with the leader's up to here
  uint64_t answered_ = 0;
  uint64_t round_seen_ = 0;
  uint64_t round_answered_ = 0;
  std::optional<incoming> incoming_;

  std::set<node_id> votes_; ///< a candidate's

  // a leader
  std::map<node_id, progress> peers_; ///< every other member
  uint64_t term_start_ = 0;           ///< index of the first entry of the term
  uint64_t round_ = 0;
  std::deque<waiter> waiting_; ///< by index
  size_t waiting_bytes_ = 0;
  std::deque<reader> readers_; ///< by round, those without one last
  std::optional<handover> handover_;

  effects out_;
};

} // namespace broker::raft

// What must hold whatever happens: the checkers. They see every server and outlive every crash.
//
//   election safety        one leader in a term
//   log matching           (index, term) names one entry with one predecessor, in every log
//   leader completeness    a new leader's log holds everything that was applied in earlier terms
//   state machine safety   everybody applies the same entries, each once, in order
//   no acked command lost  an answer `ok` names where the command was applied; a refused command is never applied
//   linearizable reads     a read sees what was answered before it began
//   membership             the members of a snapshot and of an applied prefix are those the entries say
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "consensus/consensus.hpp"
#include "raft_sim/state_machine.hpp"

namespace raft_sim {

using broker::consensus::entry;
using broker::consensus::membership;
using broker::consensus::node_id;

class truth {
public:
  explicit truth(membership bootstrap) : members_{{0, std::move(bootstrap)}} {}

  bool holds() const { return failure_.empty(); }
  const std::string& failure() const { return failure_; }
  void fail(const std::string& what) {
    if (failure_.empty())
      failure_ = what;
  }

  void leads(node_id who, uint64_t term);
  /// `who` stores `one` behind an entry of term `previous`.
  void stores(node_id who, const entry& one, uint64_t previous);
  /// `who`, in `term`, has applied up to `before` and applies `one`.
  void applies(node_id who, uint64_t term, uint64_t before, const entry& one);
  /// A leader of `leader_term` must have this entry: it was committed before that term.
  bool binds(uint64_t index, uint64_t leader_term) const { return slots_.at(index - 1).seen_in < leader_term; }
  void has_state(node_id who, const state_machine& state);
  void has_members(node_id who, uint64_t index, const membership& said, const char* where);

  void answers_ok(uint64_t index, const std::string& command);
  void refuses(const std::string& command) { refused_.insert(hash_of(command)); }
  /// Everything a read that begins now must see.
  uint64_t read_floor() const { return floor_; }
  void reads(node_id who, uint64_t floor, uint64_t seen);

  uint64_t applied() const { return slots_.size(); }
  uint64_t term_at(uint64_t index) const { return slots_.at(index - 1).term; }
  const membership& members_at(uint64_t index) const;
  uint64_t acked() const { return acked_; }

private:
  struct slot {
    uint64_t term = 0;
    uint64_t data = 0;
    uint64_t seen_in = 0; ///< term in which it was first applied; committed in that one or before
    uint64_t state = 0;   ///< hash of the state machine after it
  };
  struct stored {
    uint64_t data = 0;
    uint64_t previous = 0;
  };

  std::string failure_;
  std::map<uint64_t, node_id> leaders_;
  std::unordered_map<uint64_t, stored> entries_;
  std::vector<slot> slots_; ///< by index, from 1
  std::vector<std::pair<uint64_t, membership>> members_;
  std::set<uint64_t> refused_;
  uint64_t floor_ = 0;
  uint64_t acked_ = 0;
};

} // namespace raft_sim

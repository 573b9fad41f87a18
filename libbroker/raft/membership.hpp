// Who belongs to a group: the content of a config entry (../../docs/internals/consensus.md, membership). Pure
// functions.
//
// Rules: a configuration is in force from the moment its entry is in the log, committed or not; it differs from the one
// before by one member, so that any two majorities of neighbours meet (Ongaro's thesis, section 4.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consensus/consensus.hpp"

namespace broker::raft {

using consensus::membership;
using consensus::node_id;

/// Sorted, unique, no 0, nobody both voter and learner, at least one voter, within limits::raft_voters_max and
/// raft_learners_max.
bool is_valid(const membership& who);
bool is_voter(const membership& who, node_id id);
bool is_learner(const membership& who, node_id id);
inline bool is_member(const membership& who, node_id id) {
  return is_voter(who, id) || is_learner(who, id);
}
inline size_t majority(const membership& who) {
  return who.voters.size() / 2 + 1;
}

/// The configuration with one change; nullopt: the change makes no sense or exceeds a limit.
std::optional<membership> with_learner(const membership& who, node_id id);
std::optional<membership> with_promoted(const membership& who, node_id id);
std::optional<membership> without(const membership& who, node_id id);
/// Are the two equal or one single-server change apart?
bool is_one_step(const membership& from, const membership& to);

/// The data of a config entry and back; nullopt: malformed or not valid.
std::string encode_membership(const membership& who);
std::optional<membership> decode_membership(std::string_view bytes);

} // namespace broker::raft

#include "raft/membership.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/raft_limits.hpp"
#include "proto/raft.pb.h"

namespace broker::raft {
namespace {

bool is_id_list(const std::vector<node_id>& ids) {
  return std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>{}) == ids.end()
      && (ids.empty() || ids.front() != 0);
}

bool contains(const std::vector<node_id>& sorted, node_id id) {
  return std::binary_search(sorted.begin(), sorted.end(), id);
}

void insert(std::vector<node_id>& sorted, node_id id) {
  sorted.insert(std::lower_bound(sorted.begin(), sorted.end(), id), id);
}

std::optional<membership> checked(membership who) {
  return is_valid(who) ? std::optional<membership>{std::move(who)} : std::nullopt;
}

size_t missing(const std::vector<node_id>& of, const std::vector<node_id>& in) {
  return static_cast<size_t>(std::count_if(of.begin(), of.end(), [&](node_id id) { return !contains(in, id); }));
}

} // namespace

bool is_valid(const membership& who) {
  return !who.voters.empty() && who.voters.size() <= limits::raft_voters_max
      && who.learners.size() <= limits::raft_learners_max && is_id_list(who.voters) && is_id_list(who.learners)
      && missing(who.learners, who.voters) == who.learners.size();
}

bool is_voter(const membership& who, node_id id) {
  return contains(who.voters, id);
}

bool is_learner(const membership& who, node_id id) {
  return contains(who.learners, id);
}

std::optional<membership> with_learner(const membership& who, node_id id) {
  BROKER_ASSERT(is_valid(who), "a change starts from a valid configuration");
  if (is_member(who, id))
    return std::nullopt;
  membership out = who;
  insert(out.learners, id);
  return checked(std::move(out));
}

std::optional<membership> with_promoted(const membership& who, node_id id) {
  BROKER_ASSERT(is_valid(who), "a change starts from a valid configuration");
  if (!is_learner(who, id))
    return std::nullopt;
  membership out = who;
  std::erase(out.learners, id);
  insert(out.voters, id);
  return checked(std::move(out));
}

std::optional<membership> without(const membership& who, node_id id) {
  BROKER_ASSERT(is_valid(who), "a change starts from a valid configuration");
  if (!is_member(who, id))
    return std::nullopt;
  membership out = who;
  std::erase(out.voters, id);
  std::erase(out.learners, id);
  return checked(std::move(out));
}

bool is_one_step(const membership& from, const membership& to) {
  const size_t voters = missing(from.voters, to.voters) + missing(to.voters, from.voters);
  const size_t learners = missing(from.learners, to.learners) + missing(to.learners, from.learners);
  // A promotion is a voter more and a learner less.
  return voters <= 1 && learners <= 1;
}

std::string encode_membership(const membership& who) {
  BROKER_ASSERT(is_valid(who), "only valid configurations are proposed");
  proto::RaftMembership out;
  out.mutable_voters()->Add(who.voters.begin(), who.voters.end());
  out.mutable_learners()->Add(who.learners.begin(), who.learners.end());
  return out.SerializeAsString();
}

std::optional<membership> decode_membership(std::string_view bytes) {
  proto::RaftMembership from;
  if (bytes.size() > limits::raft_entry_max_bytes || !from.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return std::nullopt;
  return checked({{from.voters().begin(), from.voters().end()}, {from.learners().begin(), from.learners().end()}});
}

} // namespace broker::raft

#include "raft_sim/truth.hpp"

#include "raft/membership.hpp"

namespace raft_sim {
namespace {

std::string at(node_id who, uint64_t index) {
  return "server " + std::to_string(who) + " at " + std::to_string(index);
}

} // namespace

void truth::leads(node_id who, uint64_t term) {
  const auto [known, is_new] = leaders_.emplace(term, who);
  if (!is_new && known->second != who)
    fail("ELECTION SAFETY: term " + std::to_string(term) + " has leaders " + std::to_string(known->second) + " and "
         + std::to_string(who));
}

void truth::stores(node_id who, const entry& one, uint64_t previous) {
  const uint64_t data = hash_of(one.data) + static_cast<uint64_t>(one.type);
  const auto [known, is_new] = entries_.emplace(one.index << 24 | one.term, stored{data, previous});
  if (!is_new && (known->second.data != data || known->second.previous != previous))
    fail("LOG MATCHING: " + at(who, one.index) + " stores another entry of term " + std::to_string(one.term));
}

void truth::applies(node_id who, uint64_t term, uint64_t before, const entry& one) {
  if (one.index != before + 1)
    return fail("STATE MACHINE SAFETY: " + at(who, before) + " applies entry " + std::to_string(one.index));
  const uint64_t data = hash_of(one.data) + static_cast<uint64_t>(one.type);
  if (one.index <= slots_.size()) {
    const slot& known = slots_[one.index - 1];
    if (known.term != one.term || known.data != data)
      fail("STATE MACHINE SAFETY: " + at(who, one.index) + " applies an entry of term " + std::to_string(one.term)
           + ", others one of term " + std::to_string(known.term));
    return;
  }
  state_machine next;
  next.hash = slots_.empty() ? 0 : slots_.back().state;
  next.apply(one.index, one.data);
  slots_.push_back({one.term, data, term, next.hash});
  if (one.type == entry::kind::command && refused_.contains(hash_of(one.data)))
    fail("REFUSED COMMAND APPLIED: " + at(who, one.index));
  if (one.type == entry::kind::config)
    if (auto members = broker::raft::decode_membership(one.data))
      members_.emplace_back(one.index, std::move(*members));
}

void truth::has_state(node_id who, const state_machine& state) {
  const uint64_t expected = state.index == 0 ? 0 : slots_.at(state.index - 1).state;
  if (state.index > slots_.size() || state.hash != expected)
    fail("STATE MACHINE SAFETY: " + at(who, state.index) + " has another state");
}

const membership& truth::members_at(uint64_t index) const {
  auto last = members_.rbegin();
  while (last->first > index)
    ++last;
  return last->second;
}

void truth::has_members(node_id who, uint64_t index, const membership& said, const char* where) {
  if (index <= slots_.size() && said != members_at(index))
    fail(std::string{"MEMBERSHIP: "} + at(who, index) + " has other members in " + where);
}

void truth::answers_ok(uint64_t index, const std::string& command) {
  ++acked_;
  if (index == 0 || index > slots_.size()
      || slots_[index - 1].data != hash_of(command) + static_cast<uint64_t>(entry::kind::command))
    return fail("ACKED COMMAND LOST: nobody has applied it at " + std::to_string(index));
  floor_ = std::max(floor_, index);
}

void truth::reads(node_id who, uint64_t floor, uint64_t seen) {
  if (seen < floor)
    fail("STALE READ: " + at(who, seen) + " although " + std::to_string(floor) + " was answered before");
  floor_ = std::max(floor_, seen);
}

} // namespace raft_sim

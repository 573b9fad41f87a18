#include "consensus/single_group.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace broker::consensus {
namespace {

effects refuse(ticket id, outcome why) {
  effects out;
  out.done.push_back({id, why, 0});
  return out;
}

} // namespace

single_group::single_group(single_group_settings settings, restart found)
  : settings_(settings), members_{{settings.self}, {}}, state_(found.state),
    unapplied_(found.log.begin(), found.log.end()) {
  BROKER_ASSERT(settings_.self != 0 && settings_.proposals_max > 0 && settings_.snapshot_after_entries > 0,
                "settings of a group");
  if (found.snapshot)
    snapshot_ = found.snapshot->index;
  last_ = snapshot_;
  uint64_t term = found.snapshot ? found.snapshot->term : 0;
  for (const entry& one : unapplied_) {
    BROKER_ASSERT(one.index == last_ + 1 && one.term >= term, "the store gives a dense log");
    last_ = one.index;
    term = one.term;
  }
  BROKER_ASSERT(state_.term >= term, "the term is stored before entries of it");
  persisted_ = last_;
  handed_out_ = applied_ = snapshot_;
  applied_term_ = handed_out_term_ = found.snapshot ? found.snapshot->term : 0;
}

effects single_group::start() {
  BROKER_ASSERT(!started_, "a group starts once");
  started_ = true;
  effects out;
  state_ = {state_.term + 1, settings_.self};
  out.state = state_;
  out.append.push_back(append(entry::kind::noop, {}));
  first_index_ = last_;
  return out;
}

entry& single_group::append(entry::kind type, std::string data) {
  return unapplied_.emplace_back(entry{++last_, state_.term, type, std::move(data)});
}

effects single_group::tick(time_ms) {
  return {};
}

// Nobody else is a member: whatever arrives is not for this group.
effects single_group::recv(node_id, std::string_view) {
  return {};
}

effects single_group::propose(ticket id, std::string command) {
  if (!leads())
    return refuse(id, outcome::not_leader);
  if (waiting_.size() >= settings_.proposals_max)
    return refuse(id, outcome::overloaded);
  effects out;
  out.append.push_back(append(entry::kind::command, std::move(command)));
  waiting_.push_back({id, last_});
  return out;
}

effects single_group::read_barrier(ticket id) {
  if (!leads())
    return refuse(id, outcome::not_leader);
  if (waiting_.size() >= settings_.proposals_max)
    return refuse(id, outcome::overloaded);
  effects out;
  if (applied_ == last_)
    out.done.push_back({id, outcome::ok, applied_});
  else
    waiting_.push_back({id, last_});
  return out;
}

effects single_group::add_learner(ticket id, node_id) {
  return refuse(id, outcome::unsupported);
}
effects single_group::promote(ticket id, node_id) {
  return refuse(id, outcome::unsupported);
}
effects single_group::remove(ticket id, node_id) {
  return refuse(id, outcome::unsupported);
}
effects single_group::transfer(ticket id, node_id) {
  return refuse(id, outcome::unsupported);
}

effects single_group::persisted(uint64_t index, uint64_t term) {
  BROKER_ASSERT(started_ && index <= last_ && term == state_.term, "only what was appended can be persisted");
  effects out;
  persisted_ = std::max(persisted_, index);
  // Old terms' entries wait for this term's no-op, as in any group.
  if (persisted_ < first_index_)
    return out;
  while (!unapplied_.empty() && unapplied_.front().index <= persisted_) {
    handed_out_ = unapplied_.front().index;
    handed_out_term_ = unapplied_.front().term;
    out.apply.push_back(std::move(unapplied_.front()));
    unapplied_.pop_front();
  }
  while (!waiting_.empty() && waiting_.front().index <= handed_out_) {
    out.done.push_back({waiting_.front().id, outcome::ok, waiting_.front().index});
    waiting_.pop_front();
  }
  return out;
}

effects single_group::applied(uint64_t index) {
  BROKER_ASSERT(index >= applied_ && index <= handed_out_, "only what was handed out can be applied");
  applied_ = index;
  if (applied_ == handed_out_)
    applied_term_ = handed_out_term_;
  effects out;
  if (!snapshot_wanted_ && applied_ - snapshot_ >= settings_.snapshot_after_entries)
    out.take_snapshot = snapshot_wanted_ = true;
  return out;
}

effects single_group::snapshot_stored(const snapshot_meta& meta) {
  BROKER_ASSERT(meta.index >= snapshot_ && meta.index <= applied_, "a snapshot holds applied entries");
  snapshot_ = meta.index;
  snapshot_wanted_ = false;
  return {};
}

effects single_group::snapshot_installed(const snapshot_meta&) {
  BROKER_ASSERT(false, "a group of one never asks to install a snapshot");
  return {};
}

effects single_group::snapshot_read(const snapshot_request&, uint64_t, std::optional<std::string_view>) {
  BROKER_ASSERT(false, "a group of one never sends a snapshot");
  return {};
}

role single_group::state() const {
  return leads() ? role::leader : role::follower;
}

std::optional<node_id> single_group::leader() const {
  return leads() ? std::optional<node_id>{settings_.self} : std::nullopt;
}

} // namespace broker::consensus

#include "raft/group.hpp"

#include <utility>

#include "base/assert.hpp"
#include "raft/core.hpp"

namespace broker::raft {

group::group(settings how, consensus::restart found)
  : core_(std::make_unique<core>(std::move(how), std::move(found))) {}
group::~group() = default;
group::group(group&&) noexcept = default;

effects group::start() {
  core_->start();
  return core_->settle();
}
effects group::tick(time_ms now) {
  core_->tick(now);
  return core_->settle();
}
void group::at(time_ms now) {
  core_->at(now);
}
time_ms group::next_tick() const {
  return core_->next_tick();
}
effects group::recv(node_id from, std::string_view bytes) {
  core_->recv(from, bytes);
  return core_->settle();
}

effects group::ended(node_id who) {
  core_->ended(who);
  return core_->settle();
}

effects group::propose(ticket id, std::string command) {
  core_->propose(id, std::move(command));
  return core_->queued();
}
effects group::flush() {
  BROKER_ASSERT(core_->started_, "start() comes first");
  return core_->settle();
}
effects group::read_barrier(ticket id, consensus::read_haste haste) {
  core_->read_barrier(id, haste);
  return core_->queued();
}
effects group::add_learner(ticket id, node_id who) {
  core_->add_learner(id, who);
  return core_->settle();
}
effects group::promote(ticket id, node_id who) {
  core_->promote(id, who);
  return core_->settle();
}
effects group::remove(ticket id, node_id who) {
  core_->remove(id, who);
  return core_->settle();
}
effects group::transfer(ticket id, node_id to) {
  core_->transfer(id, to);
  return core_->settle();
}
effects group::persisted(uint64_t index, uint64_t term) {
  core_->persisted(index, term);
  return core_->settle();
}
effects group::applied(uint64_t index) {
  core_->applied(index);
  return core_->settle();
}
effects group::snapshot_stored(const snapshot_meta& meta) {
  core_->snapshot_stored(meta);
  return core_->settle();
}
effects group::snapshot_installed(const snapshot_meta& meta) {
  core_->snapshot_installed(meta);
  return core_->settle();
}
effects group::snapshot_read(const consensus::snapshot_request& request, uint64_t size,
                             std::optional<std::string_view> bytes) {
  core_->snapshot_read(request, size, bytes);
  return core_->settle();
}

consensus::role group::state() const {
  return core_->current_role();
}
uint64_t group::term() const {
  return core_->state_.term;
}
std::optional<node_id> group::leader() const {
  return core_->leader_ == 0 ? std::nullopt : std::optional<node_id>{core_->leader_};
}
const membership& group::members() const {
  return core_->log_.members();
}
snapshot_meta group::snapshot_point() const {
  return core_->snapshot_point();
}
uint64_t group::commit_index() const {
  return core_->commit_;
}
uint64_t group::last_index() const {
  return core_->log_.last();
}
size_t group::outstanding() const {
  return core_->waiting_.size();
}

} // namespace broker::raft

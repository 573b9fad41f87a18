// A leader whose log no longer reaches a member sends its snapshot: one chunk at a time, each asked of the host and
// then of the network; the member says what it wants next, so that either side may start again at any point.
#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "raft/core.hpp"

namespace broker::raft {

void core::send_snapshot(node_id to, progress& peer) {
  snapshot_transfer& transfer = peer.transfer();
  if (transfer.outstanding)
    return;
  BROKER_ASSERT(transfer.index > 0 && transfer.term > 0, "a stored snapshot");
  transfer.outstanding = true;
  transfer.sent_at = now_;
  out_.send_snapshot.push_back({to, transfer.index, transfer.term, transfer.offset, settings_.chunk_bytes});
}

void core::retry_snapshot(progress& peer) {
  snapshot_transfer& transfer = peer.transfer();
  if (now_ - transfer.sent_at >= settings_.snapshot_retry_ms)
    transfer.outstanding = false;
}

void core::snapshot_read(const consensus::snapshot_request& request, uint64_t size,
                         std::optional<std::string_view> bytes) {
  const auto at = peers_.find(request.to);
  if (!leads() || at == peers_.end() || at->second.how() != progress::mode::snapshot)
    return;
  progress& peer = at->second;
  snapshot_transfer& transfer = peer.transfer();
  if (transfer.index != request.index || transfer.term != request.term || transfer.offset != request.offset)
    return;
  if (!bytes) {
    // Replaced meanwhile by a newer one: begin again with that.
    if (log_.snapshot().index > transfer.index)
      peer.start_snapshot(log_.snapshot());
    return;
  }
  BROKER_ASSERT(request.offset <= size && bytes->size() <= size - request.offset, "bytes of the snapshot");
  BROKER_ASSERT(bytes->size() <= settings_.chunk_bytes, "as much as was asked for");
  BROKER_ASSERT(!bytes->empty() || request.offset == size, "a chunk brings something, unless all is there");
  transfer.size = size;
  transfer.sent_at = now_;
  send(request.to,
       chunk_message{{transfer.index, transfer.term, transfer.members}, transfer.offset, size, std::string{*bytes}});
}

void core::on_chunk_answer(node_id from, const chunk_answer& answer) {
  const auto at = peers_.find(from);
  if (!leads() || at == peers_.end())
    return;
  at->second.note_answer(now_, 0);
  if (at->second.how() != progress::mode::snapshot)
    return;
  snapshot_transfer& transfer = at->second.transfer();
  // An answer that wants what is on its way already, or an old one.
  if (transfer.index != answer.index || transfer.term != answer.term || !transfer.outstanding
      || answer.next_offset == transfer.offset || answer.next_offset > transfer.size)
    return;
  transfer.offset = answer.next_offset;
  // All there: what is left is its installation, which an append answer will tell; retry_snapshot() asks again.
  transfer.outstanding = transfer.offset == transfer.size;
  BROKER_ASSERT(transfer.offset <= transfer.size, "inside the snapshot");
}

void core::snapshot_stored(const snapshot_meta& meta) {
  snapshot_wanted_ = false;
  if (meta.index <= log_.snapshot().index)
    return; // one that was received has overtaken it
  BROKER_ASSERT(meta.index <= applied_, "a snapshot holds applied entries");
  BROKER_ASSERT(planted(plant::snapshot_with_uncommitted_config) || meta.members == log_.members_at(meta.index),
                "a snapshot names the members that were committed");
  log_.compact(meta, settings_.trailing_entries);
}

snapshot_meta core::snapshot_point() const {
  BROKER_ASSERT(applied_ >= log_.snapshot().index && applied_ >= log_.base(), "applied and known");
  return {applied_, log_.term_at(applied_), log_.members_at(applied_)};
}

} // namespace broker::raft

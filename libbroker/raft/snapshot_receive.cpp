// A member that is too far behind receives a snapshot. The host writes the chunks to a temporary file; nothing of them
// counts before snapshot_installed. Chunks of another leader or another snapshot never mix: the file starts again.
#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "raft/core.hpp"

namespace broker::raft {

void core::on_chunk(node_id from, uint64_t term, chunk_message& chunk) {
  if (!accept_leader(from, term, chunk.meta.index))
    return;
  const uint64_t index = chunk.meta.index;
  const uint64_t snapshot_term = chunk.meta.term;
  if (!installing()) {
    // What is in the log already need not be installed.
    if (index > commit_ && log_.holds(index, snapshot_term)) {
      checked_ = std::max(checked_, index);
      commit_ = index;
    }
    if (index <= commit_) {
      incoming_.reset();
      return answer_leader();
    }
    if (!take_chunk(term, chunk))
      return send(from, chunk_answer{index, snapshot_term, 0});
  }
  BROKER_ASSERT(incoming_, "a transfer that runs");
  if (incoming_->meta.index == index && incoming_->meta.term == snapshot_term)
    send(from, chunk_answer{index, snapshot_term, incoming_->next});
}

// False: this snapshot must be sent from its beginning.
bool core::take_chunk(uint64_t term, chunk_message& chunk) {
  const bool same = incoming_ && (incoming_->from_term == term || planted(plant::stale_chunk_accepted))
                 && (incoming_->meta == chunk.meta || planted(plant::stale_chunk_accepted))
                 && incoming_->size == chunk.size;
  if (!same) {
    incoming_.reset();
    if (chunk.offset != 0)
      return false;
    incoming_ = incoming{term, chunk.meta, chunk.size, 0, false};
  }
  if (planted(plant::stale_chunk_accepted))
    incoming_->meta = chunk.meta;
  if (chunk.offset != incoming_->next)
    return true; // a repetition, or one got lost: the answer tells what is wanted
  if (chunk.data.empty() && chunk.size > 0)
    return true; // only a question
  incoming_->next += chunk.data.size();
  incoming_->whole = incoming_->next == incoming_->size;
  BROKER_ASSERT(incoming_->next <= incoming_->size, "a chunk lies inside the snapshot");
  out_.store_chunk = consensus::snapshot_chunk{chunk.meta, chunk.offset, std::move(chunk.data), incoming_->whole};
  return true;
}

void core::snapshot_installed(const snapshot_meta& meta) {
  BROKER_ASSERT(installing() && incoming_->meta == meta, "the snapshot that was handed out whole");
  BROKER_ASSERT(!leads() && meta.index > commit_, "a snapshot brings a follower forward");
  const bool same_leader = leader_ != 0 && incoming_->from_term == state_.term;
  log_.reset(meta);
  commit_ = emitted_ = persisted_ = handed_out_ = applied_ = meta.index;
  // Of a later term, nothing is known to agree; of this one, all of it does.
  checked_ = same_leader ? meta.index : 0;
  cut_in_term_ = state_.term;
  snapshot_wanted_ = false;
  incoming_.reset();
  if (same_leader)
    answer_leader();
}

} // namespace broker::raft

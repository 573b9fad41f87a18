// The segments' half of the index: what may be reused, and what must be written again first.
#include <algorithm>

#include "base/assert.hpp"
#include "journal_index.hpp"

namespace broker {

void journal_index::open_segment(segment_ref opened, uint64_t first_number) {
  const uint32_t sequence = opened->sequence;
  BROKER_ASSERT(segments_.empty() || segments_.rbegin()->first < sequence, "segments are opened in order");
  auto& segment = segments_[sequence];
  segment.file = std::move(opened);
  segment.first_number = first_number;
}

void journal_index::close_segment(uint32_t sequence, uint64_t end_number) {
  segments_.at(sequence).end_number = end_number;
}

std::vector<manifest_entry> journal_index::closed_segments() const {
  std::vector<manifest_entry> closed;
  for (const auto& [sequence, segment] : segments_)
    if (segment.end_number != 0 && !segment.retiring)
      closed.push_back({sequence, segment.first_number, segment.end_number});
  return closed;
}

uint32_t journal_index::retirement_candidate(uint64_t segment_bytes, size_t keep) const {
  uint32_t sparsest = 0;
  uint64_t least = segment_bytes / 4;
  for (const auto& [sequence, segment] : segments_) {
    if (segment.end_number == 0 || segment.damaged)
      continue;
    const uint64_t needed = segment.live_bytes + segment.log_bytes;
    // What is needed of logs is written again: with much of it the segment would only move, again and again.
    if (segment.live == 0 && needed < segment_bytes / 4)
      return sequence;
    if (segments_.size() > keep && needed < least) {
      least = needed;
      sparsest = sequence;
    }
  }
  return sparsest;
}

/// Facts count, too: what was settled before a drop would end messages that are stored under the same numbers once
/// nothing tells of the drop any more.
bool journal_index::told_of_elsewhere(queue_id queue, uint32_t sequence) const {
  return std::any_of(segments_.begin(), segments_.end(), [&](const auto& entry) {
    const segment_content& one = entry.second;
    return entry.first != sequence
        && (one.appended.contains(queue) || one.settled.contains(queue) || one.delivered.contains(queue));
  });
}

queue_facts journal_index::carried_facts(queue_id queue, uint32_t sequence, const segment_content& noted) const {
  queue_facts facts{queue, false, 0, {}};
  if (dropped_.contains(queue)) {
    facts.dropped = noted.dropped.contains(queue) && told_of_elsewhere(queue, sequence);
    return facts;
  }
  const auto found = queues_.find(queue);
  if (found == queues_.end())
    return facts;
  const auto& content = found->second;
  if (noted.delivered.contains(queue) && content.live > 0)
    facts.delivered = content.delivered;
  const auto span = noted.settled.find(queue);
  if (span == noted.settled.end())
    return facts;
  for (auto at = find(content, span->second.first); at != content.extents.end() && at->first < span->second.last;
       ++at) {
    if (at->segment == sequence || at->segment == extent::in_backlog)
      continue;
    const seq_range part{std::max(at->first, span->second.first), std::min(at->last(), span->second.last)};
    content.dead.inside(part, [&](seq_range dead) {
      if (!facts.settled.empty() && facts.settled.back().last == dead.first)
        facts.settled.back().last = dead.last;
      else
        facts.settled.push_back(dead);
    });
  }
  return facts;
}

std::vector<queue_facts> journal_index::facts_to_carry(uint32_t sequence) const {
  const auto& noted = segments_.at(sequence);
  std::set<queue_id> concerned = noted.delivered;
  concerned.insert(noted.dropped.begin(), noted.dropped.end());
  for (const auto& [queue, span] : noted.settled)
    concerned.insert(queue);
  std::vector<queue_facts> carried;
  for (const queue_id queue : concerned) {
    auto facts = carried_facts(queue, sequence, noted);
    if (facts.dropped || facts.delivered != 0 || !facts.settled.empty())
      carried.push_back(std::move(facts));
  }
  return carried;
}

std::vector<journal_index::placed_log> journal_index::logs_to_carry(uint32_t sequence) const {
  std::vector<placed_log> carried;
  const auto& segment = segments_.at(sequence);
  if (segment.log_bytes == 0)
    return carried;
  for (const queue_id queue : segment.appended)
    if (const auto found = queues_.find(queue); found != queues_.end())
      for (const log_place& where : found->second.log)
        if (where.segment == sequence)
          carried.push_back({queue, where, segment.file});
  return carried;
}

std::vector<std::pair<queue_id, read_piece>> journal_index::survivors(uint32_t sequence) const {
  std::vector<std::pair<queue_id, read_piece>> alive;
  const auto& segment = segments_.at(sequence);
  for (const queue_id queue : segment.appended) {
    const auto found = queues_.find(queue);
    if (found == queues_.end())
      continue;
    for (const extent& where : found->second.extents)
      if (where.segment == sequence && where.live > 0)
        alive.push_back({queue, {where, segment.file, live_parts(found->second, where, {where.first, where.last()})}});
  }
  return alive;
}

std::vector<seq_range> journal_index::moved_to_backlog(queue_id queue, const read_piece& moved) {
  const auto found = queues_.find(queue);
  if (found == queues_.end())
    return moved.live;
  auto& content = found->second;
  const auto at = find(content, moved.where.first);
  BROKER_ASSERT(at != content.extents.end() && at->segment == moved.where.segment && at->first == moved.where.first
                  && at->count == moved.where.count,
                "an extent of a closed segment does not change");
  const extent old = *at;
  std::vector<seq_range> died;
  for (const auto& part : moved.live)
    content.dead.inside(part, [&](seq_range dead) { died.push_back(dead); });
  std::vector<extent> alive;
  content.dead.gaps({old.first, old.last()}, [&](seq_range part) {
    const auto count = static_cast<uint32_t>(part.size());
    const auto bytes = static_cast<uint32_t>(share(old, count));
    alive.push_back({part.first, count, count, extent::in_backlog, 0, bytes, old.transient});
  });
  auto& segment = segments_.at(old.segment);
  segment.live -= old.live;
  segment.live_bytes -= share(old, old.live);
  // The dead of this extent are forgotten with it: its segment is the next to be retired, before any that tells of
  // them.
  content.dead.remove({old.first, old.last()});
  content.extents.insert(content.extents.erase(at), alive.begin(), alive.end());
  return died;
}

void journal_index::erase_extents(queue_id queue, uint32_t sequence) {
  const auto found = queues_.find(queue);
  if (found == queues_.end())
    return;
  auto& content = found->second;
  std::erase_if(content.extents, [&](const extent& where) {
    if (where.segment != sequence)
      return false;
    content.live -= where.live;
    content.dead.remove({where.first, where.last()});
    return true;
  });
  std::erase_if(content.log, [&](const log_place& where) { return where.segment == sequence; });
}

segment_ref journal_index::forget_segment(uint32_t sequence) {
  auto node = segments_.extract(sequence);
  auto& segment = node.mapped();
  BROKER_ASSERT(segment.live == 0 && segment.log_bytes == 0 && segment.pins == 0, "a segment in use is not forgotten");
  for (const queue_id queue : segment.appended)
    erase_extents(queue, sequence);
  const auto word_is_left = [&](queue_id queue) {
    return std::any_of(segments_.begin(), segments_.end(),
                       [&](const auto& entry) { return entry.second.dropped.contains(queue); });
  };
  std::erase_if(dropped_, [&](queue_id queue) { return !told_of_elsewhere(queue, sequence) && !word_is_left(queue); });
  return std::move(segment.file);
}

void journal_index::disregard_segment(uint32_t sequence) {
  auto& segment = segments_.at(sequence);
  for (const queue_id queue : segment.appended)
    erase_extents(queue, sequence);
  segment.live = 0;
  segment.live_bytes = 0;
  segment.log_bytes = 0;
}

void journal_index::pin(uint32_t sequence) {
  ++segments_.at(sequence).pins;
}

void journal_index::unpin(uint32_t sequence) {
  auto& pins = segments_.at(sequence).pins;
  BROKER_ASSERT(pins > 0, "unpinned more often than pinned");
  --pins;
}

bool journal_index::pinned(uint32_t sequence) const {
  return segments_.at(sequence).pins > 0;
}

void journal_index::mark_damaged(uint32_t sequence) {
  segments_.at(sequence).damaged = true;
}

uint64_t journal_index::live_messages(uint32_t sequence) const {
  return segments_.at(sequence).live;
}

} // namespace broker

#include "journal_index.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace broker {
namespace {

bool continues(const extent& back, const extent& next) {
  return back.segment == next.segment && back.last() == next.first && back.transient == next.transient
      && next.offset >= back.offset + back.bytes
      && next.offset - (back.offset + back.bytes) <= journal_index::extent_gap_bytes
      && uint64_t{next.offset} + next.bytes - back.offset <= journal_index::extent_bytes;
}

} // namespace

// -- queues
// -------------------------------------------------------------------------------------------------------------

std::deque<extent>::iterator journal_index::find(queue_content& content, seqno seq) {
  return std::upper_bound(content.extents.begin(), content.extents.end(), seq,
                          [](seqno wanted, const extent& candidate) { return wanted < candidate.last(); });
}

std::deque<extent>::const_iterator journal_index::find(const queue_content& content, seqno seq) {
  return std::upper_bound(content.extents.begin(), content.extents.end(), seq,
                          [](seqno wanted, const extent& candidate) { return wanted < candidate.last(); });
}

void journal_index::add(queue_id queue, const extent& added) {
  auto& segment = segments_.at(added.segment);
  segment.appended.insert(queue);
  if (dropped_.contains(queue))
    return;
  auto& content = queues_[queue];
  content.next = std::max(content.next, added.last());
  content.live += added.live;
  segment.live += added.live;
  segment.live_bytes += share(added, added.live);
  auto& extents = content.extents;
  if (!extents.empty() && extents.back().live == extents.back().count && continues(extents.back(), added)) {
    extent& back = extents.back();
    segment.live_bytes -= share(back, back.live) + share(added, added.live);
    back.count += added.count;
    back.live += added.live;
    back.bytes = added.offset + added.bytes - back.offset;
    segment.live_bytes += share(back, back.live);
    return;
  }
  const auto at = find(content, added.first);
  BROKER_ASSERT(at == extents.end() || at->first >= added.last(), "a sequence number was stored twice");
  extents.insert(at, added);
}

bool journal_index::add_backlog(queue_id queue, seqno seq, uint32_t bytes) {
  auto& content = queues_[queue];
  content.next = std::max(content.next, seq + 1);
  const auto at = find(content, seq);
  if (at != content.extents.end() && at->first <= seq)
    return false;
  if (at != content.extents.begin()) {
    extent& before = *std::prev(at);
    if (before.segment == extent::in_backlog && before.last() == seq && before.bytes + bytes <= extent_bytes
        && before.live == before.count) {
      ++before.count;
      ++before.live;
      before.bytes += bytes;
      ++content.live;
      return true;
    }
  }
  content.extents.insert(at, extent{seq, 1, 1, extent::in_backlog, 0, bytes, false});
  ++content.live;
  return true;
}

void journal_index::account_dead(queue_content& content, extent& where, uint32_t count) {
  BROKER_ASSERT(where.live >= count, "more messages died than lived");
  if (where.segment != extent::in_backlog) {
    auto& segment = segments_.at(where.segment);
    segment.live_bytes -= share(where, where.live) - share(where, where.live - count);
    segment.live -= count;
  }
  where.live -= count;
  content.live -= count;
}

void journal_index::settle(queue_id queue, seq_range gone, uint32_t noted_in, std::vector<seq_range>& backlog_gone) {
  auto [span, fresh_span] = segments_.at(noted_in).settled.try_emplace(queue, gone);
  if (!fresh_span)
    span->second = {std::min(span->second.first, gone.first), std::max(span->second.last, gone.last)};
  const auto found = queues_.find(queue);
  if (found == queues_.end())
    return;
  auto& content = found->second;
  for (auto at = find(content, gone.first); at != content.extents.end() && at->first < gone.last;) {
    const seq_range part{std::max(gone.first, at->first), std::min(gone.last, at->last())};
    uint32_t died = 0;
    content.dead.add(part, [&](seq_range fresh) {
      died += static_cast<uint32_t>(fresh.size());
      if (at->segment == extent::in_backlog)
        backlog_gone.push_back(fresh);
    });
    account_dead(content, *at, died);
    if (at->segment == extent::in_backlog && at->live == 0) {
      content.dead.remove({at->first, at->last()});
      at = content.extents.erase(at);
    } else {
      ++at;
    }
  }
}

void journal_index::delivered(queue_id queue, seqno upto, uint32_t noted_in) {
  if (dropped_.contains(queue))
    return;
  auto& content = queues_[queue];
  content.delivered = std::max(content.delivered, upto);
  segments_.at(noted_in).delivered.insert(queue);
}

bool journal_index::drop(queue_id queue, uint32_t noted_in) {
  segments_.at(noted_in).dropped.insert(queue);
  dropped_.insert(queue);
  const auto found = queues_.find(queue);
  if (found == queues_.end())
    return false;
  bool in_backlog = false;
  for (extent& where : found->second.extents) {
    in_backlog |= where.segment == extent::in_backlog;
    account_dead(found->second, where, where.live);
  }
  for (const log_place& where : found->second.log)
    forget_log(where);
  queues_.erase(found);
  return in_backlog;
}

std::vector<seq_range> journal_index::live_parts(const queue_content& content, const extent& where,
                                                 seq_range within) const {
  std::vector<seq_range> live;
  const seq_range asked{std::max(where.first, within.first), std::min(where.last(), within.last)};
  if (where.live > 0 && asked.first < asked.last)
    content.dead.gaps(asked, [&](seq_range part) { live.push_back(part); });
  return live;
}

std::vector<read_piece> journal_index::plan_read(queue_id queue, seqno from, seqno before, size_t max_bytes) {
  std::vector<read_piece> plan;
  const auto found = queues_.find(queue);
  if (found == queues_.end())
    return plan;
  auto& content = found->second;
  size_t bytes = 0;
  for (auto at = find(content, from); at != content.extents.end() && at->first < before && bytes < max_bytes; ++at) {
    auto live = live_parts(content, *at, {from, before});
    if (live.empty())
      continue;
    for (const auto& part : live)
      bytes += share(*at, part.size());
    segment_ref segment;
    if (at->segment != extent::in_backlog) {
      segment = segments_.at(at->segment).file;
      pin(at->segment);
    }
    plan.push_back({*at, std::move(segment), std::move(live)});
  }
  return plan;
}

bool journal_index::contains(queue_id queue, seqno seq) const {
  const auto found = queues_.find(queue);
  if (found == queues_.end())
    return false;
  const auto at = find(found->second, seq);
  return at != found->second.extents.end() && at->first <= seq && !found->second.dead.contains(seq);
}

// -- logs
// ---------------------------------------------------------------------------------------------------------------

void journal_index::forget_log(const log_place& gone) {
  segments_.at(gone.segment).log_bytes -= gone.bytes;
}

void journal_index::add_log(queue_id queue, const log_place& added) {
  auto& segment = segments_.at(added.segment);
  segment.appended.insert(queue);
  if (dropped_.contains(queue))
    return;
  auto& content = queues_[queue];
  content.next_log = std::max(content.next_log, added.number + 1);
  auto& log = content.log;
  if (!log.empty() && log.front().begins_anew && added.number < log.front().number)
    return; // written again while the log began anew
  const auto at = std::lower_bound(log.begin(), log.end(), added.number,
                                   [](const log_place& each, uint64_t number) { return each.number < number; });
  if (at != log.end() && at->number == added.number) {
    forget_log(*at);
    *at = added;
  } else {
    log.insert(at, added);
  }
  segment.log_bytes += added.bytes;
  if (added.begins_anew)
    for (; log.front().number < added.number; log.pop_front())
      forget_log(log.front());
}

std::vector<journal_index::placed_log> journal_index::log_of(queue_id queue) const {
  std::vector<placed_log> log;
  if (const auto found = queues_.find(queue); found != queues_.end())
    for (const log_place& where : found->second.log)
      log.push_back({queue, where, segments_.at(where.segment).file});
  return log;
}

uint64_t journal_index::next_log(queue_id queue) const {
  const auto found = queues_.find(queue);
  return found == queues_.end() ? 1 : found->second.next_log;
}

// -- recovery
// -----------------------------------------------------------------------------------------------------------

std::vector<queue_id> journal_index::queues() const {
  std::vector<queue_id> ids;
  ids.reserve(queues_.size());
  for (const auto& [id, content] : queues_)
    ids.push_back(id);
  return ids;
}

std::vector<read_piece> journal_index::live_extents(queue_id queue) const {
  std::vector<read_piece> found;
  const auto& content = queues_.at(queue);
  for (const extent& where : content.extents) {
    auto live = live_parts(content, where, {where.first, where.last()});
    if (live.empty())
      continue;
    segment_ref segment = where.segment == extent::in_backlog ? nullptr : segments_.at(where.segment).file;
    found.push_back({where, std::move(segment), std::move(live)});
  }
  return found;
}

seqno journal_index::next(queue_id queue) const {
  const auto found = queues_.find(queue);
  return found == queues_.end() ? 1 : found->second.next;
}

seqno journal_index::delivered_upto(queue_id queue) const {
  const auto found = queues_.find(queue);
  return found == queues_.end() ? 0 : found->second.delivered;
}

void journal_index::note_next(queue_id queue, seqno next) {
  if (!dropped_.contains(queue))
    queues_[queue].next = std::max(queues_[queue].next, next);
}

} // namespace broker

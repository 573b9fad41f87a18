#include "journal_recovery.hpp"

#include <algorithm>

#include "base/crc32c.hpp"
#include "message_reader.hpp"
#include "queue_lives.hpp"

namespace broker {
namespace {

/// First sequence number of a mark that seals a segment; the writer's marks have 0.
constexpr uint64_t seal_first = 1;

error damage(const std::string& path, uint64_t offset, std::string_view what) {
  return {0, path + " is damaged at offset " + std::to_string(offset) + ": " + std::string(what)};
}

} // namespace

result<journal_writer::position> journal_recovery::run() {
  for (const auto step : {&journal_recovery::load_heads, &journal_recovery::scan_segments,
                          &journal_recovery::load_backlog, &journal_recovery::finish_segments})
    if (auto done = (this->*step)(); !done)
      return done.error();
  journal_writer::position position;
  for (const auto& segment : segments_) {
    position.sequence = std::max(position.sequence, segment.head.sequence);
    if (segment.scanned && segment.end_number >= position.number) {
      position.number = segment.end_number;
      position.previous = segment.end_crc;
    }
  }
  return position;
}

result<void> journal_recovery::load_heads() {
  auto files = pool_.open_existing();
  if (!files)
    return files.error();
  for (auto& file : *files) {
    std::string bytes(segment_head_bytes, '\0');
    auto got = file->content->read(0, bytes);
    if (!got)
      return got.error();
    const auto loaded = load_segment_head(std::string_view(bytes).substr(0, *got));
    if (loaded.state == head_state::damaged)
      return damage(file->path, 0, "both copies of the segment's head are broken");
    if (loaded.state == head_state::unused) {
      blank_.push_back(std::move(file));
      continue;
    }
    file->sequence = loaded.head.sequence;
    file->salt = loaded.head.salt;
    segments_.push_back({std::move(file), loaded.head});
  }
  std::sort(segments_.begin(), segments_.end(),
            [](const auto& a, const auto& b) { return a.head.sequence < b.head.sequence; });
  for (size_t i = 1; i < segments_.size(); ++i)
    if (segments_[i].head.sequence == segments_[i - 1].head.sequence)
      return damage(segments_[i].file->path, 0, "same sequence number as " + segments_[i - 1].file->path);
  return {};
}

// -- the chain
// ----------------------------------------------------------------------------------------------------------

result<void> journal_recovery::scan_segments() {
  // Normally once. Again without the later segments when one of those calls for records that never became durable.
  for (uint32_t last_sequence = UINT32_MAX;;) {
    if (auto scanned = scan_chain(last_sequence); !scanned)
      return scanned;
    if (auto searched = search_unscanned(); !searched)
      return searched;
    const auto gap = hole_in_manifest();
    // First where the chain ends: the word that a listed segment was retired may be behind that.
    for (const auto& missing : {end_, gap})
      if (missing && evidence_ > missing->number)
        return error{0, missing->text + ", but was synced before later records"};
    if (!gap)
      return {};
    last_sequence = gap->sequence;
  }
}

result<void> journal_recovery::scan_chain(uint32_t last_sequence) {
  index_ = {};
  settled_.clear();
  manifest_.clear();
  retired_.clear();
  counted_.clear();
  end_.reset();
  for (auto& segment : segments_)
    segment.scanned = false;
  for (size_t at = 0; at < segments_.size() && segments_[at].head.sequence <= last_sequence && !end_; ++at) {
    const segment_head* following = at + 1 < segments_.size() ? &segments_[at + 1].head : nullptr;
    if (following && following->sequence > last_sequence)
      following = nullptr;
    if (auto scanned = scan_one(segments_[at], following); !scanned)
      return scanned;
  }
  return {};
}

result<void> journal_recovery::scan_one(found_segment& segment, const segment_head* following) {
  index_.open_segment(segment.file, segment.head.first_number);
  segment.scanned = true;
  segment_scanner scanner(*segment.file, segment.head);
  auto scanned = scanner.scan([&](const record_head& head, uint32_t offset, std::string_view payload) {
    return apply(segment, head, offset, payload);
  });
  if (!scanned)
    return scanned;
  segment.end_offset = scanner.end_offset();
  segment.end_number = scanner.end_number();
  segment.end_crc = scanner.end_crc();
  // Between two that are not neighbours one was retired: what manifests say of the end decides.
  const bool adjacent = following && following->sequence == segment.head.sequence + 1;
  const bool joined =
    following && following->first_number == segment.end_number && following->previous == segment.end_crc;
  if (!following || (adjacent && !joined)) {
    end_ = hole_at(segment);
    if (auto searched = scanner.search_rest(); !searched)
      return searched;
  }
  evidence_ = std::max(evidence_, scanner.synced());
  return {};
}

result<void> journal_recovery::search_unscanned() {
  for (const auto& segment : segments_) {
    if (segment.scanned)
      continue;
    segment_scanner scanner(*segment.file, segment.head);
    auto scanned = scanner.scan([](const record_head&, uint32_t, std::string_view) { return result<void>{}; });
    if (scanned)
      scanned = scanner.search_rest();
    if (!scanned)
      return scanned;
    evidence_ = std::max(evidence_, scanner.synced());
  }
  return {};
}

journal_recovery::hole journal_recovery::hole_at(const found_segment& segment) const {
  return {segment.head.sequence, segment.end_number,
          segment.file->path + " is damaged at offset " + std::to_string(segment.end_offset) + ": record "
            + std::to_string(segment.end_number) + " is unreadable"};
}

std::optional<journal_recovery::hole> journal_recovery::hole_in_manifest() const {
  for (const auto& entry : manifest_) {
    if (retired_.contains(entry.sequence))
      continue;
    const auto found = std::find_if(segments_.begin(), segments_.end(),
                                    [&](const auto& each) { return each.head.sequence == entry.sequence; });
    if (found == segments_.end())
      return hole{entry.sequence, entry.first_number,
                  "journal segment " + std::to_string(entry.sequence) + " (records from "
                    + std::to_string(entry.first_number) + " on) is missing: its file is gone or its head erased"};
    if (found->end_number != entry.end_number)
      return hole_at(*found);
  }
  return std::nullopt;
}

result<void> journal_recovery::apply(const found_segment& segment, const record_head& head, uint32_t offset,
                                     std::string_view payload) {
  switch (head.kind) {
  case record_kind::messages:
  case record_kind::page_out:
    if (payload.size() / message_head_bytes < head.count || head.count == 0)
      return damage(segment.file->path, offset, "messages record of impossible size");
    index_.add(head.queue, {head.first, head.count, head.count, segment.head.sequence, offset,
                            static_cast<uint32_t>(head.size()), head.kind == record_kind::page_out});
    if (!index_.dropped(head.queue))
      counted_[head.queue].push_back({head.first, head.count, offset, head.body_bytes, head.facts, segment.file.get()});
    return {};
  case record_kind::facts:
    return apply_facts(segment, offset, payload);
  case record_kind::manifest: {
    manifest_.clear();
    return parse_manifest(payload, manifest_) ? result<void>{}
                                              : damage(segment.file->path, offset, "malformed manifest");
  }
  case record_kind::retire:
    retired_.insert(static_cast<uint32_t>(head.first));
    return {};
  case record_kind::log:
    index_.add_log(head.queue,
                   {head.first, segment.head.sequence, offset, static_cast<uint32_t>(head.size()), head.count != 0});
    return {};
  case record_kind::mark:
    return {};
  }
  return damage(segment.file->path, offset, "unknown kind of record");
}

result<void> journal_recovery::apply_facts(const found_segment& segment, uint32_t offset, std::string_view payload) {
  std::vector<seq_range> unused;
  const bool parsed = parse_facts(payload, [&](queue_facts& facts) {
    if (facts.dropped) {
      index_.drop(facts.queue, segment.head.sequence);
      counted_.erase(facts.queue);
      return;
    }
    if (facts.delivered > 0) {
      index_.delivered(facts.queue, facts.delivered, segment.head.sequence);
      index_.note_next(facts.queue, facts.delivered);
    }
    for (const auto& range : facts.settled) {
      index_.settle(facts.queue, range, segment.head.sequence, unused);
      index_.note_next(facts.queue, range.last);
      settled_[facts.queue].add(range, [](seq_range) {});
    }
  });
  return parsed ? result<void>{} : damage(segment.file->path, offset, "malformed facts record");
}

// -- the backlog and the end
// --------------------------------------------------------------------------------------------

/// What a queue without a log had paged out is as good as what was only in its memory. It is written down that it has
/// ended, or a log that the queue gets later would bring it back.
void journal_recovery::forget_page_outs() {
  std::vector<seq_range> in_backlog; // nothing of it is known yet
  for (const queue_id id : index_.queues()) {
    if (index_.next_log(id) != 1)
      continue;
    queue_facts forgotten{id, false, 0, {}};
    for (const read_piece& piece : index_.live_extents(id))
      if (piece.where.transient)
        for (const seq_range& part : piece.live) {
          index_.settle(id, part, piece.where.segment, in_backlog);
          forgotten.settled.push_back(part);
        }
    if (!forgotten.settled.empty())
      forgotten_.push_back(std::move(forgotten));
  }
}

result<void> journal_recovery::load_backlog() {
  for (const auto& segment : segments_) {
    if (!segment.scanned || !retired_.contains(segment.head.sequence))
      continue;
    index_.disregard_segment(segment.head.sequence);
    for (auto& [queue, records] : counted_)
      std::erase_if(records, [&](const counted& each) { return each.segment == segment.file.get(); });
  }
  forget_page_outs();
  std::map<queue_id, std::vector<seq_range>> gone;
  result<void> outcome;
  auto scanned = backlog_.scan([&](queue_id queue, seqno seq, std::string_view value) {
    auto decoded = decode_backlog_value(queue, seq, value);
    if (!decoded) {
      outcome = decoded.error();
      return false;
    }
    const bool forgotten = decoded->transient && index_.next_log(queue) == 1;
    const bool dead = forgotten || index_.dropped(queue) || settled_[queue].contains(seq);
    if (dead || !index_.add_backlog(queue, seq, static_cast<uint32_t>(value.size()))) {
      auto& ranges = gone[queue];
      if (!ranges.empty() && ranges.back().last == seq)
        ++ranges.back().last;
      else
        ranges.push_back({seq, seq + 1});
    } else {
      counted_[queue].push_back({seq, 1, 0, decoded->content.body_size, decoded->facts, nullptr});
    }
    return true;
  });
  if (!scanned || !outcome)
    return scanned ? outcome : scanned;
  for (const auto& [queue, ranges] : gone)
    if (auto erased = backlog_.erase(queue, ranges); !erased)
      return erased;
  return backlog_.sync();
}

result<void> journal_recovery::finish_segments() {
  // Later segments first: should this be interrupted, the torn place is still the end of what remains.
  found_segment* last = nullptr;
  for (auto at = segments_.rbegin(); at != segments_.rend(); ++at) {
    const bool retired = retired_.contains(at->head.sequence);
    if (at->scanned && !retired && at->end_number > at->head.first_number) {
      if (last == nullptr)
        last = &*at;
      if (auto synced = at->file->content->sync(); !synced)
        return synced;
      continue;
    }
    notes_.push_back(at->file->path + (retired ? ": finished its retirement" : ": dropped, it never became durable"));
    if (at->scanned)
      index_.forget_segment(at->head.sequence);
    if (auto wiped = pool_.wipe(at->file); !wiped)
      return wiped;
  }
  for (auto& blank : blank_)
    if (auto wiped = pool_.wipe(std::move(blank)); !wiped)
      return wiped;
  if (last)
    if (auto sealed = seal(*last); !sealed)
      return sealed;
  for (const auto& segment : segments_)
    if (segment.scanned && !retired_.contains(segment.head.sequence) && segment.end_number > segment.head.first_number)
      index_.close_segment(segment.head.sequence, segment.end_number);
  return {};
}

result<void> journal_recovery::seal(found_segment& last) {
  record_head head;
  head.kind = record_kind::mark;
  // Unlike every mark of the writer: one that the crash has torn away here may have left its successor behind, which
  // would continue an equal mark.
  head.first = seal_first;
  head.salt = static_cast<uint32_t>(last.file->salt);
  head.number = last.end_number;
  head.synced = last.end_number;
  head.previous = last.end_crc;
  char bytes[record_head_bytes];
  store_record_head(bytes, head);
  head.crc = crc32c({bytes + 4, record_head_bytes - 4}, record_seed(last.file->salt));
  store_u32(bytes, head.crc);
  const std::string_view part{bytes, record_head_bytes};
  if (auto written = last.file->content->write(last.end_offset, {&part, 1}); !written)
    return written;
  if (auto synced = last.file->content->sync(); !synced)
    return synced;
  last.end_offset += head.size();
  last.end_number += 1;
  last.end_crc = head.crc;
  return {};
}

// -- what the queues are told
// -------------------------------------------------------------------------------------------

result<uint64_t> journal_recovery::body_bytes(const counted& record, seq_range part) const {
  if (part.size() == record.count)
    return record.body_bytes;
  std::string heads(size_t{record.count} * message_head_bytes, '\0');
  auto got = record.segment->content->read(record.offset + record_head_bytes, heads);
  if (!got)
    return got.error();
  uint64_t total = 0;
  for (seqno seq = part.first; seq < part.last; ++seq)
    total += load_message_head(heads.data() + (seq - record.first) * message_head_bytes).body_size;
  return total;
}

/// Adds the messages of `part`, which are all alive, as runs of equal facts.
result<void> journal_recovery::add_runs(const std::vector<counted>& records, seq_range part, bool redelivered,
                                        std::vector<recovered_run>& to) const {
  if (part.first >= part.last)
    return {};
  auto at = std::upper_bound(records.begin(), records.end(), part.first,
                             [](seqno wanted, const counted& each) { return wanted < each.first + each.count; });
  for (; at != records.end() && at->first < part.last; ++at) {
    const seq_range here{std::max(at->first, part.first), std::min<seqno>(at->first + at->count, part.last)};
    auto bytes = body_bytes(*at, here);
    if (!bytes)
      return bytes.error();
    const auto count = static_cast<uint32_t>(here.size());
    const bool extends = !to.empty() && to.back().first + to.back().count == here.first
                      && to.back().redelivered == redelivered && to.back().facts == at->facts
                      && to.back().count <= UINT32_MAX - count;
    if (!extends)
      to.push_back({here.first, 0, 0, redelivered, at->facts});
    to.back().count += count;
    to.back().body_bytes += *bytes;
  }
  return {};
}

result<std::vector<recovered_queue>> journal_recovery::queues(const std::function<bool(queue_id)>& present) const {
  std::vector<recovered_queue> found;
  for (const queue_id id : index_.queues()) {
    if (!present(id))
      continue;
    recovered_queue queue{queue_lives::queue_of(id), index_.next(id), {}};
    std::vector<counted> records;
    if (const auto content = counted_.find(id); content != counted_.end())
      records = content->second;
    std::sort(records.begin(), records.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    const seqno watermark = index_.delivered_upto(id);
    for (const auto& piece : index_.live_extents(id))
      for (const auto& part : piece.live) {
        const seqno cut = std::clamp(watermark, part.first, part.last);
        auto added = add_runs(records, {part.first, cut}, true, queue.runs);
        if (added)
          added = add_runs(records, {cut, part.last}, false, queue.runs);
        if (!added)
          return added.error();
      }
    for (const auto& each : index_.log_of(id)) {
      auto record = read_log(each.where, *each.segment);
      if (!record)
        return record.error();
      queue.log.push_back(*std::move(record));
    }
    found.push_back(std::move(queue));
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return found;
}

} // namespace broker

#include "journal_writer.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/crc32c.hpp"

namespace broker {

journal_writer::journal_writer(segment_pool& pool, random_source salts, position start,
                               std::function<std::vector<manifest_entry>()> retained)
  : pool_(pool), salts_(salts), retained_(std::move(retained)), sequence_(start.sequence), number_(start.number),
    previous_(start.previous), synced_(start.number), flushed_(start.number) {}

// -- records
// ------------------------------------------------------------------------------------------------------------

result<void> journal_writer::add_messages(queue_id queue, const publish_batch& batch, slice where, seqno first,
                                          bool durable, message_facts facts) {
  while (where.lo < where.hi) {
    const payload_shape run = measure_payload(batch, where, record_payload_bytes);
    if (auto room = make_room(run.bytes); !room)
      return room;
    record_head head;
    head.kind = durable ? record_kind::messages : record_kind::page_out;
    head.length = static_cast<uint32_t>(run.bytes);
    head.queue = queue;
    head.first = first;
    head.count = run.count;
    head.body_bytes = run.body_bytes;
    head.facts = facts;
    report_.placed.push_back(
      {queue, extent{first, run.count, run.count, current_->sequence, static_cast<uint32_t>(offset_),
                     static_cast<uint32_t>(head.size()), !durable}});
    const size_t at = begin_record(head);
    char* heads = staged_.grow(size_t{run.count} * message_head_bytes);
    store_message_heads(heads, batch, {where.lo, where.lo + run.count});
    for (uint32_t i = 0; i < run.count; ++i) {
      const message& each = batch.messages[where.lo + i];
      if (i == 0 || !same_names(each, batch.messages[where.lo + i - 1]))
        staged_.put({each.names, each.names_size});
      if (each.raw_size >= gather_bytes)
        stage_external({each.raw, each.raw_size});
      else
        staged_.put({each.raw, each.raw_size});
    }
    end_record(at, head);
    where.lo += run.count;
    first += run.count;
    fresh_ = false;
    if (auto written = flush_if_much(); !written)
      return written;
  }
  return {};
}

result<void> journal_writer::flush_if_much() {
  const bool much = collected_ + staged_.size() >= write_bytes || parts_.size() >= write_parts;
  return much ? flush() : result<void>{};
}

result<void> journal_writer::add_small(record_head head, std::string_view payload) {
  head.length = static_cast<uint32_t>(payload.size());
  const size_t at = begin_record(head);
  staged_.put(payload);
  end_record(at, head);
  return {};
}

result<void> journal_writer::add_fact_record(std::vector<queue_facts>& facts) {
  byte_buffer payload;
  for (const auto& each : facts)
    put_facts(payload, each);
  if (auto room = make_room(payload.size()); !room)
    return room;
  record_head head;
  head.kind = record_kind::facts;
  for (auto& each : facts)
    report_.noted.push_back({current_->sequence, std::move(each)});
  facts.clear();
  fresh_ = false;
  return add_small(head, payload.view());
}

result<void> journal_writer::add_facts(std::vector<queue_facts> facts) {
  constexpr size_t ranges_per_record = record_payload_bytes / 2 / sizeof(seq_range);
  std::vector<queue_facts> record;
  size_t size = 0;
  for (auto& each : facts) {
    size_t from = 0;
    do {
      const size_t upto = std::min(each.settled.size(), from + ranges_per_record);
      queue_facts piece{each.queue, each.dropped, each.delivered, {}};
      piece.settled.assign(each.settled.begin() + static_cast<ptrdiff_t>(from),
                           each.settled.begin() + static_cast<ptrdiff_t>(upto));
      size += piece.settled.size() + 2;
      record.push_back(std::move(piece));
      from = upto;
      if (size >= ranges_per_record) {
        if (auto added = add_fact_record(record); !added)
          return added;
        size = 0;
      }
    } while (from < each.settled.size());
  }
  return record.empty() ? result<void>{} : add_fact_record(record);
}

result<void> journal_writer::add_log(queue_id queue, uint64_t number, std::string_view record, bool begins_anew) {
  if (auto room = make_room(record.size()); !room)
    return room;
  record_head head;
  head.kind = record_kind::log;
  head.length = static_cast<uint32_t>(record.size());
  head.queue = queue;
  head.first = number;
  head.count = begins_anew ? 1 : 0;
  report_.logged.push_back(
    {queue,
     {number, current_->sequence, static_cast<uint32_t>(offset_), static_cast<uint32_t>(head.size()), begins_anew}});
  fresh_ = false;
  if (auto added = add_small(head, record); !added)
    return added;
  return flush_if_much();
}

result<void> journal_writer::add_retire(uint32_t sequence) {
  if (auto room = make_room(0); !room)
    return room;
  record_head head;
  head.kind = record_kind::retire;
  head.first = sequence;
  fresh_ = false;
  return add_small(head, {});
}

result<void> journal_writer::add_mark() {
  if (auto room = make_room(0); !room)
    return room;
  record_head head;
  head.kind = record_kind::mark;
  fresh_ = false;
  return add_small(head, {});
}

size_t journal_writer::begin_record(record_head& head) {
  head.number = number_++;
  head.synced = synced_;
  head.previous = previous_;
  head.salt = static_cast<uint32_t>(current_->salt);
  witnessed_ = synced_;
  const size_t at = staged_.size();
  store_record_head(staged_.grow(record_head_bytes), head);
  summed_ = at + 4;
  sum_ = record_seed(current_->salt);
  return at;
}

void journal_writer::stage_external(std::string_view bytes) {
  const size_t staged = staged_.size();
  sum_ = crc32c({staged_.data() + summed_, staged - summed_}, sum_);
  sum_ = crc32c(bytes, sum_);
  summed_ = staged;
  if (staged > covered_)
    parts_.push_back({nullptr, staged - covered_});
  covered_ = staged;
  parts_.push_back({bytes.data(), bytes.size()});
  collected_ += bytes.size();
}

void journal_writer::end_record(size_t at, const record_head& head) {
  sum_ = crc32c({staged_.data() + summed_, staged_.size() - summed_}, sum_);
  store_u32(staged_.data() + at, sum_);
  previous_ = sum_;
  const uint64_t size = head.size();
  const uint64_t padding = size - record_head_bytes - head.length;
  std::memset(staged_.grow(padding), 0, padding);
  offset_ += size;
}

// -- segments
// -----------------------------------------------------------------------------------------------------------

result<void> journal_writer::make_room(uint64_t payload) {
  const uint64_t size = record_head_bytes + payload + 7;
  // Only a record that is larger than a whole segment makes its segment longer.
  if (current_ && (fresh_ || offset_ + size <= pool_.segment_bytes()))
    return {};
  return rotate();
}

result<void> journal_writer::rotate() {
  if (auto written = flush(); !written)
    return written;
  auto taken = pool_.take();
  if (!taken)
    return taken.error();
  if (current_)
    report_.closed.push_back({current_->sequence, segment_first_, number_});
  current_ = std::move(*taken);
  current_->sequence = ++sequence_;
  current_->salt = salts_.next();
  segment_first_ = number_;
  report_.opened.push_back({current_, number_});
  store_segment_head(staged_.grow(segment_head_bytes), {sequence_, current_->salt, number_, previous_});
  write_offset_ = 0;
  offset_ = segment_head_bytes;
  auto retained = retained_();
  retained.insert(retained.end(), report_.closed.begin(), report_.closed.end());
  byte_buffer payload;
  put_manifest(payload, retained);
  record_head head;
  head.kind = record_kind::manifest;
  fresh_ = true;
  return add_small(head, payload.view());
}

result<void> journal_writer::flush() {
  if (staged_.empty())
    return {};
  std::vector<std::string_view> views;
  views.reserve(parts_.size() + 1);
  const char* staged = staged_.data();
  for (const part& each : parts_) {
    views.emplace_back(each.external ? each.external : staged, each.size);
    staged += each.external ? 0 : each.size;
  }
  if (const char* end = staged_.data() + staged_.size(); staged != end)
    views.emplace_back(staged, static_cast<size_t>(end - staged));
  if (dirty_.empty() || dirty_.back() != current_)
    dirty_.push_back(current_);
  auto written = current_->content->write(write_offset_, views);
  write_offset_ = offset_;
  flushed_ = number_;
  staged_.clear();
  parts_.clear();
  collected_ = 0;
  covered_ = 0;
  return written;
}

result<void> journal_writer::sync() {
  for (const auto& each : dirty_)
    if (auto synced = each->content->sync(); !synced)
      return synced;
  dirty_.clear();
  synced_ = flushed_;
  return {};
}

} // namespace broker

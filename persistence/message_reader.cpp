#include "message_reader.hpp"

#include <algorithm>
#include <cstring>

#include "base/limits.hpp"
#include "journal_record.hpp"

namespace broker {
namespace {

/// Less than this part of what was read is copied: that costs less than the reading did.
constexpr size_t small_share = 2;

using reporter = std::function<void(store_damage)>;

bool is_live(const std::vector<seq_range>& live, seqno seq) {
  const auto at = std::upper_bound(live.begin(), live.end(), seq,
                                   [](seqno wanted, const seq_range& part) { return wanted < part.last; });
  return at != live.end() && at->first <= seq;
}

/// Adds the live messages of one record.
bool add_record(const record_head& head, std::string_view payload, const read_piece& piece, batch_builder& into) {
  std::vector<message> parsed;
  if (!parse_messages(payload, head.count, parsed))
    return false;
  for (uint32_t i = 0; i < head.count; ++i)
    if (is_live(piece.live, head.first + i))
      into.add(head.first + i, parsed[i], head.facts);
  return true;
}

/// Adds the live messages of `bytes`, the records of the piece.
seqno add_records(std::string_view bytes, const read_piece& piece, queue_id queue, size_t max_bytes,
                  batch_builder& into, const reporter& report) {
  const auto& where = piece.where;
  seqno next = where.first;
  for (size_t at = 0; next < where.last() && at < bytes.size();) {
    const auto head = load_record_head(bytes.substr(at), piece.segment->salt);
    const size_t size = head ? record_head_bytes + head->length : 0;
    if (!head || size > bytes.size() - at || !record_intact(bytes.substr(at, size), piece.segment->salt)) {
      report({queue,
              {next, where.last()},
              piece.segment->path + " is damaged at offset " + std::to_string(where.offset + at)});
      return where.last();
    }
    const bool ours =
      head->queue == queue && (head->kind == record_kind::messages || head->kind == record_kind::page_out);
    if (ours && head->first == next) {
      if (!add_record(*head, bytes.substr(at + record_head_bytes, head->length), piece, into))
        report({queue,
                {head->first, head->first + head->count},
                piece.segment->path + " holds a malformed record at offset " + std::to_string(where.offset + at)});
      next += head->count;
      if (into.bytes() >= max_bytes)
        return next;
    }
    at += head->size();
  }
  if (next < where.last())
    report({queue,
            {next, where.last()},
            piece.segment->path + " ends before offset " + std::to_string(where.offset + where.bytes)});
  return where.last();
}

seqno read_segment(const read_piece& piece, queue_id queue, size_t max_bytes, batch_builder& into,
                   const reporter& report) {
  const auto& where = piece.where;
  block_ref block{block::create(where.bytes)};
  const auto got = piece.segment->content->read(where.offset, {block->data(), where.bytes});
  if (!got) {
    report({queue, {where.first, where.last()}, got.error().text});
    return where.last();
  }
  const size_t before = into.messages();
  into.add_block(block);
  const seqno next = add_records({block->data(), *got}, piece, queue, max_bytes, into, report);
  into.shrink_block(before, where.bytes);
  return next;
}

seqno read_backlog(const read_piece& piece, queue_id queue, size_t max_bytes, backlog_store& backlog,
                   batch_builder& into, const reporter& report) {
  seqno next = piece.where.first;
  const auto visited = backlog.read(queue, {piece.live.front().first, piece.live.back().last},
                                    [&](queue_id, seqno seq, std::string_view value) {
                                      next = seq + 1;
                                      if (!is_live(piece.live, seq))
                                        return true;
                                      block_ref block{block::create(value.size())};
                                      std::memcpy(block->data(), value.data(), value.size());
                                      auto decoded = decode_backlog_value(queue, seq, {block->data(), value.size()});
                                      if (!decoded) {
                                        report({queue, {seq, seq + 1}, decoded.error().text});
                                        return true;
                                      }
                                      into.add_block(std::move(block));
                                      into.add(seq, decoded->content, decoded->facts);
                                      return into.bytes() < max_bytes;
                                    });
  if (!visited) {
    report({queue, {next, piece.where.last()}, visited.error().text});
    return piece.where.last();
  }
  return into.bytes() < max_bytes ? piece.where.last() : next;
}

} // namespace

void batch_builder::add(seqno seq, const message& content, message_facts facts) {
  if (keeps_facts_)
    facts_.push_back(facts);
  const auto at = static_cast<uint32_t>(batch_->messages.size());
  batch_->messages.push_back(content);
  batch_->bytes += content.raw_size + limits::publish_overhead_bytes;
  if (!runs_.empty() && runs_.back().first + runs_.back().where.size() == seq)
    ++runs_.back().where.hi;
  else
    runs_.push_back({batch_, {at, at + 1}, seq});
}

void batch_builder::shrink_block(size_t from, size_t block_bytes) {
  size_t wanted = 0;
  for (size_t at = from; at < batch_->messages.size(); ++at)
    wanted += batch_->messages[at].names_size + batch_->messages[at].raw_size;
  if (wanted > block_bytes / small_share)
    return;
  block_ref smaller{block::create(wanted)};
  char* to = smaller->data();
  const auto move = [&to](const char*& bytes, size_t size) {
    std::memcpy(to, bytes, size);
    bytes = to;
    to += size;
  };
  for (size_t at = from; at < batch_->messages.size(); ++at) {
    move(batch_->messages[at].names, batch_->messages[at].names_size);
    move(batch_->messages[at].raw, batch_->messages[at].raw_size);
  }
  batch_->blocks.back() = std::move(smaller);
}

std::vector<stored_run> batch_builder::take() {
  batch_ = make_ref<publish_batch>();
  return std::exchange(runs_, {});
}

result<std::string> read_log(const log_place& where, const segment_file& segment) {
  std::string bytes(where.bytes, '\0');
  auto got = segment.content->read(where.offset, bytes);
  if (!got)
    return got.error();
  const std::string_view read = std::string_view{bytes}.substr(0, *got);
  const auto head = load_record_head(read, segment.salt);
  const size_t size = head ? record_head_bytes + head->length : 0;
  if (!head || head->kind != record_kind::log || head->first != where.number || size > read.size()
      || !record_intact(read.substr(0, size), segment.salt))
    return error{0, segment.path + " is damaged at offset " + std::to_string(where.offset)};
  return bytes.substr(record_head_bytes, head->length);
}

seqno read_messages(const read_piece& piece, queue_id queue, size_t max_bytes, backlog_store& backlog,
                    batch_builder& into, const std::function<void(store_damage)>& report) {
  return piece.segment ? read_segment(piece, queue, max_bytes, into, report)
                       : read_backlog(piece, queue, max_bytes, backlog, into, report);
}

} // namespace broker

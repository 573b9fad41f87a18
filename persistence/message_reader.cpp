#include "message_reader.hpp"

#include <algorithm>
#include <cstring>

#include "base/limits.hpp"
#include "journal_record.hpp"

namespace broker {
namespace {

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

seqno read_segment(const read_piece& piece, queue_id queue, size_t max_bytes, batch_builder& into,
                   const reporter& report) {
  const auto& where = piece.where;
  block_ref block{block::create(where.bytes)};
  const auto got = piece.segment->content->read(where.offset, {block->data(), where.bytes});
  if (!got) {
    report({queue, {where.first, where.last()}, got.error().text});
    return where.last();
  }
  into.add_block(block);
  const std::string_view bytes{block->data(), *got};
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

std::vector<stored_run> batch_builder::take() {
  batch_ = make_ref<publish_batch>();
  return std::exchange(runs_, {});
}

seqno read_messages(const read_piece& piece, queue_id queue, size_t max_bytes, backlog_store& backlog,
                    batch_builder& into, const std::function<void(store_damage)>& report) {
  return piece.segment ? read_segment(piece, queue, max_bytes, into, report)
                       : read_backlog(piece, queue, max_bytes, backlog, into, report);
}

} // namespace broker

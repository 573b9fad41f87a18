#include <algorithm>
#include <bit>

#include "base/assert.hpp"
#include "cluster/queue_wire.hpp"
#include "cluster/wire_fields.hpp"
#include "model/message_payload.hpp"

namespace broker::bridging {

namespace {

template<class Enum>
void put_enum(std::string& to, Enum value) {
  to.push_back(static_cast<char>(value));
}

/// Up to eight flags in an octet, the first in the lowest bit.
void put_flags(std::string& to, std::initializer_list<bool> flags) {
  unsigned octet = 0;
  unsigned bit = 1;
  for (const bool flag : flags) {
    octet |= flag ? bit : 0;
    bit <<= 1;
  }
  to.push_back(static_cast<char>(octet));
}

void put_error(std::string& to, const error& what) {
  put_varint(to, what.code);
  put_text(to, what.text);
}

/// Payload of `parts` with its size in front.
void put_messages(std::string& to, const publish_batch& batch, std::span<const slice> parts) {
  uint64_t size = 0;
  for (const slice& part : parts)
    size += measure_payload(batch, part, UINT64_MAX).bytes;
  put_varint(to, size);
  to.reserve(to.size() + static_cast<size_t>(size));
  append_payload(to, batch, parts);
}

void put_run(std::string& to, const stored_run& run) {
  put_varint(to, run.first);
  put_varint(to, run.where.size());
  put_messages(to, *run.batch, {&run.where, 1});
}

struct encoder {
  std::string& to;

  void operator()(const publish& what) const {
    const std::vector<slice> parts = parts_of(what);
    BROKER_ASSERT(!parts.empty(), "a publish has messages");
    const uint32_t base = parts.front().lo;
    put_varint(to, what.channel);
    const bool stamped = std::any_of(what.targets.begin(), what.targets.end(),
                                     [](const publish::target& each) { return each.mastership != 0; });
    const bool known = !what.publisher.none();
    BROKER_ASSERT(!known || what.confirm, "what is sent again is confirmed");
    put_flags(to, {what.confirm, stamped, known});
    if (known)
      put_channel(what.publisher);
    put_varint(to, what.confirm ? what.batch->first_confirm + base : 0);
    put_varint(to, parts.size());
    uint32_t at = base;
    for (const slice& part : parts) {
      BROKER_ASSERT(part.lo - at <= gap_max, "gaps are small");
      put_varint(to, part.lo - at);
      put_varint(to, part.size());
      at = part.hi;
    }
    put_messages(to, *what.batch, parts);
    put_varint(to, what.targets.size());
    for (const publish::target& each : what.targets) {
      put_varint(to, each.queue);
      if (stamped)
        put_varint(to, each.mastership);
      if (known)
        put_varint(to, each.prev ? *each.prev + 1 : 0);
      if (each.slices == parts) {
        put_varint(to, 0);
        continue;
      }
      put_varint(to, each.slices.size());
      uint32_t from = base;
      for (const slice& one : each.slices) {
        put_varint(to, one.lo - from);
        put_varint(to, one.size());
        from = one.hi;
      }
    }
  }
  void operator()(const settle& what) const {
    put_enum(to, what.what);
    put_varint(to, what.channel);
    put_varint(to, what.queue);
    put_varint(to, what.by);
    put_varint(to, what.seqs.size());
    uint64_t from = 0;
    for (const seq_range& each : what.seqs) {
      put_varint(to, each.first - from);
      put_varint(to, each.size());
      from = each.last;
    }
    put_varint(to, what.mastership);
  }
  void operator()(const consume& what) const {
    put_varint(to, what.key);
    put_varint(to, what.channel);
    put_varint(to, what.channel_id);
    put_varint(to, what.connection);
    put_varint(to, what.queue);
    put_text(to, what.queue_name);
    put_text(to, what.tag);
    put_flags(to, {what.no_ack, what.exclusive, what.windowed});
    put_varint(to, what.prefetch);
    put_signed(to, what.priority);
    put_table(to, what.arguments);
    put_varint(to, what.mastership);
  }
  void operator()(const cancel& what) const { put_varint(to, what.key); }
  void operator()(const ask& what) const {
    put_enum(to, what.what);
    put_varint(to, what.channel);
    put_varint(to, what.queue);
    const bool from = !what.publisher.none();
    put_flags(to, {what.no_ack, what.if_unused, what.if_empty, from});
    put_varint(to, what.mastership);
    put_varint(to, what.question);
    if (from)
      put_channel(what.publisher);
  }
  void operator()(const written& what) const {
    put_varint(to, what.key);
    put_varint(to, what.bytes);
  }
  void operator()(const lend& what) const {
    put_varint(to, what.channel);
    put_varint(to, what.places);
    put_flags(to, {what.tight});
  }
  void operator()(const recall& what) const { put_varint(to, what.channel); }
  void operator()(const forget& what) const { put_varint(to, what.key); }
  void operator()(const channel_ended& what) const { put_varint(to, what.channel); }
  void operator()(const reply& what) const {
    put_varint(to, what.to);
    put_text(to, what.address);
    put_varint(to, what.where.size());
    put_messages(to, *what.batch, {&what.where, 1});
  }
  void operator()(const report_ask& what) const {
    put_varint(to, what.key);
    put_varint(to, what.queue);
    put_flags(to, {what.consumers});
  }
  void operator()(const taken& what) const {
    put_varint(to, what.records.first);
    put_varint(to, what.records.size());
  }
  void operator()(const delivery& what) const {
    put_varint(to, what.key);
    put_flags(to, {what.redelivered});
    put_varint(to, what.bytes);
    put_run(to, what.run);
  }
  void operator()(const answer& what) const {
    put_enum(to, what.what);
    put_varint(to, what.channel);
    put_varint(to, what.queue);
    put_varint(to, what.messages);
    put_varint(to, what.consumers);
    put_flags(to, {what.refused.has_value()});
    if (what.refused)
      put_error(to, *what.refused);
    put_varint(to, what.mastership);
    put_varint(to, what.question);
  }
  void operator()(const confirms& what) const {
    put_varint(to, what.channel);
    put_varint(to, what.queue);
    put_varint(to, what.numbers.first);
    put_varint(to, what.numbers.size());
    put_flags(to, {what.rejected});
  }
  void operator()(const fetched& what) const {
    const bool found = static_cast<bool>(what.run.batch);
    put_varint(to, what.channel);
    put_varint(to, what.queue);
    put_flags(to, {found, what.redelivered, what.no_ack});
    put_varint(to, what.messages_left);
    put_varint(to, what.mastership);
    put_varint(to, what.question);
    if (found)
      put_run(to, what.run);
  }
  void operator()(const consumer_event& what) const {
    put_enum(to, what.what);
    put_varint(to, what.key);
    if (what.what == consumer_event::kind::refused)
      put_error(to, what.why);
  }
  void operator()(const want& what) const {
    put_varint(to, what.channel);
    put_varint(to, what.places);
  }
  void operator()(const returned& what) const {
    put_varint(to, what.channel);
    put_varint(to, what.places);
  }
  void operator()(const report_answer& what) const {
    put_varint(to, what.key);
    put_flags(to, {what.queue.has_value(), what.consumers.has_value()});
    if (what.queue)
      put_report(*what.queue);
    if (!what.consumers)
      return;
    put_varint(to, what.consumers->size());
    for (const consumer_report& each : *what.consumers)
      put_report(each);
  }

  void operator()(const gap& what) const {
    put_varint(to, what.channel);
    put_varint(to, what.queue);
    put_varint(to, what.last_number);
    put_varint(to, what.mastership);
  }

  void put_channel(const replication::channel_id& what) const {
    put_varint(to, what.node);
    put_varint(to, what.inc);
    put_varint(to, what.number);
  }
  void put_report(const queue_report& what) const {
    for (const uint64_t figure : {what.ready, what.unacknowledged, what.persistent, what.ready_bytes,
                                  what.unacknowledged_bytes, what.memory_bytes, what.consumers})
      put_varint(to, figure);
    put_flags(to, {what.flow, what.minority, what.down, what.copied});
    put_details(what.details);
    for (const uint64_t count : what.messages.counts.of)
      put_varint(to, count);
    for (const double rate : what.messages.rates)
      put_varint(to, std::bit_cast<uint64_t>(rate));
  }
  void put_details(const queue_details& what) const {
    for (const uint64_t figure : {what.ready_in_memory, what.unacknowledged_in_memory, what.bytes_in_memory,
                                  what.bytes_persistent, what.disk_reads, what.disk_writes})
      put_varint(to, figure);
    put_flags(
      to, {what.head_timestamp_s.has_value(), what.consumer_capacity.has_value(), what.exclusive_consumer.has_value()});
    put_varint(to, what.head_timestamp_s.value_or(0));
    put_varint(to, std::bit_cast<uint64_t>(what.consumer_capacity.value_or(0)));
    if (!what.exclusive_consumer)
      return;
    put_text(to, what.exclusive_consumer->tag);
    put_text(to, what.exclusive_consumer->node);
    put_varint(to, what.exclusive_consumer->connection);
    put_varint(to, what.exclusive_consumer->channel);
  }
  void put_report(const consumer_report& what) const {
    put_text(to, what.tag);
    put_text(to, what.node);
    put_varint(to, what.connection);
    put_varint(to, what.channel);
    put_flags(to, {what.ack_required, what.exclusive, what.active});
    put_text(to, what.activity_status);
    put_varint(to, what.prefetch);
    put_signed(to, what.priority);
    put_varint(to, what.unacknowledged);
    put_table(to, what.arguments);
  }
};

} // namespace

std::vector<slice> parts_of(const publish& what) {
  std::vector<slice> all;
  for (const publish::target& each : what.targets)
    all.insert(all.end(), each.slices.begin(), each.slices.end());
  std::sort(all.begin(), all.end(), [](const slice& a, const slice& b) { return a.lo < b.lo; });
  std::vector<slice> parts;
  for (const slice& each : all) {
    if (!parts.empty() && each.lo <= parts.back().hi)
      parts.back().hi = std::max(parts.back().hi, each.hi);
    else
      parts.push_back(each);
  }
  return parts;
}

void encode(const record& what, std::string& frame) {
  frame.push_back(static_cast<char>(what.index() + 1));
  std::visit(encoder{frame}, what);
}

} // namespace broker::bridging

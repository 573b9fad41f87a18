// Nothing that arrives is believed: sizes are compared with what is there, lists with each other, and whatever the
// state machines assert of a message is checked here.
#include <algorithm>
#include <cstring>

#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "base/limits.hpp"
#include "proto/replication.pb.h"
#include "replication/wire.hpp"

namespace broker::replication {

namespace pb = proto::replication;

namespace {

error malformed(const char* why) {
  return error{0, std::string{"malformed replication message: "} + why};
}

log_position position(const pb::Position& at) {
  return {at.mastership(), at.seq()};
}

channel_id channel(const pb::Channel& from) {
  return {from.node(), from.incarnation(), from.number()};
}

/// Names and raw bytes are taken from the front of `rest`.
result<batch_ref> batch_of(const pb::Bodies& sizes, std::string_view& rest, const block_ref& home) {
  const int count = sizes.raw_size_size();
  if (count == 0 || sizes.names_size_size() != count || sizes.body_size_size() != count
      || sizes.header_size_size() != count || sizes.flags_size() != count)
    return malformed("sizes of messages");
  auto batch = make_ref<publish_batch>();
  batch->blocks.push_back(home);
  batch->messages.reserve(static_cast<size_t>(count));
  for (int at = 0; at < count; ++at) {
    message one{};
    if (sizes.names_size(at) > UINT16_MAX || sizes.flags(at) > UINT16_MAX)
      return malformed("names or flags of a message");
    one.names_size = static_cast<uint16_t>(sizes.names_size(at));
    one.flags = static_cast<uint16_t>(sizes.flags(at));
    one.raw_size = sizes.raw_size(at);
    one.body_size = sizes.body_size(at);
    one.header_size = sizes.header_size(at);
    if (rest.size() < size_t{one.names_size} + one.raw_size || one.header_size > one.raw_size)
      return malformed("a message longer than what arrived");
    one.names = rest.data();
    one.raw = rest.data() + one.names_size;
    rest.remove_prefix(size_t{one.names_size} + one.raw_size);
    batch->bytes += one.raw_size + limits::publish_overhead_bytes;
    batch->messages.push_back(one);
  }
  return batch;
}

result<message_facts> facts_of(uint64_t deadline_ms, uint32_t priority) {
  if (deadline_ms > message_facts::deadline_max_ms || priority > UINT8_MAX)
    return malformed("deadline or priority of messages");
  return message_facts{deadline_ms, static_cast<uint8_t>(priority)};
}

result<void> ranges_of(const pb::Run& from, log_run& run) {
  if (from.ranges_size() == 0 || from.ranges_size() % 2 != 0)
    return malformed("ranges");
  auto ranges = std::make_shared<std::vector<seq_range>>();
  for (int at = 0; at < from.ranges_size(); at += 2) {
    const seq_range one{from.ranges(at), from.ranges(at + 1)};
    if (one.first == 0 || one.first >= one.last || one.last > run.first)
      return malformed("a range of messages");
    ranges->push_back(one);
  }
  run.ranges = std::move(ranges);
  return {};
}

result<log_run> run_of(const pb::Run& from, std::string_view& rest, const block_ref& home) {
  log_run run;
  run.mastership = from.mastership();
  run.first = from.first();
  run.kind = static_cast<entry_kind>(from.kind());
  run.chain = from.chain();
  run.from = {channel(from.channel()), from.first_number(), from.prev_number()};
  run.count = 1;
  const auto facts = facts_of(from.deadline_ms(), from.priority());
  if (!facts)
    return facts.error();
  run.facts = *facts;
  if (run.kind != entry_kind::publish && run.facts != message_facts{})
    return malformed("only messages have a deadline or a priority");
  switch (run.kind) {
  case entry_kind::publish: {
    auto batch = batch_of(from.bodies(), rest, home);
    if (!batch)
      return batch.error();
    run.batch = *batch;
    run.count = static_cast<uint32_t>(run.batch->messages.size());
    run.where = {0, run.count};
    if (!run.from.channel.none() && run.from.prev >= run.from.first)
      return malformed("numbers of publishes");
    break;
  }
  case entry_kind::settle:
  case entry_kind::purge:
    if (auto ranges = ranges_of(from, run); !ranges)
      return ranges.error();
    break;
  case entry_kind::forget:
    if (run.from.channel.none())
      return malformed("no channel");
    break;
  default:
    return malformed("kind of an entry");
  }
  run.bytes = cost(run);
  return run;
}

result<content> append_of(const pb::Append& from, std::string_view& rest, const block_ref& home) {
  append what;
  what.prev = position(from.prev());
  if (from.has_prev_chain())
    what.prev_chain = from.prev_chain();
  what.commit = from.commit();
  what.delivered_upto = from.delivered_upto();
  what.ends = from.ends();
  seqno next = what.prev.seq + 1;
  broker::epoch mastership = what.prev.mastership;
  for (const pb::Run& one : from.runs()) {
    auto run = run_of(one, rest, home);
    if (!run)
      return run.error();
    if (run->first != next || run->mastership < mastership || run->mastership == 0)
      return malformed("entries out of order");
    next = run->last() + 1;
    mastership = run->mastership;
    what.runs.push_back(std::move(*run));
  }
  return content{std::move(what)};
}

result<content> copy_begin_of(const pb::CopyBegin& from) {
  copy_begin what;
  what.base.end = position(from.end());
  what.base.chain = from.chain();
  what.base.delivered_upto = from.delivered_upto();
  std::vector<dedupe_entry> entries;
  for (const pb::DedupeEntry& one : from.dedupe())
    entries.push_back({channel(one.channel()), one.last(), one.at()});
  const auto rises = [](const dedupe_entry& a, const dedupe_entry& b) { return a.channel >= b.channel; };
  if (what.base.end.seq == 0 || what.base.end.mastership == 0)
    return malformed("a copy of nothing");
  if (std::adjacent_find(entries.begin(), entries.end(), rises) != entries.end())
    return malformed("channels out of order");
  what.base.dedupe = dedupe_table{std::move(entries)};
  return content{std::move(what)};
}

result<content> copy_chunk_of(const pb::CopyChunk& from, std::string_view& rest, const block_ref& home) {
  copy_chunk what{from.from(), from.upto(), {}};
  if (what.from == 0 || what.upto < what.from)
    return malformed("bounds of a copy");
  seqno next = what.from;
  for (const pb::LiveRun& one : from.live()) {
    auto batch = batch_of(one.bodies(), rest, home);
    if (!batch)
      return batch.error();
    const auto count = static_cast<uint32_t>((*batch)->messages.size());
    if (one.first() < next || one.first() > what.upto || what.upto - one.first() + 1 < count)
      return malformed("messages out of order");
    next = one.first() + count;
    const auto facts = facts_of(one.deadline_ms(), one.priority());
    if (!facts)
      return facts.error();
    live_run& live = what.live.emplace_back();
    live.batch = *batch;
    live.where = {0, count};
    live.first = one.first();
    live.facts = *facts;
  }
  return content{std::move(what)};
}

result<content> content_of(const pb::Envelope& head, std::string_view& rest, const block_ref& home) {
  switch (head.what_case()) {
  case pb::Envelope::kAppend:
    return append_of(head.append(), rest, home);
  case pb::Envelope::kAppendOk:
    return content{append_ok{head.append_ok().upto()}};
  case pb::Envelope::kAppendReject: {
    if (head.append_reject().reason() > static_cast<uint32_t>(append_reject::reason::damaged))
      return malformed("reason of a reject");
    return content{
      append_reject{static_cast<append_reject::reason>(head.append_reject().reason()), head.append_reject().hint()}};
  }
  case pb::Envelope::kCopyBegin:
    return copy_begin_of(head.copy_begin());
  case pb::Envelope::kCopyChunk:
    return copy_chunk_of(head.copy_chunk(), rest, home);
  case pb::Envelope::kCopyOk:
    return content{copy_ok{head.copy_ok().upto()}};
  case pb::Envelope::kStartOver:
    return content{start_over{head.start_over().whom()}};
  case pb::Envelope::WHAT_NOT_SET:
    break;
  }
  return malformed("content");
}

} // namespace

result<envelope> decode(std::string_view bytes, const block_ref& home) {
  if (bytes.size() < 4)
    return malformed("too short");
  const size_t size = load_u32(bytes.data());
  if (size > bytes.size() - 4 || size > INT32_MAX)
    return malformed("a head longer than what arrived");
  pb::Envelope head;
  if (!head.ParseFromArray(bytes.data() + 4, static_cast<int>(size)))
    return malformed("head");
  std::string_view rest = bytes.substr(4 + size);
  auto what = content_of(head, rest, home);
  if (!what)
    return what.error();
  if (!rest.empty())
    return malformed("more than its head tells of");
  if (head.mastership() == 0 || head.incarnation() == 0)
    return malformed("no epoch or no incarnation");
  return envelope{head.queue(), head.mastership(), head.incarnation(), std::move(*what)};
}

result<queue_id> part_assembler::queue_of(std::string_view part) {
  if (part.size() < wire_part::head_size)
    return malformed("part too short");
  return queue_id{load_u64(part.data())};
}

result<part_assembler::whole> part_assembler::take(std::string_view part) {
  if (part.size() <= wire_part::head_size || part.size() > limits::peer_message_bytes)
    return malformed("size of a part");
  const size_t total = load_u32(part.data() + 8), offset = load_u32(part.data() + 12);
  const std::string_view bytes = part.substr(wire_part::head_size);
  if (total > limits::message_hard_max_bytes + limits::peer_message_bytes || offset + bytes.size() > total)
    return malformed("a part beyond its message");
  if (offset == 0) {
    home_ = block_ref{block::create(total)};
    total_ = total;
    have_ = 0;
  }
  if (!home_ || total != total_ || offset != have_) {
    reset();
    return whole{};
  }
  std::memcpy(home_->data() + have_, bytes.data(), bytes.size());
  have_ += bytes.size();
  if (have_ < total_)
    return whole{};
  whole done{std::move(home_), {}};
  done.bytes = {done.home->data(), total_};
  reset();
  return done;
}

} // namespace broker::replication

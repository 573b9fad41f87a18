#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "base/limits.hpp"
#include "base/overloaded.hpp"
#include "proto/replication.pb.h"
#include "replication/wire.hpp"

namespace broker::replication {

namespace pb = proto::replication;

namespace {

void put(const log_position& at, pb::Position& to) {
  to.set_mastership(at.mastership);
  to.set_seq(at.seq);
}

void put(const channel_id& channel, pb::Channel& to) {
  to.set_node(channel.node);
  to.set_incarnation(channel.inc);
  to.set_number(channel.number);
}

void put(const publish_batch& batch, slice where, pb::Bodies& to, wire_message& out) {
  for (uint32_t at = where.lo; at < where.hi; ++at) {
    const message& one = batch.messages[at];
    to.add_names_size(one.names_size);
    to.add_raw_size(one.raw_size);
    to.add_body_size(one.body_size);
    to.add_header_size(one.header_size);
    to.add_flags(one.flags);
    out.bodies.emplace_back(one.names, one.names_size);
    out.bodies.emplace_back(one.raw, one.raw_size);
    out.size += one.names_size + size_t{one.raw_size};
  }
}

void put(const log_run& run, pb::Run& to, wire_message& out) {
  BROKER_ASSERT(run.in_memory(), "what is sent is in memory");
  to.set_mastership(run.mastership);
  to.set_first(run.first);
  to.set_kind(static_cast<uint32_t>(run.kind));
  to.set_chain(run.chain);
  if (!run.from.channel.none())
    put(run.from.channel, *to.mutable_channel());
  to.set_first_number(run.from.first);
  to.set_prev_number(run.from.prev);
  if (run.kind == entry_kind::publish)
    put(*run.batch, run.where, *to.mutable_bodies(), out);
  to.set_deadline_ms(run.facts.deadline_ms);
  to.set_priority(run.facts.priority);
  if (run.ranges)
    for (const seq_range& one : *run.ranges) {
      to.add_ranges(one.first);
      to.add_ranges(one.last);
    }
}

struct encoder {
  pb::Envelope& head;
  wire_message& out;

  void operator()(const append& what) const {
    auto& to = *head.mutable_append();
    put(what.prev, *to.mutable_prev());
    to.set_has_prev_chain(what.prev_chain.has_value());
    to.set_prev_chain(what.prev_chain.value_or(0));
    for (const log_run& run : what.runs)
      put(run, *to.add_runs(), out);
    to.set_commit(what.commit);
    to.set_delivered_upto(what.delivered_upto);
    to.set_ends(what.ends);
  }
  void operator()(const append_ok& what) const { head.mutable_append_ok()->set_upto(what.upto); }
  void operator()(const append_reject& what) const {
    auto& to = *head.mutable_append_reject();
    to.set_reason(static_cast<uint32_t>(what.why));
    to.set_hint(what.hint);
  }
  void operator()(const copy_begin& what) const {
    auto& to = *head.mutable_copy_begin();
    put(what.base.end, *to.mutable_end());
    to.set_chain(what.base.chain);
    to.set_delivered_upto(what.base.delivered_upto);
    for (const dedupe_entry& one : what.base.dedupe.entries()) {
      auto& entry = *to.add_dedupe();
      put(one.channel, *entry.mutable_channel());
      entry.set_last(one.last);
      entry.set_at(one.at);
    }
  }
  void operator()(const copy_chunk& what) const {
    auto& to = *head.mutable_copy_chunk();
    to.set_from(what.from);
    to.set_upto(what.upto);
    for (const live_run& run : what.live) {
      auto& live = *to.add_live();
      live.set_first(run.first);
      live.set_deadline_ms(run.facts.deadline_ms);
      live.set_priority(run.facts.priority);
      put(*run.batch, run.where, *live.mutable_bodies(), out);
    }
  }
  void operator()(const copy_ok& what) const { head.mutable_copy_ok()->set_upto(what.upto); }
  void operator()(const start_over& what) const { head.mutable_start_over()->set_whom(what.whom); }
};

} // namespace

wire_message encode(const envelope& what) {
  wire_message out;
  pb::Envelope head;
  head.set_queue(what.queue);
  head.set_mastership(what.mastership);
  head.set_incarnation(what.inc);
  std::visit(encoder{head, out}, what.what);
  const size_t size = head.ByteSizeLong();
  out.head.resize(4 + size);
  store_u32(out.head.data(), static_cast<uint32_t>(size));
  const bool done = head.SerializeToArray(out.head.data() + 4, static_cast<int>(size));
  BROKER_ASSERT(done, "a head is serialised");
  out.size += out.head.size();
  return out;
}

std::vector<wire_part> split(queue_id queue, const wire_message& what) {
  BROKER_ASSERT(what.size <= UINT32_MAX, "a message's size fits its part heads");
  std::vector<wire_part> parts;
  size_t offset = 0;
  const auto add = [&](std::string_view bytes) {
    while (!bytes.empty()) {
      if (parts.empty() || parts.back().size == limits::peer_message_bytes) {
        wire_part fresh;
        fresh.head.resize(wire_part::head_size);
        store_u64(fresh.head.data(), queue);
        store_u32(fresh.head.data() + 8, static_cast<uint32_t>(what.size));
        store_u32(fresh.head.data() + 12, static_cast<uint32_t>(offset));
        fresh.size = wire_part::head_size;
        parts.push_back(std::move(fresh));
      }
      const size_t room = limits::peer_message_bytes - parts.back().size;
      const auto piece = bytes.substr(0, room);
      parts.back().slices.push_back(piece);
      parts.back().size += piece.size();
      offset += piece.size();
      bytes.remove_prefix(piece.size());
    }
  };
  add(what.head);
  for (std::string_view one : what.bodies)
    add(one);
  BROKER_ASSERT(offset == what.size, "parts make up the whole");
  return parts;
}

} // namespace broker::replication

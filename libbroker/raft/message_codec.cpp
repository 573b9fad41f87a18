#include "base/assert.hpp"
#include "base/raft_limits.hpp"
#include "proto/raft.pb.h"
#include "raft/membership.hpp"
#include "raft/message.hpp"

namespace broker::raft {
namespace {

using consensus::entry;

// -- to protobuf ------------------------------------------------------------------------------------------------------

struct encoder {
  proto::RaftMessage& out;

  void operator()(const vote_request& from) const {
    auto& to = *out.mutable_vote_request();
    to.set_pre(from.pre);
    to.set_transfer(from.transfer);
    to.set_last_index(from.last_index);
    to.set_last_term(from.last_term);
  }
  void operator()(const vote_answer& from) const {
    auto& to = *out.mutable_vote_answer();
    to.set_pre(from.pre);
    to.set_granted(from.granted);
  }
  void operator()(const append_request& from) const {
    auto& to = *out.mutable_append();
    to.set_prev_index(from.prev_index);
    to.set_prev_term(from.prev_term);
    to.set_commit(from.commit);
    to.set_round(from.round);
    uint64_t index = from.prev_index;
    for (const entry& one : from.entries) {
      BROKER_ASSERT(one.index == ++index, "entries are sent densely");
      auto& added = *to.add_entries();
      added.set_term(one.term);
      added.set_kind(static_cast<uint32_t>(one.type));
      added.set_data(one.data);
    }
  }
  void operator()(const append_answer& from) const {
    auto& to = *out.mutable_append_answer();
    to.set_accepted(from.accepted);
    to.set_match(from.match);
    to.set_checked(from.checked);
    to.set_rejected(from.rejected);
    to.set_hint_index(from.hint_index);
    to.set_hint_term(from.hint_term);
    to.set_round(from.round);
  }
  void operator()(const chunk_message& from) const {
    auto& to = *out.mutable_snapshot_chunk();
    to.set_index(from.meta.index);
    to.set_term(from.meta.term);
    to.mutable_members()->mutable_voters()->Add(from.meta.members.voters.begin(), from.meta.members.voters.end());
    to.mutable_members()->mutable_learners()->Add(from.meta.members.learners.begin(), from.meta.members.learners.end());
    to.set_offset(from.offset);
    to.set_size(from.size);
    to.set_data(from.data);
  }
  void operator()(const chunk_answer& from) const {
    auto& to = *out.mutable_snapshot_answer();
    to.set_index(from.index);
    to.set_term(from.term);
    to.set_next_offset(from.next_offset);
  }
  void operator()(const timeout_now&) const { out.mutable_timeout_now(); }
};

// -- from protobuf ----------------------------------------------------------------------------------------------------

error bad(const char* what) {
  return {0, std::string{"raft message: "} + what};
}

/// A position in a log: both 0, or both set and the term not above the sender's.
bool is_position(uint64_t index, uint64_t term, uint64_t newest) {
  return index <= number_max && term <= newest && (index == 0) == (term == 0);
}

result<message> vote(const proto::RaftMessage& from, message out) {
  const auto& request = from.vote_request();
  if (out.term == 0 || !is_position(request.last_index(), request.last_term(), out.term))
    return bad("a vote request with an impossible log");
  if (request.last_term() == out.term || (request.pre() && request.transfer()))
    return bad("a vote request that contradicts itself");
  out.body = vote_request{request.pre(), request.transfer(), request.last_index(), request.last_term()};
  return out;
}

result<message> append(proto::RaftMessage& from, message out) {
  auto& request = *from.mutable_append();
  if (out.term == 0 || !is_position(request.prev_index(), request.prev_term(), out.term))
    return bad("an append with an impossible predecessor");
  if (request.commit() > number_max || request.round() > number_max)
    return bad("an append with an impossible number");
  append_request to{request.prev_index(), request.prev_term(), request.commit(), request.round(), {}};
  to.entries.reserve(static_cast<size_t>(request.entries_size()));
  uint64_t term = request.prev_term();
  for (auto& one : *request.mutable_entries()) {
    if (one.term() < term || one.term() == 0 || one.term() > out.term)
      return bad("an entry of an impossible term");
    if (one.kind() > static_cast<uint32_t>(entry::kind::config))
      return bad("an entry of a kind this version does not know");
    term = one.term();
    const auto type = static_cast<entry::kind>(one.kind());
    if (type == entry::kind::config && !decode_membership(one.data()))
      return bad("a malformed membership");
    to.entries.push_back({to.prev_index + to.entries.size() + 1, term, type, std::move(*one.mutable_data())});
  }
  out.body = std::move(to);
  return out;
}

result<message> answer(const proto::RaftMessage& from, message out) {
  const auto& to = from.append_answer();
  for (const uint64_t number : {to.match(), to.checked(), to.rejected(), to.round()})
    if (number > number_max)
      return bad("an append answer with an impossible number");
  if (out.term == 0 || to.match() > to.checked() || !is_position(to.hint_index(), to.hint_term(), out.term))
    return bad("an append answer that contradicts itself");
  out.body =
    append_answer{to.accepted(), to.match(), to.checked(), to.rejected(), to.hint_index(), to.hint_term(), to.round()};
  return out;
}

result<message> chunk(proto::RaftMessage& from, message out) {
  auto& what = *from.mutable_snapshot_chunk();
  if (what.index() == 0 || what.term() == 0 || !is_position(what.index(), what.term(), out.term))
    return bad("a snapshot of an impossible position");
  if (what.size() > limits::raft_snapshot_max_bytes || what.offset() > what.size()
      || what.data().size() > what.size() - what.offset())
    return bad("a snapshot chunk outside the snapshot");
  chunk_message to;
  to.meta = {what.index(),
             what.term(),
             {{what.members().voters().begin(), what.members().voters().end()},
              {what.members().learners().begin(), what.members().learners().end()}}};
  if (!is_valid(to.meta.members))
    return bad("a snapshot without valid members");
  to.offset = what.offset();
  to.size = what.size();
  to.data = std::move(*what.mutable_data());
  out.body = std::move(to);
  return out;
}

result<message> chunk_reply(const proto::RaftMessage& from, message out) {
  const auto& what = from.snapshot_answer();
  if (what.index() == 0 || what.term() == 0 || !is_position(what.index(), what.term(), out.term)
      || what.next_offset() > limits::raft_snapshot_max_bytes)
    return bad("a snapshot answer of an impossible position");
  out.body = chunk_answer{what.index(), what.term(), what.next_offset()};
  return out;
}

} // namespace

std::string encode(const message& what) {
  BROKER_ASSERT(what.to != 0 && what.term <= number_max, "messages have a receiver and a term");
  proto::RaftMessage out;
  out.set_to(what.to);
  out.set_term(what.term);
  std::visit(encoder{out}, what.body);
  std::string bytes = out.SerializeAsString();
  BROKER_ASSERT(bytes.size() <= limits::raft_message_max_bytes, "a message of at most 1 MiB");
  return bytes;
}

result<message> decode(std::string_view bytes) {
  if (bytes.size() > limits::raft_message_max_bytes)
    return bad("too large");
  proto::RaftMessage from;
  if (!from.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return bad("malformed");
  if (from.to() == 0 || from.term() > number_max)
    return bad("without a receiver or with an impossible term");
  message out{from.to(), from.term(), {}};
  switch (from.body_case()) {
  case proto::RaftMessage::kVoteRequest:
    return vote(from, std::move(out));
  case proto::RaftMessage::kVoteAnswer:
    out.body = vote_answer{from.vote_answer().pre(), from.vote_answer().granted()};
    return out;
  case proto::RaftMessage::kAppend:
    return append(from, std::move(out));
  case proto::RaftMessage::kAppendAnswer:
    return answer(from, std::move(out));
  case proto::RaftMessage::kSnapshotChunk:
    return chunk(from, std::move(out));
  case proto::RaftMessage::kSnapshotAnswer:
    return chunk_reply(from, std::move(out));
  case proto::RaftMessage::kTimeoutNow:
    if (out.term == 0)
      return bad("a transfer without a term");
    out.body = timeout_now{};
    return out;
  case proto::RaftMessage::BODY_NOT_SET:
    break;
  }
  return bad("of a kind this version does not know");
}

} // namespace broker::raft

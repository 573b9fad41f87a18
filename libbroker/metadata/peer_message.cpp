#include "metadata/peer_message.hpp"

#include "proto/metadata_peer.pb.h"

namespace broker {
namespace {

struct encoder {
  proto::PeerMessage& out;

  void operator()(const peer_message::raft& what) const { out.set_raft(what.bytes); }
  void operator()(const peer_message::forwarded& what) const {
    auto& to = *out.mutable_forwarded();
    to.set_run(what.run);
    for (const auto& [sequence, bytes] : what.commands) {
      auto& one = *to.add_commands();
      one.set_sequence(sequence);
      one.set_command(bytes);
    }
  }
  void operator()(const peer_message::read& what) const {
    out.set_read(what.id);
    out.set_at_leisure(what.haste == consensus::read_haste::at_leisure);
  }
  void operator()(const peer_message::read_answer& what) const {
    auto& to = *out.mutable_read_answer();
    to.set_id(what.id);
    to.set_ok(what.ok);
    to.set_index(what.index);
  }
  void operator()(const peer_message::hello&) const { out.set_hello(true); }
  void operator()(const peer_message::forgotten&) const { out.set_forgotten(true); }
  void operator()(const peer_message::applied& what) const { out.set_applied(what.index); }
  void operator()(const peer_message::move_master& what) const {
    auto& to = *out.mutable_move_master();
    to.set_queue(what.queue);
    to.set_mastership(what.mastership);
    to.set_to(what.to);
  }
  void operator()(const peer_message::stranded& what) const {
    auto& to = *out.mutable_stranded();
    to.set_node(what.node);
    to.mutable_reached()->Add(what.reached.begin(), what.reached.end());
  }
};

} // namespace

std::string encode(const peer_message& what) {
  proto::PeerMessage out;
  out.set_cluster(what.cluster);
  out.set_from(what.from);
  std::visit(encoder{out}, what.body);
  return out.SerializeAsString();
}

result<peer_message> decode_peer_message(std::string_view bytes) {
  const error malformed{0, "a metadata message of " + std::to_string(bytes.size()) + " bytes is malformed"};
  proto::PeerMessage from;
  if (!from.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || from.from() == 0)
    return malformed;
  peer_message out{from.cluster(), from.from(), {}};
  switch (from.body_case()) {
  case proto::PeerMessage::kRaft:
    out.body = peer_message::raft{std::move(*from.mutable_raft())};
    return out;
  case proto::PeerMessage::kForwarded: {
    peer_message::forwarded body;
    body.run = from.forwarded().run();
    for (auto& one : *from.mutable_forwarded()->mutable_commands())
      body.commands.emplace_back(one.sequence(), std::move(*one.mutable_command()));
    out.body = std::move(body);
    return out;
  }
  case proto::PeerMessage::kRead:
    out.body = peer_message::read{from.read(), from.at_leisure() ? consensus::read_haste::at_leisure
                                                                 : consensus::read_haste::at_once};
    return out;
  case proto::PeerMessage::kReadAnswer:
    out.body = peer_message::read_answer{from.read_answer().id(), from.read_answer().ok(), from.read_answer().index()};
    return out;
  case proto::PeerMessage::kHello:
    out.body = peer_message::hello{};
    return out;
  case proto::PeerMessage::kForgotten:
    out.body = peer_message::forgotten{};
    return out;
  case proto::PeerMessage::kApplied:
    out.body = peer_message::applied{from.applied()};
    return out;
  case proto::PeerMessage::kMoveMaster:
    out.body =
      peer_message::move_master{from.move_master().queue(), from.move_master().mastership(), from.move_master().to()};
    return out;
  case proto::PeerMessage::kStranded: {
    const auto& body = from.stranded();
    out.body = peer_message::stranded{body.node(), {body.reached().begin(), body.reached().end()}};
    return out;
  }
  default:
    return malformed;
  }
}

} // namespace broker

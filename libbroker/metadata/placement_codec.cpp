// Placements of replicated queues, and what is proposed for them, to and from Protobuf.
#include "metadata/records_codec.hpp"

namespace broker {
namespace {

using replication::inventory;
using replication::member;
using proto_members = google::protobuf::RepeatedPtrField<proto::ReplicaMember>;

void write_member(const member& from, proto::ReplicaMember& to) {
  to.set_node(from.node);
  to.set_incarnation(from.inc);
}

member read_member(const proto::ReplicaMember& from) {
  return {from.node(), from.incarnation()};
}

void write_members(const std::vector<member>& from, proto_members& to) {
  for (const member& one : from)
    write_member(one, *to.Add());
}

std::vector<member> read_members(const proto_members& from) {
  std::vector<member> to;
  for (const proto::ReplicaMember& one : from)
    to.push_back(read_member(one));
  return to;
}

void write_inventory(const inventory& from, proto::ReplicaInventory& to) {
  write_member(from.who, *to.mutable_who());
  to.set_epoch(from.last.mastership);
  to.set_seq(from.last.seq);
  to.set_damaged(!from.clean);
  to.set_empty(from.empty);
}

inventory read_inventory(const proto::ReplicaInventory& from) {
  return {read_member(from.who()), {from.epoch(), from.seq()}, !from.damaged(), from.empty()};
}

struct placement_encoder {
  proto::ChangePlacement& out;

  void operator()(const replication::alter_isr& what) const {
    auto& to = *out.mutable_alter_isr();
    to.set_epoch(what.mastership);
    to.set_version(what.version);
    write_members(what.isr, *to.mutable_isr());
  }
  void operator()(const replication::promote& what) const {
    auto& to = *out.mutable_promote();
    to.set_epoch(what.mastership);
    to.set_candidate(what.candidate);
  }
  void operator()(const replication::hand_over& what) const {
    auto& to = *out.mutable_hand_over();
    to.set_epoch(what.mastership);
    write_member(what.to, *to.mutable_to());
  }
  void operator()(const replication::report_inventory& what) const {
    auto& to = *out.mutable_report_inventory();
    to.set_epoch(what.mastership);
    write_inventory(what.what, *to.mutable_what());
  }
  void operator()(const replication::recover& what) const {
    auto& to = *out.mutable_recover();
    to.set_epoch(what.mastership);
    to.set_candidate(what.candidate);
    to.set_grace_over(what.grace_over);
    to.set_accept_data_loss(what.accept_data_loss);
  }
  void operator()(const replication::place& what) const {
    auto& to = *out.mutable_place();
    to.mutable_nodes()->Add(what.nodes.begin(), what.nodes.end());
    to.set_min_in_sync(what.min_in_sync);
  }
};

result<replication::placement_command> read_command(const proto::ChangePlacement& from) {
  using replication::placement_command;
  switch (from.what_case()) {
  case proto::ChangePlacement::kAlterIsr: {
    const auto& one = from.alter_isr();
    return placement_command{replication::alter_isr{one.epoch(), one.version(), read_members(one.isr())}};
  }
  case proto::ChangePlacement::kPromote:
    return placement_command{replication::promote{from.promote().epoch(), from.promote().candidate()}};
  case proto::ChangePlacement::kHandOver:
    return placement_command{replication::hand_over{from.hand_over().epoch(), read_member(from.hand_over().to())}};
  case proto::ChangePlacement::kReportInventory: {
    const auto& one = from.report_inventory();
    return placement_command{replication::report_inventory{one.epoch(), read_inventory(one.what())}};
  }
  case proto::ChangePlacement::kRecover: {
    const auto& one = from.recover();
    return placement_command{
      replication::recover{one.epoch(), one.candidate(), one.grace_over(), one.accept_data_loss()}};
  }
  case proto::ChangePlacement::kPlace: {
    const auto& one = from.place();
    return placement_command{replication::place{{one.nodes().begin(), one.nodes().end()}, one.min_in_sync()}};
  }
  default:
    return error{0, "a change of a placement of a kind this version does not know"};
  }
}

} // namespace

void to_proto(const replication::placement& from, proto::Placement& to) {
  to.set_epoch(from.mastership);
  to.set_version(from.version);
  to.set_master(from.master);
  write_members(from.isr, *to.mutable_isr());
  to.mutable_nodes()->Add(from.nodes.begin(), from.nodes.end());
  to.set_min_in_sync(from.min_in_sync);
  for (const inventory& one : from.inventories)
    write_inventory(one, *to.add_inventories());
  write_members(from.lost, *to.mutable_lost());
}

result<replication::placement> from_proto(const proto::Placement& from, queue_id queue) {
  replication::placement to;
  to.queue = queue;
  to.mastership = from.epoch();
  to.version = from.version();
  to.master = from.master();
  to.isr = read_members(from.isr());
  to.nodes.assign(from.nodes().begin(), from.nodes().end());
  to.min_in_sync = from.min_in_sync();
  for (const proto::ReplicaInventory& one : from.inventories())
    to.inventories.push_back(read_inventory(one));
  to.lost = read_members(from.lost());
  if (!replication::is_sound(to))
    return error{0, "a placement of queue " + std::to_string(queue) + " that cannot be"};
  return to;
}

void to_proto(const change_placement& from, proto::ChangePlacement& to) {
  to.set_vhost(from.vhost);
  to.set_name(from.name);
  to.set_id(from.id);
  std::visit(placement_encoder{to}, from.what);
}

result<change_placement> from_proto(const proto::ChangePlacement& from) {
  auto what = read_command(from);
  if (!what)
    return what.error();
  return change_placement{from.vhost(), from.name(), from.id(), std::move(*what)};
}

} // namespace broker

// Records to and from their Protobuf messages (proto/metadata.proto); shared by commands and snapshots. Internal.
#pragma once

#include "base/result.hpp"
#include "metadata/command.hpp"
#include "metadata/records.hpp"
#include "proto/metadata.pb.h"

namespace broker {

void to_proto(const queue_record& from, proto::Queue& to);
void to_proto(const exchange_record& from, proto::Exchange& to);
void to_proto(const binding_record& from, proto::Binding& to);
void to_proto(const user_record& from, proto::User& to);
void to_proto(const permission& from, proto::Permission& to);
void to_proto(const topic_permission& from, proto::TopicPermission& to);
void to_proto(const vhost_record& from, proto::VhostRecord& to);
void to_proto(const policy_record& from, proto::Policy& to);
void to_proto(const parameter_record& from, proto::Parameter& to);
void to_proto(const replication::placement& from, proto::Placement& to);
void to_proto(const change_placement& from, proto::ChangePlacement& to);
void to_proto(const node_record& from, const proposer& last, proto::Node& to);
using proto_limits = google::protobuf::RepeatedPtrField<proto::Limit>;
void to_proto(const limit_table& from, proto_limits& to);

// Errors: arguments that are no field table, an unknown exchange type, a placement that breaks its invariant.
result<queue_record> from_proto(const proto::Queue& from);
result<exchange_record> from_proto(const proto::Exchange& from);
result<binding_record> from_proto(const proto::Binding& from);
user_record from_proto(const proto::User& from);
permission from_proto(const proto::Permission& from);
topic_permission from_proto(const proto::TopicPermission& from);
vhost_record from_proto(const proto::VhostRecord& from);
policy_record from_proto(const proto::Policy& from);
parameter_record from_proto(const proto::Parameter& from);
node_record from_proto(const proto::Node& from);
/// `queue` is not in the bytes: it is the record's.
result<replication::placement> from_proto(const proto::Placement& from, queue_id queue);
result<change_placement> from_proto(const proto::ChangePlacement& from);
limit_table from_proto(const proto_limits& from);

} // namespace broker

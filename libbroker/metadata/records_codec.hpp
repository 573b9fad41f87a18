// Records to and from their Protobuf messages (proto/metadata.proto); shared by commands and snapshots. Internal.
#pragma once

#include "base/result.hpp"
#include "metadata/records.hpp"
#include "proto/metadata.pb.h"

namespace broker {

void to_proto(const queue_record& from, proto::Queue& to);
void to_proto(const exchange_record& from, proto::Exchange& to);
void to_proto(const binding_record& from, proto::Binding& to);
void to_proto(const user_record& from, proto::User& to);
void to_proto(const permission& from, proto::Permission& to);

// Errors: arguments that are no field table, an unknown exchange type.
result<queue_record> from_proto(const proto::Queue& from);
result<exchange_record> from_proto(const proto::Exchange& from);
result<binding_record> from_proto(const proto::Binding& from);
user_record from_proto(const proto::User& from);
permission from_proto(const proto::Permission& from);

} // namespace broker

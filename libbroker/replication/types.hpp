// Names and numbers of queue replication. The protocol and why it is safe: docs/internals/replication.md.
#pragma once

#include <compare>
#include <cstdint>

#include "base/ids.hpp"

namespace broker::replication {

/// Number the metadata gives a node when it first registers; never reused, 0 = none.
using node_id = uint32_t;
/// Which life of a node's process: drawn higher at each start and after each expiry of its session.
using incarnation = uint64_t;
/// Version of a queue's in-sync set (V). Only rises.
using isr_version = uint64_t;
/// Number of a write to one replica's log on disk, dense from 1 per process: what the store acknowledges.
using write_number = uint64_t;

/// A node under one of its incarnations: what an in-sync set consists of.
struct member {
  node_id node = 0;
  incarnation inc = 0;
  friend auto operator<=>(const member&, const member&) = default;
};

/// A channel for ever: no other channel of any node or life has the same. number 0 = none (publishes that are never
/// sent again and so need no de-duplication).
struct channel_id {
  node_id node = 0;
  incarnation inc = 0;
  uint64_t number = 0;
  bool none() const noexcept { return number == 0; }
  friend auto operator<=>(const channel_id&, const channel_id&) = default;
};

/// Position of an entry together with the mastership that wrote it: identifies the entry and all before it (I3).
struct log_position {
  broker::epoch mastership = 0;
  seqno seq = 0;
  friend auto operator<=>(const log_position&, const log_position&) = default; ///< mastership first: R6, C10
};

} // namespace broker::replication

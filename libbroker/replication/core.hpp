// What master and mirror of one replica share: identity, what it knows of the metadata, its log.
#pragma once

#include "base/limits.hpp"
#include "replication/effects.hpp"
#include "replication/replica_log.hpp"

namespace broker::replication {

struct replica_settings {
  node_id self = 0;
  size_t append_bytes = limits::replication_append_bytes;
  size_t window_bytes = limits::replication_window_bytes;
  size_t copy_window_bytes = limits::replication_copy_window_bytes;
  size_t tail_bytes = limits::replication_tail_bytes;
  size_t described_bytes = limits::replication_described_bytes;
  size_t channels_max = limits::replication_channels_max;
  /// An empty joiner gets a copy if the log's entries in memory cost more than this, else the entries themselves.
  size_t copy_above_bytes = limits::replication_tail_bytes / 4;
};

/// A value, like everything here. Invariant: commit <= matched on a mirror, commit <= log length.
struct replica_core {
  replica_settings settings;
  incarnation inc = 0;
  metadata_view known;
  broker::epoch mastership = 0; ///< highest seen, in metadata or in a message
  replica_log log;
  seqno matched = 0; ///< prefix verified equal to the log of the master of `mastership`
  seqno commit = 0;  ///< highest known committed
  seqno delivered_upto = 0;
  uint64_t read_tickets = 0; ///< given out, over all offices
  /// It will empty its log and come again under another incarnation: from now on it acknowledges nothing, or it could
  /// be put into the in-sync set just before it does.
  bool leaving = false;

  bool listed() const { return known.queue.listed(settings.self) != nullptr; }
  /// Its own registration has been applied: before, it answers nothing.
  bool registered() const { return known.nodes.registered(settings.self) == inc; }
  bool is_master() const;

  envelope wrap(content what) const { return {known.queue.queue, mastership, inc, std::move(what)}; }
  void send(node_id to, content what, effects& out) const { out.sends.push_back({to, wrap(std::move(what))}); }
  /// Rises to `upto`: what a committed settle or purge ended may be forgotten now, and not before, since an
  /// uncommitted one may still be cut off.
  void advance_commit(seqno upto, effects& out);
  /// T2: what was verified against another master's log counts no more; half a copy is worth nothing to this one.
  void enter(broker::epoch newer, effects& out);
};

} // namespace broker::replication

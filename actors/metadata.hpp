// The metadata actor: hosts the consensus group of the node, applies commands, publishes snapshots, makes and ends
// queue actors (architecture.md section 4). Proposals that arrive while a write runs are committed together by the next
// one. With runtime::cluster it serves cluster_service::metadata, and the links follow the table of nodes.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "actors/messages.hpp"
#include "actors/runtime.hpp"
#include "metadata/metadata_host.hpp"
#include "ports/message_store.hpp"

namespace broker {

struct metadata_options {
  metadata_host_settings host;
  metadata_store* store = nullptr; ///< outlives the actor
  /// First command of this start; its outcome is published before anything else.
  node_started start;
  /// What the message store found, by queue id; queues that the metadata no longer knows are reported and left alone
  /// (G7).
  std::map<queue_id, std::shared_ptr<const recovered_queue>> recovered;
  /// A failed write: ends the node (G6). Nothing is answered afterwards.
  std::function<void(const error&)> fatal;
  std::function<void(const std::string&)> note; ///< a line for the log
  /// Once: the first snapshot is published and the queues are started; or why the node cannot be part of its cluster.
  /// A node alone is ready when start_metadata returns, a member of a cluster when a majority has heard of it and it
  /// votes (limits::metadata_vote_wait_ms). May be empty.
  std::function<void(result<void>)> ready;
  /// After every flush, in the metadata actor, with what its commands changed, in order: for whoever checks what the
  /// nodes of a simulated cluster agree on. May be empty.
  std::function<void(const metadata_host&, const std::vector<metadata_change>&)> flushed;
  /// Of changes, how many the node's actors are told of before the metadata actor looks after its group again.
  size_t told_at_once = limits::metadata_told_at_once;
  /// This node has been removed from its cluster (S15). May be empty.
  std::function<void()> forgotten;
};

/// Loads the metadata, applies `start`, publishes the first snapshot and starts the actor of every queue; then spawns
/// the metadata actor and puts it into `node`. In a cluster the actor comes first, and the rest when it is up to date:
/// see metadata_options::ready. Error: damaged metadata; nothing was started.
result<void> start_metadata(caf::actor_system& system, runtime& node, metadata_options options);

} // namespace broker

// How the replicas of this node reach those of the same queues on other nodes: cluster_service::replication
// (docs/internals/replication.md; architecture.md D8). One actor serves it; what several queues have for one node
// shares frames. Between two nodes messages arrive in the order they were sent, or not at all after a session has
// ended: then every replica gets replica_room_msg when the next one begins, and asks again what it needs.
#pragma once

#include "actors/messages.hpp"
#include "actors/runtime.hpp"

namespace broker {

/// Thread-safe; no call blocks. In runtime::replicas; null without a cluster.
class replica_links {
public:
  virtual ~replica_links() = default;

  /// May the replica of `queue` pull sends for `to` now? False: it gets replica_room_msg once it may.
  virtual bool room(replication::node_id to, queue_id queue) = 0;
  /// Encodes at once. Dropped without a session, or if `to` is no node of the cluster.
  virtual void send(replication::node_id to, const replication::envelope& message) = 0;
};

/// Starts the service: incoming messages go to runtime::replicas_by_id; those for a queue that is not there are
/// dropped. Sets runtime::replicas. Needs runtime::cluster.
void start_replica_links(caf::actor_system& system, runtime& node);
/// The node stops: nothing is sent any more, and no actor is held.
void stop_replica_links(runtime& node);

} // namespace broker

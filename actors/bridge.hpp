// The bridge's actor: a shell around bridge_state, one per other node. It stands in runtime::queues_by_id for every
// queue of that node, and its twins' addresses stand for that node's channels, so that neither channels nor queues know
// the difference (docs/internals/across-nodes.md).
#pragma once

#include <memory>
#include <string_view>

#include "actors/messages.hpp"
#include "actors/runtime.hpp"

namespace broker {

/// Spawns the actor that serves cluster_service::queues and hands each node's traffic to its bridge. Before it, bridges
/// exist but have no session. Needs runtime::cluster.
void start_bridges(caf::actor_system& system, runtime& node);

/// Ends every bridge, and no more are made; the node stops.
void stop_bridges(runtime& node);

/// The bridge to `other`, spawned on first use; null once they were stopped. Any thread. Needs runtime::cluster.
caf::actor bridge_to(caf::actor_system& system, runtime& node, const std::string& other);

/// Hands the replies to the channels they name: of this node, or through the bridges to the nodes of that tag.
void send_direct_reply(runtime& node, direct_reply what);

} // namespace broker

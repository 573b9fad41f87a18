// On which node a new queue is to live (features.md W59): decided when its declaration is proposed, from the queues and
// the nodes as this node sees them then.
#pragma once

#include <string>

#include "base/random.hpp"
#include "cluster/reachability.hpp"
#include "metadata/snapshot.hpp"

namespace broker {

/// From this many queues on "balanced" picks any node (rabbit_queue_location, queue_count_start_random): counting them
/// for every declaration would cost more than it gains.
inline constexpr size_t balanced_queues_max = 1000;

/// `wanted.node` is this node; `server_named`: its name was made up. `nodes` null: there are no others. `by_default`:
/// the locator of queues that name none. client-local: this node. balanced (least-leaders, min-masters): the running
/// node with the fewest queues, of several the first by name. random: any running node. Exclusive and server-named
/// queues live with their connection.
std::string place_queue(const metadata_snapshot& metadata, const queue_record& wanted, bool server_named,
                        const node_reachability* nodes, const std::string& by_default, random_source& random);

} // namespace broker

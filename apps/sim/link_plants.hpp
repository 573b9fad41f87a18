// Mistakes to plant between the nodes of a cluster (guarantees.md section 7): around the links a node's services use,
// and in front of its metadata actor. What they surround is production.
#pragma once

#include <memory>

#include "actors/cluster.hpp"
#include "actors/runtime.hpp"
#include "plants.hpp"

namespace broker::sim {

/// `links` with the planted mistake around them; null when it is none of links. Both outlive what is returned.
std::unique_ptr<cluster_links> spoil_links(cluster_links& links, caf::actor_system& system, plant& mistakes);

/// Puts the planted mistake in front of `node`'s metadata, if it is one of proposals; the actor behind it, else null.
caf::actor spoil_proposals(caf::actor_system& system, runtime& node, plant& mistakes);

} // namespace broker::sim

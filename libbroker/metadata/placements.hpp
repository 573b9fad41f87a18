// The metadata as the replication of queues sees it (replication/placement.hpp): the nodes' sessions, and one queue's
// placement with them. Pure functions of a snapshot.
#pragma once

#include <vector>

#include "metadata/snapshot.hpp"
#include "replication/placement.hpp"

namespace broker {

/// Every node that has been up, under the number of its present session (node_record::session): what replication calls
/// its incarnation. It is live while the metadata has it as up.
replication::node_table node_table_of(const std::vector<node_ptr>& nodes);
replication::node_table node_table_of(const metadata_snapshot& in);

/// What a replica of a replicated queue is to apply (replication::replica::apply) when either part has changed.
replication::metadata_view view_of(const queue_record& queue, const metadata_snapshot& in);

} // namespace broker

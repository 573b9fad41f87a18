#include "metadata/placements.hpp"

#include <limits>

#include "base/assert.hpp"

namespace broker {

replication::node_table sessions_of(const std::vector<node_ptr>& nodes) {
  replication::node_table out;
  for (const node_ptr& one : nodes) // rising by id, as a table must be
    if (one->session != 0 && one->id <= std::numeric_limits<replication::node_id>::max())
      out.nodes.push_back({static_cast<replication::node_id>(one->id), one->session, one->up});
  return out;
}

replication::node_table sessions_of(const metadata_snapshot& in) {
  std::vector<node_ptr> nodes;
  in.for_each_node([&](const node_ptr& one) { nodes.push_back(one); });
  return sessions_of(nodes);
}

replication::node_table node_table_of(const replication::placement& queue, const metadata_snapshot& in) {
  return replication::nodes_of(queue, sessions_of(in));
}

replication::metadata_view view_of(const queue_record& queue, const metadata_snapshot& in) {
  BROKER_ASSERT(queue.placement != nullptr, "only replicated queues have replicas");
  return {*queue.placement, node_table_of(*queue.placement, in)};
}

} // namespace broker

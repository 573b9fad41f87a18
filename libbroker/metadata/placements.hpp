// The metadata as the replication of queues sees it (replication/placement.hpp): the nodes' sessions, and one queue's
// placement with them. Pure functions of a snapshot.
#pragma once

#include <vector>

#include "metadata/snapshot.hpp"
#include "replication/placement.hpp"

namespace broker {

/// Every node that has been up, under the number of its present session (node_record::session). It is live while the
/// metadata has it as up.
replication::node_table sessions_of(const std::vector<node_ptr>& nodes);
replication::node_table sessions_of(const metadata_snapshot& in);

/// The nodes as one queue's placement has them: its commands and all questions about who is in sync take this table,
/// for to a queue whose copy it has lost a node is another incarnation than its session (replication::nodes_of).
replication::node_table node_table_of(const replication::placement& queue, const metadata_snapshot& in);

/// The same of one queue after the other: most have no table of their own.
class node_tables {
public:
  explicit node_tables(const metadata_snapshot& in) : sessions_(sessions_of(in)) {}
  const replication::node_table& sessions() const noexcept { return sessions_; }
  /// Until the next call.
  const replication::node_table& of(const replication::placement& queue) {
    if (queue.lost.empty())
      return sessions_;
    return own_ = replication::nodes_of(queue, sessions_);
  }

private:
  replication::node_table sessions_;
  replication::node_table own_;
};

/// What a replica of a replicated queue is to apply (replication::replica::apply) when either part has changed.
replication::metadata_view view_of(const queue_record& queue, const metadata_snapshot& in);

} // namespace broker

// The queue supervisor (metadata/queue_supervisor.hpp) on the node whose metadata leads: what it wants becomes
// proposals and wishes to masters. Part of the metadata actor, which alone sees every change in order. Internal to
// actors/metadata.cpp.
#pragma once

#include <functional>

#include "actors/metadata_work.hpp"
#include "metadata/queue_supervisor.hpp"

namespace broker {

/// Numbers of the nodes in maintenance mode, rising.
std::vector<replication::node_id> drained_nodes(const runtime& node, const metadata_snapshot& in);

/// What an operator has ordered on this node (rabbitmq-queues rebalance): a plan of moves, carried out a few at a time.
/// Part of the metadata actor as queue_supervision, but on the node that was asked, whether it leads or not.
class ordered_rebalance {
public:
  void begin(const metadata_service& service, metadata_rebalance what);
  /// When everybody has been told of a flush. True: something is to be flushed.
  bool step(metadata_service& service);

private:
  master_moves moves_;
  std::function<void(result<void>)> done_; ///< null: there is no order
};

class queue_supervision {
public:
  /// After each flush, once the node is up; with replication only. Does nothing on a node that does not lead. `propose`
  /// runs within the call; what becomes of a proposal shows in later changes. True: something is to be flushed.
  bool step(metadata_service& service, const metadata_flush& flushed,
            const std::function<void(change_placement)>& propose);

private:
  queue_supervisor supervisor_;
  bool leads_ = false;
};

} // namespace broker

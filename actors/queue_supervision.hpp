// The queue supervisor (metadata/queue_supervisor.hpp) on the node whose metadata leads: what it wants becomes
// proposals and wishes to masters. Part of the metadata actor, which alone sees every change in order. Internal to
// actors/metadata.cpp.
#pragma once

#include <functional>

#include "actors/metadata_work.hpp"
#include "metadata/queue_supervisor.hpp"

namespace broker {

class queue_supervision {
public:
  /// After each flush, once the node is up; with replication only. Does nothing on a node that does not lead. `propose`
  /// runs within the call; what becomes of a proposal shows in later changes. True: something is to be flushed.
  bool step(metadata_service& service, const metadata_flush& flushed,
            const std::function<void(change_placement)>& propose);

private:
  void drain(const runtime& node, const metadata_snapshot& in);

  queue_supervisor supervisor_;
  bool leads_ = false;
};

} // namespace broker

// Somebody who looks over the shoulder of every replica of a node: the simulator's checks of what copies promise each
// other (apps/sim/copies_watch.hpp; guarantees.md section 5). Production has none (runtime::watch is null), which costs
// a test of a pointer per step.
// Called in the replica's own thread. Whoever is called may not keep a reference beyond the call.
#pragma once

#include "channel/protocol.hpp"

namespace broker {

class replicated_queue;
struct replicated_step;

class replica_watch {
public:
  virtual ~replica_watch() = default;
  /// The master is about to handle this request. It is for the master of `mastership`; 0: for whoever it is, as far as
  /// its sender knew for a queue that is not replicated.
  virtual void asked(const replicated_queue& master, const queue_request& what, epoch mastership) = 0;
  /// After each step, before anything of it is performed.
  virtual void stepped(const replicated_queue& replica, const replicated_step& step) = 0;
};

} // namespace broker

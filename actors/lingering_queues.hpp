// Queues that are gone for everybody and still answer what was sent to them before that was known (queue_linger). No
// directory has them any more: the end of the node reaches them by this list, or whatever an actor has would stay,
// since it has its own address.
#pragma once

#include <map>
#include <mutex> // layers: taken twice per queue that ends, never per message

#include "actors/caf.hpp"

namespace broker {

/// Thread-safe. Memory: an entry per queue that lingers. It keeps no actor alive.
class lingering_queues {
public:
  /// False: the node ends, and `who` must do so at once.
  bool add(const caf::actor& who);
  void remove(const caf::actor& who);
  /// Ends all of them; no other one lingers from now on.
  void end();

private:
  std::mutex mutex_;
  std::map<caf::actor_id, caf::actor_addr> queues_;
  bool ended_ = false;
};

} // namespace broker

// Tells the actors of a node what flushes of its metadata have changed, a part at a time: after a snapshot that was
// received, or when the node starts, that may be 100,000 queues, and the metadata actor must not be away from its group
// for so long. Internal to actors/metadata*.cpp; runs in that actor, or before it is spawned.
//
// Queues come first, then the snapshot that names them, then the rest, and then the answers: whoever reads the snapshot
// finds the queue. What flushes bring while queues of one are still being started is told as if it had been one flush;
// what comes after the snapshot is the next to be told.
#pragma once

#include <map>
#include <vector>

#include "actors/messages.hpp"
#include "metadata/metadata_host.hpp"

namespace broker {

struct metadata_service;

/// What becomes due when everybody has been told.
struct metadata_told {
  std::vector<metadata_completion> done;
  std::vector<peer_message::move_master> moves;
};

class metadata_telling {
public:
  /// The first to be told of: every queue of the state is started. Until they are, the snapshot that others read counts
  /// none of them as created, so that what comes for one of them waits.
  void boot(metadata_service& service);
  /// Of a flush after that.
  void add(const metadata_service& service, metadata_flush what);
  /// Right after a flush and its add(): tells of about metadata_options::told_at_once changes. False: call it again,
  /// after another flush.
  bool step(caf::actor_system& system, metadata_service& service, metadata_told& out);
  /// Somebody has not been told of everything yet.
  bool busy() const noexcept { return now_.waits; }

private:
  struct batch {
    std::vector<queue_ptr> first; ///< queues of the state that the node started with
    std::vector<metadata_change> changes;
    metadata_told then;
    bool waits = false;
    bool boots = false;
    size_t started = 0; ///< of `first`
    size_t placed = 0;  ///< changes whose queues are in the directory
    std::vector<queue_move> moved;
    // since the snapshot is published
    bool published = false;
    uint64_t index = 0; ///< of the log, as of it
    snapshot_ptr before;
    bool nodes = false;              ///< some have changed
    std::vector<caf::actor> looking; ///< replicas that are to look at it, then: all
    size_t looked = 0;
    size_t woken = 0; ///< of `first`
    size_t parts = 0; ///< of all queues, to be searched for masters that were lost
    size_t searched = 0;
    size_t told = 0;                    ///< of `changes`
    std::map<queue_id, queue_ptr> last; ///< of queues told of, which may have changed more than once
  };

  bool place(caf::actor_system& system, metadata_service& service, size_t& left);
  void publish(metadata_service& service);
  bool tell(metadata_service& service, size_t& left);

  batch now_;
  batch next_; ///< what has come since the snapshot of `now_` was published
};

} // namespace broker

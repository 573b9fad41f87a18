// Who wants to hear when a replicated queue gets another master: channels that have talked to it, and queues whose dead
// letters go there. A move is told to them and to nobody else, so that its cost is that of its users, however many
// queues and channels the node has.
//
// Whoever is about to look a queue up in the directory registers first: then it either finds the new master there, or
// is told of it.
#pragma once

#include <cstdint>
#include <map>
#include <mutex> // layers: channels of every loop register; once per queue they use, never per message
#include <set>
#include <utility>
#include <vector>

#include "actors/caf.hpp"
#include "base/ids.hpp"

namespace broker {

/// These replicated queues have another master, or their node can be reached again; see channel_state::queue_moved.
struct queue_move {
  queue_id queue = 0;
  epoch mastership = 0;
};

/// Thread-safe. Memory: an entry per watcher and queue, move_watch::queues_max per watcher. It keeps no actor alive.
class move_watchers {
public:
  void add(queue_id queue, const caf::actor& who);
  /// `who` hears of every queue from now on.
  void add_to_all(const caf::actor& who);
  void remove(const caf::actor& who, const std::set<queue_id>& queues);
  /// Who is to hear what: of each queue its last move, in the order of `moves`.
  std::vector<std::pair<caf::actor, std::vector<queue_move>>> of(const std::vector<queue_move>& moves) const;
  size_t size() const;

private:
  using actors = std::map<caf::actor_id, caf::actor_addr>;
  mutable std::mutex mutex_;
  std::map<queue_id, actors> by_queue_;
  actors of_all_;
};

/// What one channel or queue has registered for. Owned by its actor.
class move_watch {
public:
  /// Beyond this many it hears of every queue's moves: remembering more would cost more than hearing them.
  static constexpr size_t queues_max = 1024;

  /// Cheap when it is known: asked for every request. `self` is the actor itself, a handle of which is made when
  /// needed.
  template<class Actor>
  void look(move_watchers& all, queue_id queue, const Actor& self) {
    if (!of_all_ && queues_.insert(queue).second)
      register_for(all, queue, caf::actor_cast<caf::actor>(self));
  }
  /// It ends.
  void leave(move_watchers& all, const caf::actor& who);

private:
  void register_for(move_watchers& all, queue_id queue, const caf::actor& who);

  std::set<queue_id> queues_;
  bool of_all_ = false;
};

} // namespace broker

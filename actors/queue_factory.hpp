// How a node makes the actor of a queue: the place where a behaviour of one's own enters (docs/extending.md).
#pragma once

#include <functional>
#include <memory>

#include <caf/actor.hpp>

#include "metadata/snapshot.hpp"
#include "ports/message_store.hpp"

namespace broker {

struct runtime;

/// Makes the actor of a queue; the node's own is spawn_queue (actors/queue_replica.hpp). What another one makes may
/// stand in for that actor or in front of it: it must answer the messages of a queue (actors/messages.hpp). Called on
/// the metadata actor's thread; may be asked again for a queue of the same name after that was deleted.
using queue_factory =
  std::function<caf::actor(caf::actor_system&, runtime&, queue_ptr, std::shared_ptr<const recovered_queue>)>;

} // namespace broker

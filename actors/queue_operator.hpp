// What an operator asks of one queue, outside any channel: purge and delete (features.md O05).
#pragma once

#include <functional>

#include "actors/messages.hpp"
#include "actors/runtime.hpp"

namespace broker {

/// Drops the ready messages. `done` runs once, on any thread, with their number; error 404 when the queue is gone.
void purge_as_operator(caf::actor_system& system, runtime& node, queue_id queue,
                       std::function<void(result<uint32_t>)> done);

/// Deletes the queue if the conditions hold. `done` gets the number of ready messages it had. Error: 406 in use, not
/// empty; 404 gone; else why the metadata refused.
void delete_as_operator(caf::actor_system& system, runtime& node, queue_ptr queue, bool if_unused, bool if_empty,
                        std::function<void(result<uint32_t>)> done);

} // namespace broker

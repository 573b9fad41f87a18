// The connection's actor: supervises its channels and owns the lifetime of its exclusive queues (W39). Not on the hot
// path: bytes go from the session to the channels directly.
#pragma once

#include "actors/messages.hpp"
#include "actors/runtime.hpp"

namespace broker {

/// Spawns the guard of one connection. It is told of every channel, and ends with connection_teardown_msg: stops the
/// channels, deletes the exclusive queues of `id`, then calls session->torn_down().
/// While it lives it is in runtime::connections_by_id, and closes the connection with 320 when its vhost or its user is
/// deleted.
caf::actor spawn_connection(caf::actor_system& system, runtime& node, connection_id id, ref<session_link> session,
                            std::string vhost, std::string user);

} // namespace broker

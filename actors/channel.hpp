// The channel actor: a shell around channel_state. It resolves queues, sends what the state decides, and ends with it.
#pragma once

#include "actors/messages.hpp"
#include "actors/runtime.hpp"
#include "channel/channel_state.hpp"

namespace broker {

/// Address of a channel whose actor is on this node: what queues send their events to.
class local_channel final : public channel_address {
public:
  local_channel(uint64_t identity, caf::actor who) : channel_address(identity), handle(std::move(who)) {}
  const caf::actor handle;
};

/// Spawns the actor of one AMQP channel. It ends after the channel closed or a channel_stop_msg.
caf::actor spawn_channel(caf::actor_system& system, runtime& node, channel_settings settings,
                         ref<session_link> session);

} // namespace broker

// The channel actor: a shell around channel_state. It resolves queues, sends what the state decides, and ends with it.
#pragma once

#include "actors/messages.hpp"
#include "actors/runtime.hpp"
#include "channel/channel_state.hpp"

namespace broker {

/// Address of a channel as the queues of this node know it: what they send their events to. The channel's actor, or the
/// bridge to the node of the channel.
class local_channel final : public channel_address {
public:
  /// `of`: the node of the channel, "" = this one.
  local_channel(uint64_t identity, caf::actor who, std::string of = {})
    : channel_address(identity), handle(std::move(who)), node(std::move(of)) {}
  const caf::actor handle;
  const std::string node;
};

/// Spawns the actor of one AMQP channel. It ends after the channel closed or a channel_stop_msg.
caf::actor spawn_channel(caf::actor_system& system, runtime& node, channel_settings settings,
                         ref<session_link> session);

/// channel_settings::in_minority of a channel of this node, which outlives it.
std::function<bool()> minority_of(const runtime& node);

} // namespace broker

// Who hears of it when a request between nodes cannot be carried out.
#pragma once

#include "channel/protocol.hpp"

namespace broker::bridging {

/// The channel that waits for an answer to the request; null when none does, as for a publish without confirm.
channel_ref waiting_channel(const queue_request& what);

} // namespace broker::bridging

// What the connection knows of one channel number.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "connection/channel_inbox.hpp"
#include "connection/content.hpp"

namespace broker {

/// One channel, from channel.open until its number is free again.
struct channel_slot {
  enum class phase : uint8_t {
    waiting,  ///< opened by the client while its predecessor still ends: collects input, not started yet
    open,     ///< everything goes to the channel
    closing,  ///< the client has sent channel.close: its further frames are dropped until close-ok (W13)
    refused,  ///< the connection has sent channel.close: frames and the channel's output are dropped until close-ok
    finished, ///< close-ok has come; the channel has yet to end
  };
  phase now = phase::open;
  bool channel_ended = false; ///< of a refused channel: it ended before the client's close-ok came
  bool close_ok_owed = false; ///< the client's channel.close has not been answered yet
  bool touched = false;       ///< has input of the read being parsed
  size_t charged = 0;         ///< bytes of the inbox that are counted as in flight already
  channel_inbox inbox;
  content_assembler assembler;
};

/// Channels of one number, oldest first: the front runs, the others wait for it to end. A client may reuse a number as
/// soon as it has sent close-ok, when the channel has not even seen that yet.
using channel_generations = std::vector<std::unique_ptr<channel_slot>>;

} // namespace broker

// The opening of a connection as a state machine without sockets: frames in, octets to send out.
#pragma once
#include <cstdint>
#include <string>

#include "options.hpp"
#include "wire.hpp"

namespace broker::bench {

/// From the protocol header to an open channel 1: start, tune (no heartbeat), open, channel.open.
class handshake {
public:
  /// The largest frame offered; the broker may ask for less.
  static constexpr uint32_t frame_max_offered = 128u << 10;
  static constexpr uint16_t channel = 1;

  explicit handshake(const endpoint& broker) : broker_(broker) {}

  void begin(std::string& out) const { out.append(wire::protocol_header); }

  /// @returns whether the channel is open now. @throws failure when the broker refuses or leaves the protocol.
  bool on_frame(const wire::frame& in, std::string& out);

  uint32_t frame_max() const { return frame_max_; }

private:
  void answer_tune(wire::reader tune, std::string& out);

  endpoint broker_;
  wire::method awaited_ = wire::method::connection_start;
  uint32_t frame_max_ = frame_max_offered;
};

/// Appends connection.close with reply code 200.
void append_connection_close(std::string& out);

} // namespace broker::bench

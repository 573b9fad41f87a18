#include "handshake.hpp"

#include <algorithm>

namespace broker::bench {
namespace {

/// Only the capability that makes the broker say why a login failed.
std::string client_properties() {
  constexpr std::string_view capability{"\x1c"
                                        "authentication_failure_closet\x01"};
  std::string capabilities;
  capabilities.append(capability);
  std::string table;
  table.append("\x0c"
               "capabilitiesF");
  const uint32_t size = wire::to_wire(static_cast<uint32_t>(capabilities.size()));
  table.append(reinterpret_cast<const char*>(&size), sizeof size);
  return table + capabilities;
}

} // namespace

bool handshake::on_frame(const wire::frame& in, std::string& out) {
  if (in.type == wire::frame_heartbeat)
    return false;
  wire::throw_if_close(in);
  wire::reader arguments{in.payload};
  if (in.type != wire::frame_method || arguments.id() != awaited_)
    throw failure{"the broker broke off the handshake"};
  switch (awaited_) {
  case wire::method::connection_start:
    wire::writer{out, 0, wire::method::connection_start_ok}
      .long_string(client_properties())
      .short_string("PLAIN")
      .long_string(std::string{'\0'} + broker_.user + '\0' + broker_.password)
      .short_string("en_US")
      .end();
    awaited_ = wire::method::connection_tune;
    return false;
  case wire::method::connection_tune:
    answer_tune(arguments, out);
    awaited_ = wire::method::connection_open_ok;
    return false;
  case wire::method::connection_open_ok:
    wire::writer{out, channel, wire::method::channel_open}.short_string("").end();
    awaited_ = wire::method::channel_open_ok;
    return false;
  default:
    return true;
  }
}

void handshake::answer_tune(wire::reader tune, std::string& out) {
  const uint16_t channel_max = tune.u16();
  const uint32_t offered = tune.u32();
  frame_max_ = offered == 0 ? frame_max_offered : std::min(offered, frame_max_offered);
  wire::writer{out, 0, wire::method::connection_tune_ok}.u16(channel_max).u32(frame_max_).u16(0).end();
  wire::writer{out, 0, wire::method::connection_open}.short_string(broker_.vhost).short_string("").u8(0).end();
}

void append_connection_close(std::string& out) {
  wire::writer{out, 0, wire::method::connection_close}.u16(200).short_string("").u16(0).u16(0).end();
}

} // namespace broker::bench

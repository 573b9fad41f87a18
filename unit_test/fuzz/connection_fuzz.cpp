// Any bytes at any stage: the machine neither crashes nor reads on after it has closed, always has room for the next
// read, and writes whole frames only. The first octet chooses the stage, the second the size of the reads.
#include <cstddef>
#include <cstdint>

#include "base/limits.hpp"
#include "connection/test_client.hpp"

using namespace broker;
using namespace broker::testing;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2)
    return 0;
  connection_settings settings;
  settings.message_max_bytes = 1'000'000;
  test_client client{settings};
  const unsigned stage = data[0] % 5;
  const std::string header{amqp::protocol_header};
  if (stage == 1)
    client.feed(header);
  else if (stage == 2)
    client.feed(header + start_ok());
  else if (stage >= 3)
    client.handshake();
  if (stage == 4)
    client.feed(open_channel(1) + open_channel(2));
  client.written();
  client.feed({reinterpret_cast<const char*>(data) + 2, size - 2}, 1 + data[1] * size_t{16});
  const std::string written = client.written();
  if (stage > 0 || written != header)
    split_frames(written);
  const bool closed = client.machine->state() == "closed";
  BROKER_ASSERT(!closed || client.last.close_socket_after_ms, "whoever is closed is cut off");
  client.channel_closed(1);
  client.tick(client.now + limits::handshake_timeout_ms);
  client.torn_down();
  client.peer_closed();
  BROKER_ASSERT(client.machine->state() == "closed", "nothing outlives its socket");
  return 0;
}

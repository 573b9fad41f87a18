// libFuzzer target: what another node sends on a connection. The first byte chooses how far the greeting has come
// before the hostile bytes begin; whatever they are, the link's invariants hold (they are asserted), its memory stays
// bounded, and a frame that decodes encodes to the same again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.hpp"
#include "cluster/link.hpp"

using namespace broker;
using namespace broker::cluster;

namespace {

link_settings settings_of(const char* node, const char* peer) {
  link_settings how;
  how.node = node;
  how.peer = peer;
  how.incarnation = 7;
  how.window_bytes.fill(64 * 1024);
  how.random = [next = uint64_t{1}]() mutable { return next++; };
  return how;
}

std::string output(node_link& from) {
  byte_buffer out;
  from.produce(1, 1 << 20, out, 0);
  return std::string{out.view()};
}

void check_round_trip(std::string_view bytes) {
  const auto frame = decode(bytes);
  if (!frame || (std::holds_alternative<hello_frame>(*frame) && std::get<hello_frame>(*frame).version != 1))
    return;
  if (bytes.size() > link_limits::frame_max_bytes)
    return;
  byte_buffer again;
  encode(*frame, again);
  const auto second = decode(again.view().substr(4));
  BROKER_ASSERT(second.ok() && second->index() == frame->index(), "what is understood can be said");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0)
    return 0;
  const std::string_view hostile{reinterpret_cast<const char*>(data) + 1, size - 1};
  check_round_trip(hostile);
  node_link honest{settings_of("rabbit@a", "rabbit@b")}, victim{settings_of("rabbit@b", "rabbit@a")};
  const bool victim_dials = (data[0] & 1) != 0;
  node_link &first = victim_dials ? victim : honest, &second = victim_dials ? honest : victim;
  first.opened(1, true, 0);
  second.opened(1, false, 0);
  if ((data[0] & 2) != 0) {
    second.received(1, output(first), 0);
    first.received(1, output(second), 0);
    second.received(1, output(first), 0);
    victim.send(cluster_service::queues, std::string(1000, 'q'), 0);
    output(victim);
  }
  uint64_t now = 0;
  for (size_t at = 0; at < hostile.size(); at += 1 + data[0] % 61) {
    const auto step = victim.received(1, hostile.substr(at, 1 + data[0] % 61), now += 10);
    for (const auto& event : step.events)
      if (event.what == link_event::kind::frame)
        victim.handled(event.session, event.service, window_cost(event.bytes.size()));
    victim.tick(now);
    output(victim);
    BROKER_ASSERT(victim.kept_bytes() < 64 * 1024 * 8 + link_limits::payload_max_bytes, "bounded");
  }
  return 0;
}

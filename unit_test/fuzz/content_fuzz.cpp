// Content cut into any frames on two channels and read in any pieces arrives as it was sent. The input chooses how.
#include <cstddef>
#include <cstdint>
#include <deque>

#include "connection/test_client.hpp"

using namespace broker;
using namespace broker::testing;

namespace {

/// Hands out the fuzzer's choices; 0 when they are used up.
class choices {
public:
  choices(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}
  size_t next(size_t bound) { return at_ == end_ ? 0 : *at_++ % bound; }
  bool more() const { return at_ != end_; }

private:
  const uint8_t* at_;
  const uint8_t* end_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t messages_max = 16;
  choices choose{data, size};
  std::deque<std::string> frames[2];
  std::vector<std::string> expected[2];
  for (size_t i = 0; i < messages_max && choose.more(); ++i) {
    const size_t which = choose.next(2);
    const auto channel = static_cast<channel_number>(which + 1);
    std::string body(choose.next(64) * choose.next(256), 'b');
    for (size_t at = 0; at < body.size(); ++at)
      body[at] = static_cast<char>(at + i);
    const size_t body_frame = 1 + choose.next(256) * (1 + choose.next(64));
    for (auto& frame : split_frames(publish(channel, "e", "k", body, {}, body_frame)))
      frames[which].push_back(raw_frame(frame.prefix.type, channel, frame.payload));
    expected[which].push_back("publish e/k 0 " + body);
  }
  std::string stream;
  for (size_t which = 0; !frames[0].empty() || !frames[1].empty(); which = choose.next(3) == 0 ? 1 - which : which) {
    if (frames[which].empty())
      which = 1 - which;
    stream += frames[which].front();
    frames[which].pop_front();
    if (choose.next(8) == 1)
      stream += amqp::heartbeat_frame;
  }
  test_client client;
  client.handshake();
  client.feed(open_channel(1) + open_channel(2));
  client.feed(stream, 16 + choose.next(256) * (1 + choose.next(256)));
  BROKER_ASSERT(client.machine->state() == "running", "nothing was wrong with it");
  BROKER_ASSERT(client.channels[1].said == expected[0], "channel 1");
  BROKER_ASSERT(client.channels[2].said == expected[1], "channel 2");
  BROKER_ASSERT(client.inflight == client.channels[1].bytes + client.channels[2].bytes, "every byte is accounted");
  return 0;
}

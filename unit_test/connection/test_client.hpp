// A client's view of one `connection`: feeds bytes in pieces of any size, carries out steps, and reads the frames
// written.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "amqp/frame.hpp"
#include "amqp/method.hpp"
#include "amqp/properties.hpp"
#include "connection/connection.hpp"

namespace broker::testing {

/// Counts the bytes credited back.
class counting_sink final : public credit_sink {
public:
  void credit(size_t bytes) noexcept override { credited += bytes; }
  size_t credited = 0;
};

struct read_frame {
  amqp::frame_prefix prefix;
  std::string payload;

  /// Decoded, for method frames.
  amqp::method method() const;
};
std::vector<read_frame> split_frames(std::string_view bytes);

// -- bytes a client sends --
std::string method_frame(channel_number channel, const amqp::method& what);
std::string raw_frame(uint8_t type, channel_number channel, std::string_view payload);
std::string header_frame(channel_number channel, uint64_t body_size, const amqp::properties& what = {});
std::string publish_frame(channel_number channel, std::string_view exchange, std::string_view key,
                          bool mandatory = false);
/// basic.publish, header and body in frames of `body_frame` bytes.
std::string publish(channel_number channel, std::string_view exchange, std::string_view key, std::string_view body,
                    const amqp::properties& what = {}, size_t body_frame = 100'000);
std::string start_ok(std::string_view user = "guest", std::string_view password = "guest",
                     std::string_view mechanism = "PLAIN", bool all_capabilities = true);
std::string tune_ok(uint16_t channel_max = 2047, uint32_t frame_max = 131'072, uint16_t heartbeat_s = 60);
std::string open(std::string_view vhost = "/");
std::string open_channel(channel_number number);

/// Everything the inputs of one channel said, flattened so that runs and batches can be compared across read sizes.
struct channel_record {
  std::vector<std::string> said; ///< "publish ex/key flags body", "ack 1-3", "ack upto 9", "queue.declare"
  size_t bytes = 0;
  size_t ops = 0;
  size_t inputs = 0;
};

class test_client {
public:
  explicit test_client(connection_settings settings = {}, bool loopback = true);

  /// Hands `bytes` over, at most `piece` per read.
  void feed(std::string_view bytes, size_t piece = ~size_t{0});
  /// Header to open-ok; the frames of the handshake are thrown away.
  void handshake(uint16_t channel_max = 2047, uint32_t frame_max = 131'072, uint16_t heartbeat_s = 60);
  void handshake_with_channel(channel_number number = 1);
  /// What the connection has written since the last call.
  std::string written();
  std::vector<read_frame> frames() { return split_frames(written()); }
  void push(outgoing item);
  void push_bytes(channel_number channel, std::string bytes);
  void channel_closed(channel_number channel, std::string bytes = {});
  void tick(uint64_t at);
  void torn_down();
  void close(const error& why);
  void peer_closed();
  /// Reply code of the connection.close among the frames written; 0 if there is none.
  amqp::connection_class::close closed_with();
  bool logged(std::string_view text) const;

  uint64_t now = 1000;
  ref<counting_sink> sink = make_ref<counting_sink>();
  connection_step last; ///< everything of all steps but inputs
  std::map<channel_number, channel_record> channels;
  std::vector<std::pair<channel_number, channel_input>> kept; ///< inputs, when `keep` is set; else they are released
  bool keep = false;
  size_t inflight = 0;
  std::unique_ptr<connection> machine;

private:
  void take(connection_step& step);
};

} // namespace broker::testing

// One AMQP connection without its socket: protocol header, handshake, negotiation, frames to batches, heartbeats,
// connection.close from both sides, late encoding of deliveries (features.md W01-W20; wire-reactions.md).
//
// The host (net/session or the simulator) reads into `read_space`, calls `received`, carries out the `connection_step`,
// writes what `output` gives and calls `wrote`. Single-threaded: everything runs on the session's loop.
// Invariants: memory held for an idle connection is independent of past traffic; nothing is allocated on a client's
// word before login (guarantees.md S7); after `close_socket` nothing more is parsed or encoded.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/block.hpp"
#include "base/limits.hpp"
#include "channel/protocol.hpp"
#include "connection/admission.hpp"
#include "metadata/snapshot.hpp"

namespace broker {

/// Monotonic milliseconds, from the host's clock.
using time_ms = uint64_t;

struct connection_settings {
  std::string product = "RabbitMQ";
  std::string version = "3.13.7";
  std::string platform = "Warren";
  std::string copyright = "Copyright (c) the Warren authors";
  std::string information = "Licensed under the Apache License 2.0";
  std::string cluster_name;
  std::string node;
  uint16_t channel_max = limits::channel_max;
  uint32_t frame_max = limits::frame_max_bytes;
  uint16_t heartbeat_s = limits::heartbeat_s;
  uint32_t handshake_timeout_ms = limits::handshake_timeout_ms;
  uint64_t message_max_bytes = limits::message_max_bytes;
  /// Offered in connection.start, separated by blanks; others are refused (rabbitmq.conf auth_mechanisms).
  std::string mechanisms = "PLAIN AMQPLAIN";
  /// Counts connections and channels against operators' limits (O32); null: nobody counts. Outlives the connection.
  admission* counts = nullptr;
};

struct peer_info {
  std::string name; ///< "127.0.0.1:51234 -> 127.0.0.1:5672", as RabbitMQ names connections
  bool loopback = false;
  std::string network = {}; ///< whose logins are counted together (guarantees.md S4): the address, of IPv6 its /64
};

/// A line for the node's log (O49, O50); the connection's name is in the text where RabbitMQ has it, the host adds the
/// time.
struct log_line {
  enum class level : uint8_t { debug, info, warning, error };
  level severity = level::info;
  std::string text;
};

/// What one call asks the host to do, in this order.
struct connection_step {
  std::vector<channel_number> closed; ///< channel numbers whose channel has ended (outgoing::kind::channel_closed)
  std::vector<channel_number> opened; ///< start a channel before its first input; open-ok is already in the output
  std::vector<std::pair<channel_number, channel_input>> inputs; ///< one per channel and read; batch is never null:
                                                                ///< it carries credit_to, one hold, and its cost
  size_t inflight_bytes = 0;          ///< cost of what was read, credited back by the batches: the host stops reading
                                      ///< above its limit
  std::vector<consumer_ref> writable; ///< starved consumers whose bytes have been written: owe `consumer_ready`
  bool login_refused = false;         ///< for the host's count of failures per address (guarantees.md S4)
  bool authenticated = false;         ///< login() is known from now on
  bool opened_vhost = false;          ///< the connection is ready
  bool teardown = false;              ///< stop all channels, delete exclusive queues, then call torn_down()
  std::optional<uint32_t> close_socket_after_ms; ///< close the socket once the output is written, after this pause
  std::vector<log_line> log;
};

class connection {
public:
  /// `metadata` gives the newest snapshot; `pool` may be null; `credit` goes into every batch.
  connection(const connection_settings& settings, peer_info peer, std::function<snapshot_ptr()> metadata,
             block_recycler* pool, ref<credit_sink> credit, time_ms now);
  ~connection();

  /// Where the next bytes go; never empty. Holds a block only between this call and the next complete parse.
  std::span<char> read_space();
  /// `count` bytes were put into read_space().
  void received(size_t count, time_ms now, connection_step& step);
  /// The peer closed or reset the socket.
  void peer_closed(connection_step& step);
  /// Heartbeats and time-outs; call at `deadline`, or more often.
  void tick(time_ms now, connection_step& step);
  /// Next time `tick` has something to do.
  time_ms deadline() const;

  /// A channel wants this written. Dropped after the connection has closed.
  void push(outgoing item, connection_step& step);
  /// All channels are stopped and exclusive queues deleted: the close handshake may finish.
  void torn_down(connection_step& step);
  /// Closes from our side: 320 "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'" and the
  /// like.
  void close(const error& why, connection_step& step);

  /// A resource alarm is on (`reason`: "low on memory", "low on disk"), or off again (empty). A connection that
  /// publishes during an alarm is told (connection.blocked, W11) and no longer wants reading.
  void resource_alarm(std::string reason);
  /// False while the client is blocked by an alarm or leaves too many replies unread.
  bool wants_reading() const;
  /// The host has stopped (for whatever reason) or resumed reading: meanwhile silence does not mean a dead peer.
  void reading(bool active, time_ms now);

  /// Encoded bytes to write now (encodes up to limits::write_chunk_bytes when the last chunk is done); empty: nothing.
  std::string_view output();
  /// `count` bytes of output() were written.
  void wrote(size_t count, time_ms now, connection_step& step);

  // -- what is known of it (list_connections) --
  const peer_info& peer() const;
  const login& user() const;
  const std::string& auth_mechanism() const; ///< "" before login
  const std::string& vhost() const;
  const amqp::field_table& client_properties() const;
  std::string_view state() const; ///< "starting", "tuning", "opening", "running", "closing", "closed"
  uint16_t channel_max() const;
  uint32_t frame_max() const;
  uint16_t heartbeat_s() const;
  size_t open_channels() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace broker

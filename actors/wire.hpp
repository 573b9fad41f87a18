// The port below the links: streams of bytes to other nodes, authenticated by the cluster's cookie, in production over
// TLS (net/cluster_wire.hpp), in the simulator over virtual time. What happens to a stream is told to the peer's actor
// by message; each message is about one connection, by id.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "actors/caf.hpp"
#include "base/bytes.hpp"

namespace broker {

/// One stream. Thread-safe; calls return at once. It lives until both the wire and the peer have let it go.
class node_connection {
public:
  virtual ~node_connection() = default;
  /// Never used twice by this node.
  virtual uint64_t id() const = 0;
  /// Whom it leads to, for operators: host:port.
  virtual const std::string& address() const = 0;
  /// Takes bytes in order; wire_written_msg when they have left. Who writes keeps to wire_unwritten_max_bytes.
  virtual void write(byte_buffer bytes) = 0;
  /// Received bytes have been dealt with. Above a bound of bytes not taken nothing more is read.
  virtual void taken(size_t bytes) = 0;
  /// Closes after `last` has left, within a short time. No message follows but those under way.
  virtual void close(std::string last) = 0;
};

/// Bytes given to write() and not yet written, per connection.
inline constexpr size_t wire_unwritten_max_bytes = 512 * 1024;

// -- to the peer's actor
// -----------------------------------------------------------------------------------------------

struct wire_connected {
  std::shared_ptr<node_connection> connection;
  bool dialled = false;
};
using wire_connected_msg = parcel<wire_connected>;
struct wire_dial_failed_msg {
  std::string reason;
  bool refused = false; ///< nothing listens at that address
};
struct wire_data {
  uint64_t connection = 0;
  std::string bytes;
};
using wire_data_msg = parcel<wire_data>;
struct wire_written_msg {
  uint64_t connection = 0;
  size_t bytes = 0;
};
/// It is gone. Not sent after close().
struct wire_broken_msg {
  uint64_t connection = 0;
  std::string reason;
};

// -- the wire
// ----------------------------------------------------------------------------------------------------------

/// Makes connections. Those that other nodes make arrive at the peer's actor as wire_connected_msg by themselves.
class node_wire {
public:
  virtual ~node_wire() = default;
  /// Connects to `node` and proves both sides' cookie; wire_connected_msg or wire_dial_failed_msg follows, once.
  /// `host` "": as the node's name says. `port` 0: as configured. Thread-safe, returns at once.
  virtual void dial(const std::string& node, const std::string& host, uint16_t port, caf::actor answer) = 0;
};

} // namespace broker

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::wire_dial_failed_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::wire_written_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::wire_broken_msg)

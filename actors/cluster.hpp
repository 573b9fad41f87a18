// What the actors of a node use to talk to other nodes (architecture.md D7, D8; docs/internals/cluster-links.md).
//
// Between two nodes there is a *session*: while it lives, every frame that `send` accepted arrives exactly once and in
// order per (node, service), however often the connection between them breaks. A session ends when the other node has
// another incarnation (it restarted), says good-bye, or cannot be reached for `break_limit_ms`; what was not delivered
// then is gone, and every service of both sides is told. Datagrams may be lost, overtake and never wait.
//
// A service gets about one node, in this order: node_up_msg fresh, then frames, suspect, up (not fresh), room in any
// mixture, at the end node_lost_msg; then perhaps the next session's node_up_msg. Frames are handed over in the order
// of these messages: one that follows a fresh node_up_msg is of that session.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/caf.hpp"
#include "cluster/service.hpp"

namespace broker {

/// Hears that a service is done with a frame. Thread-safe.
class frame_sink {
public:
  virtual ~frame_sink() = default;
  virtual void handled(uint64_t session, cluster_service service, size_t bytes) = 0;
};

/// Held by a frame until its receiver has dealt with it; only then the sender's window gets its room back. So a slow
/// service stops its senders on the other node instead of filling its own mailbox (D13). It is given back when the
/// message is destroyed; a service that keeps the bytes for later may keep the lease with them.
class frame_lease {
public:
  frame_lease() = default;
  frame_lease(std::shared_ptr<frame_sink> sink, uint64_t session, cluster_service service, size_t bytes)
    : sink_(std::move(sink)), session_(session), service_(service), bytes_(bytes) {}
  frame_lease(frame_lease&&) noexcept = default;
  frame_lease& operator=(frame_lease&& other) noexcept {
    if (this != &other) {
      give_back();
      sink_ = std::move(other.sink_);
      session_ = other.session_;
      service_ = other.service_;
      bytes_ = other.bytes_;
    }
    return *this;
  }
  ~frame_lease() { give_back(); }

  void give_back() {
    if (const auto sink = std::exchange(sink_, nullptr))
      sink->handled(session_, service_, bytes_);
  }

private:
  std::shared_ptr<frame_sink> sink_;
  uint64_t session_ = 0;
  cluster_service service_ = cluster_service::control;
  size_t bytes_ = 0;
};

// -- to the actor of a service
// -----------------------------------------------------------------------------------------

/// Reliable, in order per (node, service).
struct node_frame {
  std::string from;
  std::string bytes;
  frame_lease lease;
};
using node_frame_msg = parcel<node_frame>;

/// Unreliable: may be lost, repeated or overtaken.
struct node_datagram {
  std::string from;
  std::string bytes;
  frame_lease lease; ///< while too many are not handled, further ones are dropped
};
using node_datagram_msg = parcel<node_datagram>;

/// Connected. `fresh`: a new session; whatever was held of an earlier one is void.
struct node_up_msg {
  std::string node;
  uint64_t incarnation = 0;
  uint64_t session = 0; ///< never 0; for cluster_links::send
  bool fresh = false;
};
/// The connection is lost or silent; what was sent is kept and sent again.
struct node_suspect_msg {
  std::string node;
};
/// The session is over.
struct node_lost_msg {
  std::string node;
  uint64_t session = 0;
  std::string reason; ///< for the log
};
/// After `send` has refused for want of room: half of the window is free again.
struct node_room_msg {
  std::string node;
};

// -- the links of a node
// -----------------------------------------------------------------------------------------------

/// One other node, as operators see it.
struct node_state {
  std::string node;
  std::string address;      ///< host:port of the last or present connection
  uint64_t incarnation = 0; ///< 0: not known yet
  uint64_t session = 0;     ///< 0: none
  bool connected = false;
  uint64_t silent_ms = 0; ///< since it was last heard of
  uint64_t unacknowledged_bytes = 0;
  uint64_t sent_bytes = 0; ///< since the peer is known
  uint64_t received_bytes = 0;
  uint64_t reconnects = 0;
  std::string last_error; ///< why the last attempt or connection ended; "" = none
};

/// Any session.
inline constexpr uint64_t any_session = 0;

/// All links of this node. Thread-safe; no call blocks. One per node, in runtime::cluster; null without a cluster.
class cluster_links {
public:
  virtual ~cluster_links() = default;

  /// This run of this node; never 0.
  virtual uint64_t incarnation() const = 0;

  /// Hands the service's traffic to `who` from now on. It hears node_up_msg (fresh) for every session there is. One
  /// actor per service and life of the node: frames an earlier actor had in its mailbox are not sent again.
  virtual void serve(cluster_service service, caf::actor who) = 0;

  /// Takes `bytes` (1..link_limits::payload_max_bytes) if there is a session and room in the service's window.
  /// False: nothing was taken, `bytes` are untouched; node_up_msg or node_room_msg follows when it is worth to try
  /// again. `session`: refuse unless this is the session at this moment; a sender whose bytes make sense only to the
  /// session it has been told of says so, because node_lost_msg may still be in its mailbox.
  virtual bool send(const std::string& node, cluster_service service, std::string&& bytes,
                    uint64_t session = any_session) = 0;

  /// At most link_limits::datagram_max_bytes. Dropped when there is no connection or it is congested.
  virtual void send_datagram(const std::string& node, cluster_service service, std::string bytes) = 0;

  /// Nodes that are wanted or here, by name; this one is not among them.
  virtual std::vector<node_state> nodes() const = 0;

  /// Keeps a connection to `node` from now on. `host` "": the part after @. `port` 0: as configured. Known already:
  /// takes the new address.
  virtual void connect(const std::string& node, const std::string& host = "", uint16_t port = 0) = 0;
  /// Ends the session and dials no more. A node that holds the cookie may still connect to us: links admit whoever
  /// holds it, membership is the metadata's business.
  virtual void forget(const std::string& node) = 0;
};

} // namespace broker

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::node_up_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::node_suspect_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::node_lost_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::node_room_msg)

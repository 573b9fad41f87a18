// The actor of one other node (architecture.md D8): the link's state machine with connections below and services above.
// It dials with back-off, watches, dispatches. Everything of weight is decided in libbroker/cluster/link.hpp.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex> // layers: send() is called from every loop; held for one step of the link
#include <string>

#include "actors/caf.hpp"
#include "actors/cluster.hpp"
#include "actors/wire.hpp"
#include "cluster/link.hpp"

namespace broker {

/// The link as the actor shares it with senders and with the leases of what it has delivered. Thread-safe.
class peer_port final : public frame_sink {
public:
  explicit peer_port(cluster::link_settings how) : node_(how.peer), link_(std::move(how)) {}

  const std::string& node() const { return node_; }
  bool send(cluster_service service, std::string&& bytes, uint64_t session);
  void send_datagram(cluster_service service, std::string&& bytes);
  void handled(uint64_t session, cluster_service service, size_t bytes) override;
  node_state state(uint64_t now_ms) const;

  // -- for the actor --
  void attach(caf::actor who);
  /// The actor ends; later sends are refused.
  void detach() { attach(nullptr); }
  /// Runs `step(link)` alone.
  template<class Step>
  auto with(Step&& step) {
    const std::lock_guard hold{mutex_};
    return step(link_);
  }
  /// Fills `out` for a connection; clears the wake.
  void produce(uint64_t connection, size_t most, byte_buffer& out, uint64_t now_ms);
  /// Room for one more received datagram; taken if there is.
  bool admit_datagram(size_t bytes);
  void count_received(size_t bytes);
  void connected_to(const std::string& address);
  void went_wrong(const std::string& why);

private:
  void wake_unless_awake(std::unique_lock<std::mutex>& held);

  const std::string node_;
  mutable std::mutex mutex_;
  cluster::node_link link_;
  caf::actor actor_;
  bool awake_ = false; ///< a wake is under way
  node_state shown_;
  std::atomic<size_t> datagram_bytes_{0}; ///< received, not handled
};

struct peer_settings {
  node_wire* wire = nullptr;
  std::function<uint64_t()> now_ms;
  /// Lines for the log.
  std::function<void(const std::string&)> note;
};

/// Pauses between attempts to connect. A cut that has healed is to be noticed within two seconds (an attempt takes 1.5
/// s at most), and an attempt in vain costs a packet or two. The first is such that the second refusal tells that the
/// process has ended (a clock of whole milliseconds may count one too few).
inline constexpr uint64_t dial_pause_first_ms = link_limits::refused_limit_ms + 2;
inline constexpr uint64_t dial_pause_max_ms = 500;

// -- to the peer's actor, beside those of the wire
// -----------------------------------------------------------------------

/// Something to write, or news for the other side.
struct peer_wake_msg {};
struct peer_tick_msg {
  uint64_t due_ms = 0; ///< 0: a sooner one has taken its place
};
struct peer_serve_msg {
  cluster_service service = cluster_service::control;
  caf::actor who;
};
/// Dial from now on.
struct peer_dial_msg {
  std::string host;
  uint16_t port = 0;
};
/// Good-bye; the actor ends. `done` hears of it (may be empty).
struct peer_end {
  std::string reason;
  std::function<void()> done;
};
using peer_end_msg = parcel<peer_end>;

caf::actor spawn_peer(caf::actor_system& system, std::shared_ptr<peer_port> port, peer_settings settings);

} // namespace broker

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::peer_wake_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::peer_tick_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::peer_serve_msg)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(broker::peer_dial_msg)

// The cluster's port and connections over TCP and TLS 1.3 (docs/adr/0004): on a loop of their own (loop_group::links),
// so that neither a flood at the port nor encryption takes the others' turn. Who comes in is bounded before it has
// proved the cookie: handshakes at a time, in all and per address, their time, and failures per address (guarantees.md
// S6, S7).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "actors/wire.hpp"
#include "base/result.hpp"
#include "net/cluster_identity.hpp"
#include "net/cluster_stream.hpp"
#include "net/login_guard.hpp"
#include "net/loop.hpp"
#include "net/note_limiter.hpp"

namespace broker {

/// Connections that have not proved the cookie yet, in all; above it the oldest goes.
inline constexpr size_t wire_handshakes_max = 128;
/// The same from one address; above it the new one goes.
inline constexpr size_t wire_handshakes_per_address_max = 32;
/// Failed handshakes from one address within a second, after which it is not heard for a second.
inline constexpr size_t wire_failures_per_second_max = 20;
/// Connections of nodes, greeting ones included; far above what the links keep.
inline constexpr size_t wire_connections_max = 1024;

struct cluster_wire_settings {
  std::string node;
  std::string cookie;
  std::string host = "::"; ///< address to listen on
  uint16_t port = 0;       ///< 0 = any free one
  int backlog = 128;
  /// Where a node is that connect() was given no address for: host and port. Called on the wire's thread.
  std::function<std::pair<std::string, uint16_t>(const std::string& node)> locate;
  std::function<uint64_t()> now_ms;
  std::function<void(const std::string&)> note; ///< lines for the log
};

class cluster_wire final : public node_wire {
public:
  /// `loops` outlives the wire; nobody else uses its links().
  cluster_wire(cluster_wire_settings settings, loop_group& loops);
  ~cluster_wire() override;

  /// Makes certificates, takes the port and starts the thread. Error: in an operator's words.
  result<void> open();
  uint16_t port() const { return port_; }
  /// Lets nodes in. `admit` gives the actor that hears of a node's connections, null refuses it; thread-safe.
  void start(std::function<caf::actor(const std::string& node)> admit);
  /// No new connections, and none that is still greeting; those that are being closed have a second. Joins the thread.
  /// The actor system still runs.
  void stop();

  void dial(const std::string& node, const std::string& host, uint16_t port, caf::actor answer) override;

private:
  using tcp = boost::asio::ip::tcp;
  using stream_ptr = std::shared_ptr<cluster_stream>;

  void accept();
  void pause_accepting();
  void greet(tcp::socket socket, const tcp::endpoint& from);
  void greeted(const stream_ptr& stream, const std::string& network, const cluster_stream::outcome& how);
  void drop_oldest_handshake();
  void remember(const stream_ptr& stream);
  void resolve(const std::string& node, const std::string& host, uint16_t port, const caf::actor& answer);
  void dialled(const stream_ptr& stream, const std::string& node, const caf::actor& answer,
               cluster_stream::outcome how);
  void note(const std::string& key, const std::string& line);
  void begin_stop();
  void finish_stop(std::chrono::steady_clock::time_point deadline);

  const cluster_wire_settings settings_;
  loop_group& loops_;
  boost::asio::io_context& io_;
  tcp::acceptor acceptor_{io_};
  boost::asio::steady_timer pause_{io_};
  tcp::resolver resolver_{io_};
  ssl_ctx_ptr tls_;
  uint16_t port_ = 0;
  std::function<caf::actor(const std::string&)> admit_;
  std::atomic<uint64_t> next_id_{1};
  std::map<uint64_t, std::pair<stream_ptr, std::string>> handshakes_; ///< accepted, by age; with their network
  std::map<std::string, size_t> handshakes_of_;                       ///< network to how many
  std::map<uint64_t, std::weak_ptr<cluster_stream>> streams_;
  login_guard guard_;
  note_limiter limiter_;
  bool open_ = false;
  bool stopping_ = false;
  std::atomic<bool> stopped_{false};
  std::promise<void> closed_;
};

} // namespace broker

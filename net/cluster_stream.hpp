// One TLS connection to another node: handshake, bytes in and out with back-pressure (actors/wire.hpp). OpenSSL works
// on the socket itself, so a read takes what the kernel has and a batch for the peer's actor is up to 256 KiB.
//
// Everything runs on the wire's thread but write, taken and close, which may be called from any; on the wire's own they
// cost no hand-over. Kept alive by its pending operations and its users.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "actors/wire.hpp"
#include "net/cluster_identity.hpp"
#include "net/loop.hpp"

namespace broker {

/// Received bytes the peer has not taken; above it nothing is read.
inline constexpr size_t wire_untaken_max_bytes = 1024 * 1024;
/// From the first byte to the end of the handshake, dialling included.
inline constexpr std::chrono::milliseconds wire_handshake_timeout{5'000};

class cluster_stream final : public node_connection, public std::enable_shared_from_this<cluster_stream> {
public:
  /// How the handshake ended: `node` is whom the other side's certificate names, or "" and why it failed.
  struct outcome {
    std::string node;
    std::string error;
    bool other_cookie = false;
  };
  using handshake_done = std::function<void(std::shared_ptr<cluster_stream>, outcome)>;

  cluster_stream(loop& home, uint64_t id, std::string address);
  ~cluster_stream() override;

  // -- the wire's thread --
  boost::asio::ip::tcp::socket& socket() { return socket_; }
  /// With the socket connected. `done` is called once, never from within.
  void handshake(SSL_CTX& context, bool dialled, handshake_done done);
  /// Bytes and the end go to `peer` from now on.
  void deliver_to(caf::actor peer);
  /// At once, without a word.
  void abort();

  // -- any thread --
  uint64_t id() const override { return id_; }
  const std::string& address() const override { return address_; }
  void write(byte_buffer bytes) override;
  void taken(size_t bytes) override;
  void close(std::string last) override;

private:
  struct ssl_deleter {
    void operator()(SSL* session) const { SSL_free(session); }
  };
  enum class stage : uint8_t { handshake, up, closing, closed };

  /// On the wire's thread, at once if this is it.
  template<class What>
  void at_home(What what);
  void step_handshake(bool dialled);
  void end_handshake(outcome how);
  void read();
  void wait_readable();
  void deliver(size_t bytes);
  void flush();
  void wait_writable();
  void finish_closing();
  void discard_until_end();
  void broken(const std::string& why);
  /// Text of OpenSSL's or the system's last error; notes other_cookie.
  outcome why_failed(int returned);

  loop& home_;
  const uint64_t id_;
  const std::string address_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer deadline_;
  std::unique_ptr<SSL, ssl_deleter> tls_;
  stage stage_ = stage::handshake;
  handshake_done done_;
  caf::actor peer_;
  std::deque<byte_buffer> unwritten_;
  size_t written_ = 0; ///< of the first
  bool waiting_writable_ = false;
  bool waiting_readable_ = false;
  size_t untaken_ = 0;
  std::string last_;
};

} // namespace broker

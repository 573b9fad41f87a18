// The node's control endpoint: tools and other nodes connect, both sides prove the cookie (control_auth.hpp), then
// requests and answers (control_message.hpp) in sealed frames of a four-byte big-endian length and a payload. Bounded
// before and after login: connections, frame size, time (guarantees.md S6, S7).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>

#include "base/result.hpp"
#include "control_message.hpp"

namespace broker::control {

struct listener_settings {
  std::string node;
  std::string cookie;
  std::string host = "127.0.0.1"; ///< "::" = every address, IPv4 included
  uint16_t port = 0;              ///< 0 = any free one
  size_t connections_max = 64;
  /// Of them, from other machines and not yet logged in: strangers must not keep the operator out.
  size_t strangers_max = 16;
  std::chrono::milliseconds handshake_timeout{10'000};
  /// Longest pause before a request, and longest time one write of an answer may take.
  std::chrono::milliseconds idle_timeout{60'000};
};

/// Lives on `io`'s thread: construct, listen and stop it there. The handler is called there.
class listener {
public:
  /// `refused` hears why a connection was turned away before login; for the log.
  listener(boost::asio::io_context& io, listener_settings settings, handler answer,
           std::function<void(std::string_view why)> refused);
  /// Stops.
  ~listener();
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

  /// Error: the port is taken.
  result<void> listen();
  uint16_t port() const;
  /// Closes the listener and every connection; late replies are dropped.
  void stop();

private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

} // namespace broker::control

// A small HTTP/1.1 server on a thread of its own, for people and tools; messages never pass here. Clear text,
// keep-alive, several ports. Everything is bounded before it is allocated: connections, headers, bodies (by who asks),
// and the time each step may take, so that a client that sends an octet a minute holds a place for seconds
// (guarantees.md S7, S8).
//
// Handlers run on the server's thread and must not wait; answers may come from any thread. That thread stands back
// behind those that do other work (SCHED_BATCH, nice 5).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "base/result.hpp"
#include "net/http/http_message.hpp"

namespace broker::http {

struct server_limits {
  size_t connections_max = 512;                      ///< further clients are closed unheard; own choice
  size_t connections_per_address_max = 128;          ///< of them; own choice
  size_t header_max_bytes = 16 * 1024;               ///< request line and headers; 431 beyond
  std::chrono::milliseconds idle_timeout{60'000};    ///< between requests, as RabbitMQ's cowboy
  std::chrono::milliseconds header_timeout{10'000};  ///< from the first octet of a request to the end of its headers
  std::chrono::milliseconds body_timeout{60'000};    ///< for the whole body
  std::chrono::milliseconds write_timeout{60'000};   ///< for the whole response
  std::chrono::milliseconds stream_timeout{10'000};  ///< until a stream's client has taken what was sent; own choice
  size_t stream_waiting_max_bytes = 4 * 1024 * 1024; ///< of one stream; own choice
};

struct endpoint {
  /// Looks at a request before its body is read: how many octets of body it may have, or why it is refused at once.
  std::function<std::variant<size_t, response>(const request& head)> admit;
  std::function<void(request what, responder done)> handle;
};

class server {
public:
  explicit server(server_limits limits = {});
  /// Stops.
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// Binds a port (0 = any free one); returns the port. `host` "::" takes IPv4 too. Before start(). Error: taken, or no
  /// address of this machine; in an operator's words.
  result<uint16_t> listen(const std::string& host, uint16_t port, endpoint what);
  /// Begins to serve, on a thread of its own.
  void start();
  /// Closes every connection and ends the thread. No handler runs afterwards. May be repeated; not from a handler.
  void stop();

  /// Runs `work` on the server's thread: a function that any thread may call at any time, and that does nothing once
  /// the server has stopped.
  std::function<void(std::function<void()>)> poster() const;
  /// Runs `work` there regularly from now on, until the server stops. Before start() or on its thread.
  void every(std::chrono::milliseconds interval, std::function<void()> work);
  /// As every(), for as long as `work` answers true. On the server's thread.
  void while_wanted(std::chrono::milliseconds interval, std::function<bool()> work);

private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

} // namespace broker::http

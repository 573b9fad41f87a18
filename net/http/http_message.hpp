// Requests and responses of HTTP/1.1 as plain values (RFC 9110). What reads and writes them is
// net/http/http_server.hpp.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace broker::http {

using header_list = std::vector<std::pair<std::string, std::string>>;

struct request {
  std::string method;  ///< "GET"; HEAD comes as it is, and its body is not sent
  std::string target;  ///< path and query as the client sent them
  header_list headers; ///< names in lower case, in order
  std::string body;
  std::string peer;    ///< address of the client
  std::string network; ///< whose logins are counted together (S4): the address, of IPv6 its /64
  bool loopback = false;

  /// First header of that name (lower case), or null.
  const std::string* find(std::string_view name) const;
};

/// A response that goes on: texts are sent as they come to be, until either side ends it. On the server's thread only.
class response_stream {
public:
  virtual ~response_stream() = default;
  /// Sends more. A client that leaves more than server_limits::stream_waiting_max_bytes lying is dropped instead.
  virtual void send(std::string_view more) = 0;
  /// Bytes that the client has not taken.
  virtual size_t waiting() const = 0;
  /// When what was sent has gone out. May be repeated.
  virtual void end() = 0;
};

struct response {
  unsigned status = 200;
  header_list headers; ///< without content-length, date and connection
  std::string body;
  bool close = false; ///< the connection ends after it
  /// Not empty: the body has no end yet. Called once with what goes on from it, which is gone when the client is. Not
  /// called, and the body is all there is, for HEAD.
  std::function<void(std::weak_ptr<response_stream>)> stream = {};
};

/// Answers a request by calling back exactly once, from any thread. A late call, when the client or the server has
/// gone, does nothing.
using responder = std::function<void(response)>;

} // namespace broker::http

// Requests and responses of HTTP/1.1 as plain values (RFC 9110). What reads and writes them is
// net/http/http_server.hpp.
#pragma once

#include <functional>
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

struct response {
  unsigned status = 200;
  header_list headers; ///< without content-length, date and connection
  std::string body;
  bool close = false; ///< the connection ends after it
};

/// Answers a request by calling back exactly once, from any thread. A late call, when the client or the server has
/// gone, does nothing.
using responder = std::function<void(response)>;

} // namespace broker::http

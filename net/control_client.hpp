// One connection to a node's control endpoint, of a tool or of another node: connect, prove the cookie, ask. Blocking,
// with one deadline for everything.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "control_auth.hpp"
#include "control_message.hpp"

namespace broker::control {

/// Why a call failed, coarse enough to choose what to tell the operator.
enum class failure_kind : uint8_t {
  none,
  unreachable, ///< no TCP connection
  refused,     ///< something else listens there, the cookies differ, or it is another node
  lost,        ///< the connection broke
  timed_out,
};

class control_client {
public:
  using clock = std::chrono::steady_clock;

  explicit control_client(clock::time_point deadline) : deadline_(deadline) {}
  ~control_client();
  control_client(const control_client&) = delete;
  control_client& operator=(const control_client&) = delete;

  /// A name is looked up for as long as the deadline lets it.
  result<void> connect(const std::string& host, uint16_t port);
  /// `own` is the name this end goes by; error when the other end is not `node`.
  result<void> authenticate(std::string_view cookie, std::string_view own, std::string_view node);
  result<response> call(const request& what);

  /// Of the last error.
  failure_kind failure() const { return failure_; }

private:
  error fail(failure_kind kind, std::string text);
  /// Waits until the socket is ready for `events` (poll); false after the deadline.
  bool wait(short events);
  result<void> send_frame(std::string_view payload);
  result<std::string> receive_frame(size_t most);
  result<void> receive_exactly(char* at, size_t count);

  clock::time_point deadline_;
  int socket_ = -1;
  std::optional<sealed_frames> frames_; ///< once both ends have proved the cookie
  failure_kind failure_ = failure_kind::none;
};

} // namespace broker::control

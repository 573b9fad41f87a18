// One connection to a node's control endpoint: connect, prove the cookie, ask. Blocking, with a deadline for each step.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "control_message.hpp"

namespace broker::ctl {

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

  result<void> connect(const std::string& host, uint16_t port);
  /// `own` is the name this tool goes by; error when the other end is not `node`.
  result<void> authenticate(std::string_view cookie, std::string_view own, std::string_view node);
  result<control::response> call(const control::request& what);

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
  failure_kind failure_ = failure_kind::none;
};

} // namespace broker::ctl

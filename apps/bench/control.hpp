// A connection used one request at a time: set-up and tear-down of a run, and the opening of what then runs on events.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "options.hpp"
#include "socket.hpp"
#include "wire.hpp"

namespace broker::bench {

/// How a queue is declared.
struct queue_kind {
  bool durable = false;
  bool exclusive = false;
  bool quorum = false;
  uint8_t priorities = 0;              // x-max-priority, 0: none
  std::optional<uint32_t> ttl_ms = {}; // x-message-ttl
  std::string dead_letters_to = {};    // a queue, through the default exchange; "": none
};

/// Appends queue.declare; shared with the modes that declare on their own.
void append_queue_declare(std::string& out, const std::string& name, const queue_kind& kind);

/// Every call waits for the broker's answer, `answer_timeout` at most, and throws `failure` when it is a refusal.
class control {
public:
  static constexpr time_ns answer_timeout = 60 * ns_per_second;

  /// Connects, logs in and opens channel 1.
  explicit control(const endpoint& broker);

  uint32_t frame_max() const { return frame_max_; }

  void declare_exchange(const std::string& name, const std::string& type, bool durable);
  void delete_exchange(const std::string& name);
  void declare_queue(const std::string& name, const queue_kind& kind);
  /// Messages ready in a queue that exists.
  uint32_t queue_length(const std::string& name);
  void bind(const std::string& queue, const std::string& exchange, const std::string& key);
  void delete_queue(const std::string& name);
  void qos(uint16_t prefetch);
  void consume(const std::string& queue, bool no_ack);
  void select_confirms();

  /// Closes in the orderly way.
  void close();

  /// Gives the socket away; what arrived behind the last answer is still in its buffer.
  client_socket release() && { return std::move(socket_); }

private:
  /// @returns the answer's arguments.
  std::string call(wire::method reply);

  client_socket socket_;
  uint32_t frame_max_ = 0;
};

} // namespace broker::bench

// One publishing connection.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "confirm_tracker.hpp"
#include "event_loop.hpp"
#include "histogram.hpp"
#include "message_slab.hpp"
#include "socket.hpp"
#include "topology.hpp"
#include "wire.hpp"

namespace broker::bench {

struct publisher_settings {
  uint32_t confirm_window = 0; // 0: the channel is not in confirm mode
  uint64_t messages = UINT64_MAX;
  double rate = 0; // messages a second, 0: unlimited
};

/// Publishes on channel 1 of an open socket. When paced, message n is meant to be sent at start + n / rate, and its
/// stamp says so however late the broker lets it out: a stalled broker cannot hide behind a generator that waits for
/// it.
class publisher final : public event_handler {
public:
  /// @param slab one message for each of `streams`, in this order.
  publisher(event_loop& loop, client_socket socket, message_slab slab, std::vector<uint32_t> streams,
            const publisher_settings& settings);

  /// Message 0 is due now.
  void start(time_ns now) { start_ = now; }

  /// Publishes a batch of what may go out now. @returns whether more may go out at once.
  bool pump(time_ns now);

  /// When the next message is due; UINT64_MAX when that does not depend on time.
  time_ns next_due() const;

  /// No new messages from here on.
  void stop() { settings_.messages = published_; }

  /// Everything is written and answered.
  bool finished() const { return published_ == settings_.messages && unwritten_.empty() && outstanding() == 0; }

  void on_readable(time_ns now) override;
  void on_writable(time_ns now) override;

  uint64_t published() const { return published_; }

  uint64_t confirmed() const { return confirmed_; }

  uint64_t refused() const { return refused_; }

  uint64_t outstanding() const { return confirms_ ? confirms_->outstanding() : 0; }

  time_ns first_publish() const { return first_publish_; }

  time_ns last_publish() const { return last_publish_; }

  time_ns last_confirm() const { return last_confirm_; }

  const histogram& confirm_latency() const { return confirm_latency_; }

private:
  uint64_t allowance(time_ns now) const;
  void fill(uint64_t count, time_ns now);
  void write(time_ns now);
  void on_answer(wire::reader arguments, bool accepted, time_ns now);

  time_ns intended(uint64_t message) const {
    return start_
         + static_cast<time_ns>(static_cast<double>(message) * static_cast<double>(ns_per_second) / settings_.rate);
  }

  event_loop& loop_;
  client_socket socket_;
  message_slab slab_;
  std::vector<uint32_t> streams_;
  publisher_settings settings_;
  std::optional<confirm_tracker> confirms_;

  std::string_view unwritten_; // inside the slab
  size_t next_slot_ = 0;
  size_t next_stream_ = 0;
  uint64_t round_ = 0; // the sequence number of the current round over the streams
  bool watching_writable_ = false;

  uint64_t published_ = 0;
  uint64_t confirmed_ = 0;
  uint64_t refused_ = 0;
  time_ns start_ = 0;
  time_ns first_publish_ = 0;
  time_ns last_publish_ = 0;
  time_ns last_confirm_ = 0;
  histogram confirm_latency_;
};

} // namespace broker::bench

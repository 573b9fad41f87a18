// One consuming connection, and the judge of what it is sent.
#pragma once
#include <array>
#include <cstdint>

#include "event_loop.hpp"
#include "histogram.hpp"
#include "options.hpp"
#include "sequence.hpp"
#include "socket.hpp"
#include "wire.hpp"

namespace broker::bench {

struct consumer_settings {
  ack_mode ack = ack_mode::automatic;
  uint32_t ack_every = 1;
  uint64_t size = stamp_size; // what every body must measure
  bool verify = false;        // compare every octet
};

/// Consumes on channel 1 of an open socket. Everything a read brings counts as received at the time of that read.
class consumer final : public event_handler {
public:
  /// @param queue the arrivals of the queue, shared by its consumers; outlives this.
  consumer(event_loop& loop, client_socket socket, queue_check& queue, const consumer_settings& settings);

  /// Looks at what came with the answer to basic.consume.
  void start(time_ns now) { parse(now); }

  /// Acknowledges the rest of an incomplete group. @returns whether all acks are on their way.
  bool finish();

  void on_readable(time_ns now) override;
  void on_writable(time_ns now) override;

  uint64_t received() const { return received_; }

  uint64_t corrupt() const { return corrupt_; }

  uint64_t reordered() const { return order_.reordered(); }

  /// 0 before there is one.
  time_ns first_delivery() const { return first_delivery_; }

  time_ns last_delivery() const { return last_delivery_; }

  const histogram& latency() const { return latency_; }

private:
  void parse(time_ns now);
  void on_method(const wire::frame& in);
  void on_header(std::string_view payload, time_ns now);
  void on_body(std::string_view payload, time_ns now);
  void take_stamp(std::string_view payload);
  void complete(time_ns now);
  void acknowledge(uint64_t tag, bool multiple);
  void flush();

  event_loop& loop_;
  client_socket socket_;
  queue_check& queue_;
  consumer_settings settings_;
  order_check order_;
  histogram latency_;

  uint64_t tag_ = 0;
  uint64_t size_ = 0;      // of the body under way
  uint64_t body_seen_ = 0; // octets of it so far
  bool intact_ = true;
  std::array<char, stamp_size> stamp_{};

  uint32_t unacknowledged_ = 0;
  bool watching_writable_ = false;
  uint64_t received_ = 0;
  uint64_t corrupt_ = 0;
  time_ns first_delivery_ = 0;
  time_ns last_delivery_ = 0;
};

} // namespace broker::bench

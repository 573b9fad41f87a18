// Inside of `connection`: its state and the steps of the protocol, spread over handshake.cpp, frames.cpp, channels.cpp,
// closing.cpp and connection.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "amqp/frame.hpp"
#include "amqp/method.hpp"
#include "connection/channel_slot.hpp"
#include "connection/connection.hpp"
#include "connection/input_buffer.hpp"
#include "connection/liveness.hpp"
#include "connection/output_queue.hpp"

namespace broker {

struct connection::impl {
  enum class phase : uint8_t {
    protocol_header,
    starting, ///< connection.start sent
    tuning,   ///< connection.tune sent
    opening,  ///< tune-ok taken
    running,
    closing_for_client, ///< the client has sent connection.close; close-ok follows the teardown
    closing_by_us,      ///< connection.close sent
    closed,
  };

  impl(const connection_settings& settings, peer_info peer, std::function<snapshot_ptr()> metadata,
       block_recycler* pool, ref<credit_sink> credit, time_ms now);
  ~impl() { uncount(); }

  // -- connection.cpp --
  void received(size_t count, time_ms now, connection_step& step);
  void tick(time_ms now, connection_step& step);
  time_ms deadline() const;
  size_t block_capacity() const;
  std::string_view state_name() const;
  void send(const amqp::method& what, channel_number channel = 0);
  void resource_alarm(std::string reason);
  void note_publish();

  // -- frames.cpp --
  void parse(connection_step& step);
  bool parse_frame(connection_step& step);
  bool take_publish(channel_slot& slot, std::string_view bytes, size_t method_size, connection_step& step);
  void on_frame(amqp::frame_prefix prefix, std::string_view payload, connection_step& step);
  void on_connection_frame(amqp::frame_prefix prefix, std::string_view payload, connection_step& step);
  void consume(size_t count);
  size_t frame_payload_max() const;
  uint64_t body_max() const;
  /// Is `what` on the wire at all (amqp frame type, long enough)? Else 501, like RabbitMQ's "unknown_frame".
  static bool well_formed(amqp::frame_prefix prefix);
  void flush_inputs(connection_step& step);

  // -- handshake.cpp --
  bool on_protocol_header(connection_step& step);
  void on_connection_method(uint32_t code, std::string_view arguments, connection_step& step);
  void on_method(const amqp::connection_class::start_ok& method, connection_step& step);
  void on_method(const amqp::connection_class::tune_ok& method, connection_step& step);
  void on_method(const amqp::connection_class::open& method, connection_step& step);
  void on_method(const amqp::connection_class::update_secret& method, connection_step& step);
  void refuse_login(const std::string& tried, const std::string& reason, connection_step& step);

  // -- channels.cpp --
  channel_slot* newest_slot(channel_number number);
  channel_slot* running_slot(channel_number number);
  void on_channel_frame(amqp::frame_prefix prefix, std::string_view payload, connection_step& step);
  void on_unopened_channel(amqp::frame_prefix prefix, std::string_view payload, connection_step& step);
  void on_closing_channel(channel_number number, channel_slot& slot, uint32_t code, std::string_view arguments,
                          connection_step& step);
  void on_refused_channel(channel_number number, channel_slot& slot, uint32_t code, std::string_view arguments,
                          connection_step& step);
  void on_channel_method(channel_number number, channel_slot& slot, uint32_t code, std::string_view arguments,
                         connection_step& step);
  void on_content_frame(channel_slot& slot, amqp::frame_prefix prefix, std::string_view payload, connection_step& step);
  void open_channel(channel_number number, std::string_view arguments, connection_step& step);
  void refuse_oversized(channel_number number, channel_slot& slot, uint64_t size, connection_step& step);
  void push(outgoing item, connection_step& step);
  void channel_ended(outgoing& item, connection_step& step);
  void drop_oldest(channel_number number, connection_step& step);
  void touch(channel_number number, channel_slot& slot);

  // -- closing.cpp --
  /// Gives back what settings.counts has counted for this connection.
  void uncount();
  bool is_up() const { return now_phase < phase::closing_for_client; }
  void close(const error& why, connection_step& step);
  void fail(const error& why, uint32_t method, channel_number channel, connection_step& step);
  void fail_framing(const error& why, channel_number channel, connection_step& step);
  void begin_close_by_us(const error& why, uint32_t method, connection_step& step);
  void close_silently(const std::string& reason, uint32_t after_ms, connection_step& step);
  void on_method(const amqp::connection_class::close& method, connection_step& step);
  void on_close_ok(connection_step& step);
  void torn_down(connection_step& step);
  void peer_closed(connection_step& step);
  void end(uint32_t after_ms, connection_step& step);
  void want_teardown(connection_step& step);
  void log(log_line::level severity, std::string text, connection_step& step) const;
  void log_failure(const error& why, uint32_t method, channel_number channel, connection_step& step) const;
  std::string name() const;      ///< "(127.0.0.1:1 -> 127.0.0.1:2)"
  std::string full_name() const; ///< with vhost and user, once they are known

  // -- set at construction --
  connection_settings settings;
  peer_info peer;
  std::function<snapshot_ptr()> metadata;
  ref<credit_sink> credit;

  // -- agreed in the handshake --
  login who;
  std::string mechanism;
  std::string vhost;
  amqp::field_table client_properties;
  uint16_t channel_max;
  uint32_t frame_max = limits::handshake_frame_max_bytes;
  uint16_t heartbeat_s = 0;

  // -- as it goes --
  phase now_phase = phase::protocol_header;
  input_buffer input;
  output_queue output;
  liveness alive;
  time_ms handshake_deadline;
  std::optional<time_ms> closing_since; ///< set by the first call that knows the time after connection.close was sent
  bool greeted = false;                 ///< something has been received
  bool opened = false;                  ///< connection.open succeeded: there is something to tear down
  bool counted = false;                 ///< by settings.counts
  bool teardown_wanted = false;
  bool teardown_done = false;
  bool close_ok_owed = false;
  bool framing_lost = false; ///< where the next frame starts is unknown: nothing more is parsed
  std::string alarm;         ///< reason of the resource alarm that is on; empty: none
  bool blocked = false;      ///< has published during the alarm

  std::unordered_map<channel_number, channel_generations> channels;
  size_t channel_count = 0; ///< of all generations
  channel_number last_number = 0;
  channel_slot* last_slot = nullptr; ///< newest_slot(last_number): most frames follow one of the same channel
  std::vector<channel_number> touched;
  publish_scan scan;
  size_t unfinished_bytes = 0; ///< memory of all assemblers
};

} // namespace broker

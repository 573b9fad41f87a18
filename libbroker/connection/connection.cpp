#include "connection/connection.hpp"

#include <algorithm>
#include <utility>

#include "connection/authentication.hpp"
#include "connection/connection_impl.hpp"

namespace broker {

connection::impl::impl(const connection_settings& settings_, peer_info peer_, std::function<snapshot_ptr()> metadata_,
                       block_recycler* pool, ref<credit_sink> credit_, time_ms now)
  : settings(settings_), peer(std::move(peer_)), metadata(std::move(metadata_)), credit(std::move(credit_)),
    channel_max(settings_.channel_max), input(pool), alive(now),
    handshake_deadline(now + settings_.handshake_timeout_ms) {
  BROKER_ASSERT(settings.frame_max >= limits::frame_min_bytes, "frame_max below the protocol's minimum");
}

/// Before login a block holds one handshake frame; afterwards, any frame the client may send.
size_t connection::impl::block_capacity() const {
  if (!opened)
    return limits::handshake_block_bytes;
  const size_t largest_frame = size_t{frame_max} + amqp::frame_overhead_bytes;
  return std::max(limits::read_block_bytes, largest_frame + 1);
}

void connection::impl::received(size_t count, time_ms now, connection_step& step) {
  alive.heard(now);
  input.received(count);
  if (!greeted) {
    greeted = true;
    log(log_line::level::info, "accepting AMQP connection " + name(), step);
  }
  parse(step);
  flush_inputs(step);
}

void connection::impl::tick(time_ms now, connection_step& step) {
  if (now_phase == phase::closing_by_us) {
    if (!closing_since)
      closing_since = now;
    if (now >= *closing_since + limits::closing_timeout_ms)
      end(0, step);
  }
  if (now_phase < phase::running && now >= handshake_deadline)
    close_silently("handshake_timeout in state " + std::string{state_name()}, 0, step);
  if (now_phase == phase::running && alive.peer_is_dead(now)) {
    log(log_line::level::error,
        "closing AMQP connection " + full_name()
          + ":\nmissed heartbeats from client, timeout: " + std::to_string(heartbeat_s) + "s",
        step);
    end(0, step);
  }
  if (now_phase == phase::running && alive.must_beat(now)) {
    if (output.empty()) // else the client has yet to read what proves that we live
      output.push_bytes(amqp::heartbeat_frame);
    alive.sent(now);
  }
  if (now >= std::max(alive.last_heard(), alive.last_sent()) + limits::idle_buffers_ms) {
    input.release_if_empty();
    output.release_if_empty();
  }
}

time_ms connection::impl::deadline() const {
  time_ms next = never;
  if (now_phase < phase::running)
    next = handshake_deadline;
  else if (now_phase == phase::running)
    next = alive.deadline();
  else if (now_phase == phase::closing_by_us)
    next = closing_since ? *closing_since + limits::closing_timeout_ms : 0;
  const bool may_release =
    (input.holds_block() && input.unparsed().empty()) || (output.holds_buffer() && output.empty());
  if (may_release)
    next = std::min(next, std::max(alive.last_heard(), alive.last_sent()) + limits::idle_buffers_ms);
  return next;
}

std::string_view connection::impl::state_name() const {
  switch (now_phase) {
  case phase::protocol_header:
  case phase::starting:
    return "starting";
  case phase::tuning:
    return "tuning";
  case phase::opening:
    return "opening";
  case phase::running:
    return blocked ? "blocked" : alarm.empty() ? "running" : "blocking";
  case phase::closing_for_client:
  case phase::closing_by_us:
    return "closing";
  case phase::closed:
    break;
  }
  return "closed";
}

void connection::impl::send(const amqp::method& what, channel_number channel) {
  byte_buffer frame;
  amqp::encode_method(frame, channel, what);
  output.push_bytes(frame.view());
}

void connection::impl::resource_alarm(std::string reason) {
  alarm = std::move(reason);
  if (!alarm.empty() || !blocked)
    return;
  blocked = false;
  if (now_phase == phase::running && has_capability(client_properties, "connection.blocked"))
    send(amqp::connection_class::unblocked{});
}

void connection::impl::note_publish() {
  if (alarm.empty() || blocked)
    return;
  blocked = true;
  if (has_capability(client_properties, "connection.blocked"))
    send(amqp::connection_class::blocked{alarm});
}

connection::connection(const connection_settings& settings, peer_info peer, std::function<snapshot_ptr()> metadata,
                       block_recycler* pool, ref<credit_sink> credit, time_ms now)
  : impl_(std::make_unique<impl>(settings, std::move(peer), std::move(metadata), pool, std::move(credit), now)) {}
connection::~connection() = default;

std::span<char> connection::read_space() {
  return impl_->input.read_space(impl_->block_capacity());
}
void connection::received(size_t count, time_ms now, connection_step& step) {
  impl_->received(count, now, step);
}
void connection::peer_closed(connection_step& step) {
  impl_->peer_closed(step);
}
void connection::tick(time_ms now, connection_step& step) {
  impl_->tick(now, step);
}
time_ms connection::deadline() const {
  return impl_->deadline();
}
void connection::push(outgoing item, connection_step& step) {
  impl_->push(std::move(item), step);
}
void connection::torn_down(connection_step& step) {
  impl_->torn_down(step);
}
void connection::close(const error& why, connection_step& step) {
  impl_->close(why, step);
}
void connection::resource_alarm(std::string reason) {
  impl_->resource_alarm(std::move(reason));
}
bool connection::wants_reading() const {
  // A blocked client that is told to close must be heard: its close-ok ends the connection.
  const bool held = impl_->blocked && impl_->is_up();
  return !held && impl_->output.backlog() < limits::output_backlog_bytes;
}
void connection::reading(bool active, time_ms now) {
  impl_->alive.listening(active, now);
}
std::string_view connection::output() {
  return impl_->output.chunk();
}
void connection::wrote(size_t count, time_ms now, connection_step& step) {
  impl_->alive.sent(now);
  impl_->output.wrote(count, step.writable);
}

const peer_info& connection::peer() const {
  return impl_->peer;
}
const login& connection::user() const {
  return impl_->who;
}
const std::string& connection::auth_mechanism() const {
  return impl_->mechanism;
}
const std::string& connection::vhost() const {
  return impl_->vhost;
}
const amqp::field_table& connection::client_properties() const {
  return impl_->client_properties;
}
std::string_view connection::state() const {
  return impl_->state_name();
}
uint16_t connection::channel_max() const {
  return impl_->channel_max;
}
uint32_t connection::frame_max() const {
  return impl_->frame_max;
}
uint16_t connection::heartbeat_s() const {
  return impl_->heartbeat_s;
}
size_t connection::open_channels() const {
  return impl_->channel_count;
}

} // namespace broker

// The ways a connection ends: errors, connection.close from either side, a lost peer (features.md W23, W29, W34; AMQP
// 0-9-1 section 2.2.4).
#include <algorithm>
#include <cctype>
#include <utility>

#include "amqp/reply.hpp"
#include "connection/connection_impl.hpp"

namespace broker {

std::string connection::impl::name() const {
  return "(" + peer.name + ")";
}

std::string connection::impl::full_name() const {
  if (!opened)
    return name();
  return "(" + peer.name + ", vhost: '" + vhost + "', user: '" + who.user + "')";
}

void connection::impl::log(log_line::level severity, std::string text, connection_step& step) const {
  step.log.push_back({severity, std::move(text)});
}

/// "operation queue.declare caused a connection exception channel_error: "expected 'channel.open'"", as RabbitMQ logs
/// it.
void connection::impl::log_failure(const error& why, uint32_t method, channel_number channel,
                                   connection_step& step) const {
  constexpr std::string_view separator = " - ";
  const size_t split = why.text.find(separator);
  std::string kind = why.text.substr(0, split);
  std::transform(kind.begin(), kind.end(), kind.begin(), [](unsigned char octet) { return std::tolower(octet); });
  const std::string reason = split == std::string::npos ? "" : why.text.substr(split + separator.size());
  log(log_line::level::error,
      "Error on AMQP connection (" + peer.name + ", vhost: '" + (opened ? vhost : "none") + "', user: '" + who.user
        + "', state: " + std::string{state_name()} + "), channel " + std::to_string(channel) + ":\n operation "
        + std::string{amqp::method_name(method)} + " caused a connection exception " + kind + ": \"" + reason + "\"",
      step);
}

void connection::impl::want_teardown(connection_step& step) {
  if (!opened || std::exchange(teardown_wanted, true))
    return;
  step.teardown = true;
}

void connection::impl::close(const error& why, connection_step& step) {
  if (now_phase < phase::running)
    return close_silently(why.text, 0, step);
  fail(why, 0, 0, step);
}

void connection::impl::fail(const error& why, uint32_t method, channel_number channel, connection_step& step) {
  if (!is_up())
    return;
  log_failure(why, method, channel, step);
  // RabbitMQ explains itself before connection.open-ok only where the client's request is refused, not where it is
  // wrong: whoever does not speak the protocol is made to wait instead (wire-reactions.md).
  const bool explains =
    now_phase == phase::running || (why.code == amqp::reply::not_allowed && now_phase > phase::starting);
  if (!explains)
    return end(limits::login_failure_delay_ms, step);
  begin_close_by_us(why, method, step);
}

/// The stream cannot be followed any further: close is sent, but its answer will not be understood.
void connection::impl::fail_framing(const error& why, channel_number channel, connection_step& step) {
  framing_lost = true;
  if (now_phase == phase::closing_by_us)
    return end(0, step);
  fail(why, 0, channel, step);
  if (now_phase == phase::closing_by_us)
    end(limits::framing_lost_delay_ms, step);
}

void connection::impl::begin_close_by_us(const error& why, uint32_t method, connection_step& step) {
  output.drop_content();
  now_phase = phase::closing_by_us;
  want_teardown(step);
  amqp::connection_class::close close;
  close.reply_code = why.code;
  close.reply_text = why.text;
  close.class_id = static_cast<uint16_t>(method >> 16);
  close.method_id = static_cast<uint16_t>(method & 0xFFFF);
  send(close);
}

void connection::impl::close_silently(const std::string& reason, uint32_t after_ms, connection_step& step) {
  log(log_line::level::error, "closing AMQP connection " + full_name() + ":\n" + reason, step);
  end(after_ms, step);
}

void connection::impl::on_method(const amqp::connection_class::close&, connection_step& step) {
  if (now_phase == phase::closing_by_us) { // both sides at once: theirs is answered, ours needs no answer any more
    close_ok_owed = true;
    if (teardown_done || !opened)
      torn_down(step);
    return;
  }
  now_phase = phase::closing_for_client;
  close_ok_owed = true;
  output.drop_content();
  log(log_line::level::info, "closing AMQP connection " + full_name(), step);
  want_teardown(step);
}

void connection::impl::on_close_ok(connection_step& step) {
  end(0, step);
}

/// Exclusive queues are gone before the client sees close-ok (W39).
void connection::impl::torn_down(connection_step& step) {
  teardown_done = true;
  uncount(); // before the client can know that it may connect again
  if (!close_ok_owed || now_phase == phase::closed)
    return;
  send(amqp::connection_class::close_ok{});
  end(limits::close_ok_linger_ms, step);
}

void connection::impl::uncount() {
  if (std::exchange(counted, false))
    settings.counts->close_connection(who.user, vhost, channel_count);
}

void connection::impl::peer_closed(connection_step& step) {
  if (now_phase == phase::closed)
    return;
  if (is_up())
    log(greeted ? log_line::level::warning : log_line::level::debug,
        "closing AMQP connection " + full_name() + ":\nclient unexpectedly closed TCP connection", step);
  output.drop_content();
  end(0, step);
}

void connection::impl::end(uint32_t after_ms, connection_step& step) {
  now_phase = phase::closed;
  want_teardown(step);
  step.close_socket_after_ms = after_ms;
}

} // namespace broker

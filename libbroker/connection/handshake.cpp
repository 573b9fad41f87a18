// From the protocol header to connection.open-ok (features.md W01-W08, W10).
#include <algorithm>

#include "amqp/reply.hpp"
#include "connection/authentication.hpp"
#include "connection/connection_impl.hpp"

namespace broker {

namespace {

/// 0-9-1, and what RabbitMQ takes for it: 0-9 and 0-8 (wire-reactions.md).
bool is_accepted(std::string_view header) {
  return header == amqp::protocol_header || header == std::string_view{"AMQP\x01\x01\x00\x09", 8}
      || header == std::string_view{"AMQP\x01\x01\x08\x00", 8};
}

/// What a wrong first octets look like, for the log (W01).
std::string_view guess(std::string_view header) {
  if (header.starts_with("GET ") || header.starts_with("POST") || header.starts_with("HEAD")
      || header.starts_with("PUT "))
    return " (this looks like HTTP)";
  if (header.starts_with(std::string_view{"\x16\x03", 2}))
    return " (this looks like TLS)";
  if (header.starts_with("AMQP"))
    return " (another version of AMQP)";
  return "";
}

error negotiation_failed(std::string_view field, bool below, uint64_t wanted, uint64_t allowed) {
  std::string text = "negotiated ";
  text += field;
  text += " = " + std::to_string(wanted);
  text += below ? " is lower than the minimum" : " is higher than the maximum";
  text += " allowed value (" + std::to_string(allowed) + ")";
  return amqp::not_allowed(text);
}

/// RabbitMQ's rule: 0 means no limit, on both sides.
result<void> check_negotiated(std::string_view field, uint64_t wanted, uint64_t least, uint64_t server) {
  if (wanted != 0 && wanted < least)
    return negotiation_failed(field, true, wanted, least);
  if (server != 0 && (wanted == 0 || wanted > server))
    return negotiation_failed(field, false, wanted, server);
  return {};
}

} // namespace

/// False: the header is not complete.
bool connection::impl::on_protocol_header(connection_step& step) {
  const std::string_view bytes = input.unparsed();
  if (bytes.size() < amqp::protocol_header_bytes)
    return false;
  const std::string_view header = bytes.substr(0, amqp::protocol_header_bytes);
  if (is_accepted(header)) {
    consume(amqp::protocol_header_bytes);
    now_phase = phase::starting;
    amqp::connection_class::start start;
    start.server_properties = server_properties(settings);
    start.mechanisms = settings.mechanisms;
    start.locales = locales;
    send(start);
    return true;
  }
  output.push_bytes(amqp::protocol_header);
  close_silently("{bad_header," + amqp::show_octets(header) + "}" + std::string{guess(header)}, 0, step);
  return true;
}

void connection::impl::on_connection_method(uint32_t code, std::string_view arguments, connection_step& step) {
  namespace methods = amqp::connection_class;
  if (now_phase == phase::closing_by_us && code != methods::close::code && code != methods::close_ok::code)
    return;
  auto method = amqp::decode_method(code, arguments);
  if (!method)
    return fail(method.error(), code, 0, step);
  if (const auto* close = std::get_if<methods::close>(&*method); close && now_phase >= phase::running)
    return on_method(*close, step);
  if (code == methods::close_ok::code && now_phase == phase::closing_by_us)
    return on_close_ok(step);
  if (auto* start_ok = std::get_if<methods::start_ok>(&*method); start_ok && now_phase == phase::starting) {
    on_method(*start_ok, step);
    wipe(start_ok->response);
    return input.wipe(amqp::frame_prefix_bytes + amqp::method_id_bytes + arguments.size());
  }
  if (const auto* tune_ok = std::get_if<methods::tune_ok>(&*method); tune_ok && now_phase == phase::tuning)
    return on_method(*tune_ok, step);
  if (const auto* open = std::get_if<methods::open>(&*method); open && now_phase == phase::opening)
    return on_method(*open, step);
  if (const auto* secret = std::get_if<methods::update_secret>(&*method); secret && now_phase == phase::running)
    return on_method(*secret, step);
  fail(amqp::channel_error("unexpected method in connection state " + std::string{state_name()}), code, 0, step);
}

void connection::impl::on_method(const amqp::connection_class::start_ok& method, connection_step& step) {
  client_properties = method.client_properties;
  if (!is_offered(settings.mechanisms, method.mechanism))
    return fail(amqp::command_invalid("unknown authentication mechanism '" + method.mechanism + "'"), method.code, 0,
                step);
  auto given = read_credentials(method.mechanism, method.response);
  if (!given)
    return fail(amqp::syntax_error("malformed response for authentication mechanism " + method.mechanism), method.code,
                0, step);
  auto accepted = metadata()->authenticate(given->user, given->password, peer.loopback);
  if (!accepted)
    return refuse_login(method.mechanism, accepted.error().text, step);
  who = std::move(*accepted);
  mechanism = method.mechanism;
  step.authenticated = true;
  now_phase = phase::tuning;
  amqp::connection_class::tune tune;
  tune.channel_max = settings.channel_max;
  tune.frame_max = settings.frame_max;
  tune.heartbeat = settings.heartbeat_s;
  send(tune);
}

/// The client learns no more than that it failed (guarantees.md S4), and only if it knows that reply (W04).
void connection::impl::refuse_login(const std::string& tried, const std::string& reason, connection_step& step) {
  step.login_refused = true;
  log(log_line::level::error,
      "Error on AMQP connection " + name() + " (state: starting):\n" + tried + " login refused: " + reason, step);
  if (has_capability(client_properties, "authentication_failure_close")) {
    const error why = amqp::access_refused("Login was refused using authentication mechanism " + tried
                                           + ". For details see the broker logfile.");
    send(amqp::connection_class::close{why.code, why.text, 0, 0});
  }
  end(limits::login_failure_delay_ms, step);
}

void connection::impl::on_method(const amqp::connection_class::tune_ok& method, connection_step& step) {
  auto agreed = check_negotiated("frame_max", method.frame_max, limits::frame_min_bytes, settings.frame_max);
  if (agreed)
    agreed = check_negotiated("channel_max", method.channel_max, 1, settings.channel_max);
  if (!agreed)
    return fail(agreed.error(), amqp::connection_class::tune::code, 0, step);
  frame_max = method.frame_max;
  channel_max = method.channel_max;
  heartbeat_s = method.heartbeat;
  output.set_frame_max(frame_max);
  now_phase = phase::opening;
}

void connection::impl::on_method(const amqp::connection_class::open& method, connection_step& step) {
  auto allowed = metadata()->open_vhost(who, method.virtual_host);
  if (!allowed)
    return fail(allowed.error(), method.code, 0, step);
  if (settings.counts)
    if (auto admitted = settings.counts->open_connection(*metadata(), who, method.virtual_host); !admitted)
      return fail(admitted.error(), method.code, 0, step);
  counted = settings.counts != nullptr;
  vhost = method.virtual_host;
  opened = true;
  now_phase = phase::running;
  alive.start(heartbeat_s, alive.last_heard());
  step.opened_vhost = true;
  send(amqp::connection_class::open_ok{});
  log(log_line::level::info,
      "connection " + name() + ": user '" + who.user + "' authenticated and granted access to vhost '" + vhost + "'",
      step);
}

/// Nothing of a login is kept but the name, so a new secret changes nothing; the right to the vhost is checked anew
/// (W10).
void connection::impl::on_method(const amqp::connection_class::update_secret& method, connection_step& step) {
  auto allowed = metadata()->open_vhost(who, vhost);
  if (!allowed)
    return fail(allowed.error(), method.code, 0, step);
  send(amqp::connection_class::update_secret_ok{});
  log(log_line::level::info,
      "connection " + name() + ": user '" + who.user + "' updated secret, reason: " + method.reason, step);
}

} // namespace broker

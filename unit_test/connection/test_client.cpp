#include "connection/test_client.hpp"

#include <algorithm>
#include <cstring>

#include "amqp/reply.hpp"
#include "base/limits.hpp"

namespace broker::testing {

namespace {

/// Knows user guest with password guest, and the vhosts "/" and "other".
class two_vhosts final : public metadata_snapshot {
public:
  uint64_t version() const override { return 1; }
  bool vhost_exists(std::string_view vhost) const override { return vhost == "/" || vhost == "other"; }
  queue_ptr find_queue(std::string_view, std::string_view) const override { return {}; }
  exchange_ptr find_exchange(std::string_view, std::string_view) const override { return {}; }
  routed_by route(const exchange_record&, const message&, std::vector<queue_ptr>&) const override {
    return routed_by::keys;
  }
  result<login> authenticate(std::string_view user, std::string_view password, bool loopback) const override {
    if (!loopback)
      return error{403, "user 'guest' can only connect via localhost"};
    if (user != "guest" || password != "guest")
      return error{403, "user '" + std::string{user} + "' - invalid credentials"};
    login who;
    who.user = user;
    return who;
  }
  result<void> open_vhost(const login&, std::string_view vhost) const override {
    if (!vhost_exists(vhost))
      return amqp::not_allowed("vhost " + std::string{vhost} + " not found");
    return {};
  }
  result<void> authorise(const login&, std::string_view, resource_kind, std::string_view, access) const override {
    return {};
  }
  void for_each_queue(const std::function<void(const queue_ptr&)>&) const override {}
  void for_each_exchange(const std::function<void(const exchange_ptr&)>&) const override {}
  void for_each_binding(const std::function<void(std::string_view, const binding_record&)>&) const override {}
  void for_each_user(const std::function<void(const user_record&)>&) const override {}
  void for_each_permission(
    const std::function<void(std::string_view, std::string_view, const permission&)>&) const override {}
};

/// The body of a message, frames taken off.
std::string body_of(const message& what) {
  std::string body;
  for (const auto& frame : split_frames({what.raw + what.header_size, what.raw_size - what.header_size}))
    body += frame.payload;
  return body;
}

void describe(const channel_input& input, channel_record& record) {
  record.bytes += input.batch->bytes;
  record.ops += input.ops.size();
  ++record.inputs;
  for (const channel_op& op : input.ops) {
    if (op.what == channel_op::kind::method) {
      record.said.emplace_back(amqp::method_name(*op.method));
    } else if (op.what == channel_op::kind::ack && op.multiple) {
      record.said.push_back("ack upto " + std::to_string(op.last));
    } else if (op.what == channel_op::kind::ack) {
      for (delivery_tag count = 0; count <= op.last - op.first; ++count)
        record.said.push_back("ack " + std::to_string(op.first + count));
    } else {
      for (uint32_t i = op.lo; i < op.hi; ++i) {
        const message& what = input.batch->messages[i];
        record.said.push_back("publish " + std::string{what.exchange()} + "/" + std::string{what.routing_key()} + " "
                              + std::to_string(what.flags) + " " + body_of(what));
      }
    }
  }
}

} // namespace

amqp::method read_frame::method() const {
  auto decoded = amqp::decode_method(load_u32(payload.data()), std::string_view{payload}.substr(4));
  return *decoded;
}

std::vector<read_frame> split_frames(std::string_view bytes) {
  std::vector<read_frame> frames;
  while (!bytes.empty()) {
    BROKER_ASSERT(bytes.size() >= amqp::frame_overhead_bytes, "whole frames");
    const auto prefix = amqp::load_frame_prefix(bytes.data());
    const auto size = static_cast<size_t>(prefix.frame_size());
    BROKER_ASSERT(bytes.size() >= size && bytes[size - 1] == amqp::frame_end, "whole frames");
    frames.push_back({prefix, std::string{bytes.substr(amqp::frame_prefix_bytes, prefix.payload_size)}});
    bytes.remove_prefix(size);
  }
  return frames;
}

std::string method_frame(channel_number channel, const amqp::method& what) {
  byte_buffer out;
  amqp::encode_method(out, channel, what);
  return std::string{out.view()};
}

std::string raw_frame(uint8_t type, channel_number channel, std::string_view payload) {
  std::string out(amqp::frame_prefix_bytes, '\0');
  amqp::store_frame_prefix(out.data(), {type, channel, static_cast<uint32_t>(payload.size())});
  out += payload;
  return out += amqp::frame_end;
}

std::string header_frame(channel_number channel, uint64_t body_size, const amqp::properties& what) {
  byte_buffer out;
  amqp::encode_content_header(out, channel, body_size, what);
  return std::string{out.view()};
}

std::string publish_frame(channel_number channel, std::string_view exchange, std::string_view key, bool mandatory) {
  amqp::basic_class::publish method;
  method.exchange = exchange;
  method.routing_key = key;
  method.mandatory = mandatory;
  return method_frame(channel, method);
}

std::string publish(channel_number channel, std::string_view exchange, std::string_view key, std::string_view body,
                    const amqp::properties& what, size_t body_frame) {
  std::string out = publish_frame(channel, exchange, key) + header_frame(channel, body.size(), what);
  for (; !body.empty(); body.remove_prefix(std::min(body_frame, body.size())))
    out += raw_frame(amqp::frame_body, channel, body.substr(0, body_frame));
  return out;
}

std::string start_ok(std::string_view user, std::string_view password, std::string_view mechanism,
                     bool all_capabilities) {
  amqp::connection_class::start_ok method;
  if (all_capabilities) {
    amqp::field_table capabilities;
    capabilities.set("authentication_failure_close", {true});
    capabilities.set("connection.blocked", {true});
    method.client_properties.set("capabilities", {capabilities});
  }
  method.mechanism = mechanism;
  if (mechanism == "AMQPLAIN") {
    amqp::field_table table;
    table.set("LOGIN", {amqp::longstr{std::string{user}}});
    table.set("PASSWORD", {amqp::longstr{std::string{password}}});
    byte_buffer bytes;
    amqp::encode_table(bytes, table);
    method.response = bytes.view().substr(4);
  } else {
    method.response = '\0' + std::string{user} + '\0' + std::string{password};
  }
  method.locale = "en_US";
  return method_frame(0, method);
}

std::string tune_ok(uint16_t channel_max, uint32_t frame_max, uint16_t heartbeat_s) {
  return method_frame(0, amqp::connection_class::tune_ok{channel_max, frame_max, heartbeat_s});
}

std::string open(std::string_view vhost) {
  amqp::connection_class::open method;
  method.virtual_host = vhost;
  return method_frame(0, method);
}

std::string open_channel(channel_number number) {
  return method_frame(number, amqp::channel_class::open{});
}

test_client::test_client(connection_settings settings, bool loopback) {
  const snapshot_ptr snapshot = std::make_shared<two_vhosts>();
  machine = std::make_unique<connection>(
    settings, peer_info{"127.0.0.1:51234 -> 127.0.0.1:5672", loopback}, [snapshot] { return snapshot; }, nullptr, sink,
    now);
}

void test_client::take(connection_step& step) {
  for (auto& [number, input] : step.inputs) {
    describe(input, channels[number]);
    if (keep)
      kept.emplace_back(number, std::move(input));
    else
      input.batch->release();
  }
  inflight += step.inflight_bytes;
  for (const auto number : step.opened)
    last.opened.push_back(number);
  for (const auto number : step.closed)
    last.closed.push_back(number);
  last.writable.insert(last.writable.end(), step.writable.begin(), step.writable.end());
  last.authenticated |= step.authenticated;
  last.login_refused |= step.login_refused;
  last.opened_vhost |= step.opened_vhost;
  last.teardown |= step.teardown;
  if (step.close_socket_after_ms)
    last.close_socket_after_ms = step.close_socket_after_ms;
  last.log.insert(last.log.end(), step.log.begin(), step.log.end());
}

void test_client::feed(std::string_view bytes, size_t piece) {
  while (!bytes.empty()) {
    const auto space = machine->read_space();
    BROKER_ASSERT(!space.empty(), "there is always room");
    const size_t count = std::min({piece, space.size(), bytes.size()});
    std::memcpy(space.data(), bytes.data(), count);
    connection_step step;
    machine->received(count, now, step);
    take(step);
    bytes.remove_prefix(count);
  }
}

void test_client::handshake(uint16_t channel_max, uint32_t frame_max, uint16_t heartbeat_s) {
  feed(std::string{amqp::protocol_header} + start_ok() + tune_ok(channel_max, frame_max, heartbeat_s) + open());
  written();
}

void test_client::handshake_with_channel(channel_number number) {
  handshake();
  feed(open_channel(number));
  written();
}

std::string test_client::written() {
  std::string all;
  for (std::string_view chunk = machine->output(); !chunk.empty(); chunk = machine->output()) {
    const size_t count = chunk.size() > 1 ? chunk.size() / 2 : 1; // sockets take what they like
    all += chunk.substr(0, count);
    connection_step step;
    machine->wrote(count, now, step);
    take(step);
  }
  return all;
}

void test_client::push(outgoing item) {
  connection_step step;
  machine->push(std::move(item), step);
  take(step);
}

void test_client::push_bytes(channel_number channel, std::string bytes) {
  outgoing item;
  item.channel = channel;
  item.bytes = std::move(bytes);
  push(std::move(item));
}

void test_client::channel_closed(channel_number channel, std::string bytes) {
  outgoing item;
  item.what = outgoing::kind::channel_closed;
  item.channel = channel;
  item.bytes = std::move(bytes);
  push(std::move(item));
}

void test_client::tick(uint64_t at) {
  now = at;
  connection_step step;
  machine->tick(now, step);
  take(step);
}

void test_client::torn_down() {
  connection_step step;
  machine->torn_down(step);
  take(step);
}

void test_client::close(const error& why) {
  connection_step step;
  machine->close(why, step);
  take(step);
}

void test_client::peer_closed() {
  connection_step step;
  machine->peer_closed(step);
  take(step);
}

amqp::connection_class::close test_client::closed_with() {
  for (const auto& frame : frames())
    if (frame.prefix.type == amqp::frame_method && frame.prefix.channel == 0) {
      const amqp::method method = frame.method();
      if (const auto* close = std::get_if<amqp::connection_class::close>(&method))
        return *close;
    }
  return {};
}

bool test_client::logged(std::string_view text) const {
  return std::any_of(last.log.begin(), last.log.end(),
                     [text](const log_line& line) { return line.text.find(text) != std::string::npos; });
}

} // namespace broker::testing

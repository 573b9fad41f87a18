#include "control.hpp"

#include "handshake.hpp"

namespace broker::bench {
namespace {

constexpr uint16_t channel = handshake::channel;

/// {"x-queue-type": "quorum"}
constexpr std::string_view quorum_arguments{"\x0cx-queue-typeS\x00\x00\x00\x06quorum", 24};

} // namespace

void append_queue_declare(std::string& out, const std::string& name, const queue_kind& kind) {
  const auto bits = static_cast<uint8_t>((kind.durable ? 2 : 0) | (kind.exclusive ? 4 : 0));
  wire::writer{out, channel, wire::method::queue_declare}
    .u16(0)
    .short_string(name)
    .u8(bits)
    .long_string(kind.quorum ? quorum_arguments : std::string_view{})
    .end();
}

control::control(const endpoint& broker) : socket_(client_socket::connect(broker.host, broker.port)) {
  handshake opening{broker};
  opening.begin(socket_.output());
  const time_ns deadline = now_ns() + answer_timeout;
  bool open = false;
  while (!open) {
    socket_.flush();
    socket_.await_input(deadline);
    wire::frame in;
    while (const size_t size = wire::take_frame(socket_.received(), in)) {
      open = opening.on_frame(in, socket_.output());
      socket_.consume(size);
    }
  }
  frame_max_ = opening.frame_max();
}

void control::call(wire::method reply) {
  const time_ns deadline = now_ns() + answer_timeout;
  socket_.flush();
  for (;;) {
    wire::frame in;
    while (const size_t size = wire::take_frame(socket_.received(), in)) {
      wire::throw_if_close(in);
      const bool answered = in.type == wire::frame_method && wire::reader{in.payload}.id() == reply;
      socket_.consume(size);
      if (answered)
        return;
    }
    socket_.await_input(deadline);
  }
}

void control::declare_exchange(const std::string& name, const std::string& type, bool durable) {
  wire::writer{socket_.output(), channel, wire::method::exchange_declare}
    .u16(0)
    .short_string(name)
    .short_string(type)
    .u8(durable ? 2 : 0)
    .u32(0)
    .end();
  call(wire::method::exchange_declare_ok);
}

void control::delete_exchange(const std::string& name) {
  wire::writer{socket_.output(), channel, wire::method::exchange_delete}.u16(0).short_string(name).u8(0).end();
  call(wire::method::exchange_delete_ok);
}

void control::declare_queue(const std::string& name, const queue_kind& kind) {
  append_queue_declare(socket_.output(), name, kind);
  call(wire::method::queue_declare_ok);
}

void control::bind(const std::string& queue, const std::string& exchange, const std::string& key) {
  wire::writer{socket_.output(), channel, wire::method::queue_bind}
    .u16(0)
    .short_string(queue)
    .short_string(exchange)
    .short_string(key)
    .u8(0)
    .u32(0)
    .end();
  call(wire::method::queue_bind_ok);
}

void control::delete_queue(const std::string& name) {
  wire::writer{socket_.output(), channel, wire::method::queue_delete}.u16(0).short_string(name).u8(0).end();
  call(wire::method::queue_delete_ok);
}

void control::qos(uint16_t prefetch) {
  wire::writer{socket_.output(), channel, wire::method::basic_qos}.u32(0).u16(prefetch).u8(0).end();
  call(wire::method::basic_qos_ok);
}

void control::consume(const std::string& queue, bool no_ack) {
  wire::writer{socket_.output(), channel, wire::method::basic_consume}
    .u16(0)
    .short_string(queue)
    .short_string("")
    .u8(no_ack ? 2 : 0)
    .u32(0)
    .end();
  call(wire::method::basic_consume_ok);
}

void control::select_confirms() {
  wire::writer{socket_.output(), channel, wire::method::confirm_select}.u8(0).end();
  call(wire::method::confirm_select_ok);
}

void control::close() {
  append_connection_close(socket_.output());
  call(wire::method::connection_close_ok);
}

} // namespace broker::bench

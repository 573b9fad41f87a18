#include "control.hpp"

#include "handshake.hpp"

namespace broker::bench {
namespace {

constexpr uint16_t channel = handshake::channel;

/// Queue arguments as a field table without its length.
class argument_table {
public:
  void text(std::string_view name, std::string_view value) {
    key(name, 'S');
    number(static_cast<uint32_t>(value.size()));
    bytes_ += value;
  }
  void integer(std::string_view name, uint32_t value) {
    key(name, 'I');
    number(value);
  }
  const std::string& bytes() const { return bytes_; }

private:
  void key(std::string_view name, char type) {
    bytes_ += static_cast<char>(name.size());
    bytes_ += name;
    bytes_ += type;
  }
  void number(uint32_t value) {
    const uint32_t wired = wire::to_wire(value);
    bytes_.append(reinterpret_cast<const char*>(&wired), sizeof wired);
  }

  std::string bytes_;
};

std::string arguments_of(const queue_kind& kind) {
  argument_table table;
  if (kind.quorum)
    table.text("x-queue-type", "quorum");
  if (kind.priorities != 0)
    table.integer("x-max-priority", kind.priorities);
  if (kind.ttl_ms)
    table.integer("x-message-ttl", *kind.ttl_ms);
  if (!kind.dead_letters_to.empty()) {
    table.text("x-dead-letter-exchange", "");
    table.text("x-dead-letter-routing-key", kind.dead_letters_to);
  }
  return table.bytes();
}

} // namespace

void append_queue_declare(std::string& out, const std::string& name, const queue_kind& kind) {
  const auto bits = static_cast<uint8_t>((kind.durable ? 2 : 0) | (kind.exclusive ? 4 : 0));
  wire::writer{out, channel, wire::method::queue_declare}
    .u16(0)
    .short_string(name)
    .u8(bits)
    .long_string(arguments_of(kind))
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

std::string control::call(wire::method reply) {
  const time_ns deadline = now_ns() + answer_timeout;
  socket_.flush();
  for (;;) {
    wire::frame in;
    while (const size_t size = wire::take_frame(socket_.received(), in)) {
      wire::throw_if_close(in);
      std::string answer;
      const bool answered = in.type == wire::frame_method && wire::reader{in.payload}.id() == reply;
      if (answered)
        answer = in.payload.substr(sizeof(wire::method));
      socket_.consume(size);
      if (answered)
        return answer;
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

uint32_t control::queue_length(const std::string& name) {
  constexpr uint8_t passive = 1;
  wire::writer{socket_.output(), channel, wire::method::queue_declare}
    .u16(0)
    .short_string(name)
    .u8(passive)
    .long_string({})
    .end();
  const std::string answer = call(wire::method::queue_declare_ok);
  wire::reader arguments{answer};
  arguments.short_string();
  return arguments.u32();
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

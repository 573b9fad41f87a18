#include "consumer.hpp"

#include <algorithm>

#include "handshake.hpp"
#include "message_slab.hpp"

namespace broker::bench {

consumer::consumer(event_loop& loop, client_socket socket, queue_check& queue, const consumer_settings& settings)
  : loop_(loop), socket_(std::move(socket)), queue_(queue), settings_(settings) {
  loop_.watch(socket_.fd(), *this, false);
}

void consumer::on_readable(time_ns now) {
  if (socket_.receive() != 0)
    parse(now);
}

void consumer::on_writable(time_ns) {
  flush();
}

void consumer::parse(time_ns now) {
  wire::frame in;
  while (const size_t size = wire::take_frame(socket_.received(), in)) {
    if (in.type == wire::frame_body)
      on_body(in.payload, now);
    else if (in.type == wire::frame_header)
      on_header(in.payload, now);
    else if (in.type == wire::frame_method)
      on_method(in);
    socket_.consume(size);
  }
  flush();
}

void consumer::on_method(const wire::frame& in) {
  wire::reader arguments{in.payload};
  const wire::method id = arguments.id();
  if (id == wire::method::basic_deliver) {
    arguments.short_string();
    tag_ = arguments.u64();
    return;
  }
  wire::throw_if_close(in);
  if (id == wire::method::basic_cancel)
    throw failure{"the broker cancelled a consumer"};
}

void consumer::on_header(std::string_view payload, time_ns now) {
  wire::reader header{payload};
  header.u32(); // class and weight
  size_ = header.u64();
  body_seen_ = 0;
  intact_ = size_ == settings_.size;
  if (size_ == 0)
    complete(now);
}

void consumer::on_body(std::string_view payload, time_ns now) {
  if (body_seen_ < stamp_size)
    take_stamp(payload);
  if (settings_.verify)
    for (size_t i = body_seen_ < stamp_size ? stamp_size - body_seen_ : 0; i < payload.size(); ++i)
      intact_ = intact_ && payload[i] == body_octet(body_seen_ + i);
  body_seen_ += payload.size();
  if (body_seen_ >= size_)
    complete(now);
}

void consumer::take_stamp(std::string_view payload) {
  const size_t length = std::min(payload.size(), stamp_size - body_seen_);
  std::copy_n(payload.data(), length, stamp_.data() + body_seen_);
}

void consumer::complete(time_ns now) {
  if (received_++ == 0)
    first_delivery_ = now;
  last_delivery_ = now;
  if (body_seen_ == settings_.size && intact_) {
    const stamp message = stamp::load(stamp_.data());
    queue_.receive(message);
    order_.receive(message);
    latency_.record(now > message.intended ? now - message.intended : 0);
  } else {
    ++corrupt_;
  }
  if (settings_.ack == ack_mode::automatic)
    return;
  ++unacknowledged_;
  if (settings_.ack == ack_mode::each || unacknowledged_ >= settings_.ack_every)
    acknowledge(tag_, settings_.ack == ack_mode::multiple);
}

void consumer::acknowledge(uint64_t tag, bool multiple) {
  wire::writer{socket_.output(), handshake::channel, wire::method::basic_ack}.u64(tag).u8(multiple ? 1 : 0).end();
  unacknowledged_ = 0;
}

bool consumer::finish() {
  if (unacknowledged_ != 0)
    acknowledge(tag_, true);
  flush();
  return !socket_.has_output();
}

void consumer::flush() {
  const bool flushed = !socket_.has_output() || socket_.flush();
  if (watching_writable_ == flushed) {
    watching_writable_ = !flushed;
    loop_.watch(socket_.fd(), *this, watching_writable_);
  }
}

} // namespace broker::bench

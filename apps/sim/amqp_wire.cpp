#include "amqp_wire.hpp"

#include <algorithm>

#include "amqp/frame.hpp"
#include "base/assert.hpp"

namespace broker::sim {

namespace {

bool has_content(const amqp::method& what) {
  return std::holds_alternative<amqp::basic_class::deliver>(what)
      || std::holds_alternative<amqp::basic_class::get_ok>(what)
      || std::holds_alternative<amqp::basic_class::return_>(what);
}

} // namespace

bool amqp_reader::take_frame(uint8_t& type, channel_number& channel, std::string_view& payload) {
  const std::string_view rest = std::string_view{buffer_}.substr(consumed_);
  if (rest.size() < amqp::frame_overhead_bytes)
    return false;
  const auto prefix = amqp::load_frame_prefix(rest.data());
  if (rest.size() < prefix.frame_size())
    return false;
  BROKER_ASSERT(rest[prefix.frame_size() - 1] == amqp::frame_end, "the broker sent a frame without its end octet");
  type = prefix.type;
  channel = prefix.channel;
  payload = rest.substr(amqp::frame_prefix_bytes, prefix.payload_size);
  consumed_ += prefix.frame_size();
  return true;
}

std::optional<wire_event> amqp_reader::next() {
  uint8_t type = 0;
  channel_number channel = 0;
  std::string_view payload;
  while (take_frame(type, channel, payload)) {
    if (type == amqp::frame_heartbeat)
      continue;
    if (type == amqp::frame_method) {
      BROKER_ASSERT(!partial_, "a method inside a content");
      auto decoded = amqp::decode_method(load_u32(payload.data()), payload.substr(amqp::method_id_bytes));
      BROKER_ASSERT(decoded.ok(), "the broker sent an undecodable method");
      partial_ = wire_event{channel, std::move(*decoded), {}, {}};
      header_seen_ = !has_content(partial_->method);
      body_left_ = 0;
    } else if (type == amqp::frame_header) {
      BROKER_ASSERT(partial_ && !header_seen_ && partial_->channel == channel, "a content header out of order");
      body_left_ = load_u64(payload.data() + 4);
      auto decoded = amqp::decode_properties(payload.substr(amqp::content_header_bytes));
      BROKER_ASSERT(decoded.ok(), "the broker sent undecodable properties");
      partial_->properties = std::move(*decoded);
      header_seen_ = true;
    } else {
      BROKER_ASSERT(type == amqp::frame_body && partial_ && payload.size() <= body_left_, "a body frame out of order");
      partial_->body.append(payload);
      body_left_ -= payload.size();
    }
    if (partial_ && header_seen_ && body_left_ == 0)
      return std::exchange(partial_, std::nullopt);
  }
  buffer_.erase(0, consumed_);
  consumed_ = 0;
  return std::nullopt;
}

void put_publish(byte_buffer& out, channel_number channel, const amqp::basic_class::publish& what,
                 const amqp::properties& properties, std::string_view body, uint32_t frame_max) {
  amqp::encode_method(out, channel, what);
  amqp::encode_content_header(out, channel, body.size(), properties);
  while (!body.empty()) {
    const auto part = body.substr(0, std::min<size_t>(body.size(), frame_max - amqp::frame_overhead_bytes));
    const auto mark = amqp::begin_frame(out, amqp::frame_body, channel);
    out.put(part);
    amqp::end_frame(out, mark);
    body.remove_prefix(part.size());
  }
}

} // namespace broker::sim

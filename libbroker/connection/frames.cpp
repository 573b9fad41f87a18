// From bytes to frames, and the hot path for basic.publish (hotpath.md rules 2 and 3).
#include <algorithm>
#include <utility>

#include "amqp/reply.hpp"
#include "connection/connection_impl.hpp"

namespace broker {

namespace {

/// "type 1, first 16 octets = <<...>>" as RabbitMQ's frame errors begin.
std::string describe(amqp::frame_prefix prefix, std::string_view payload) {
  constexpr size_t snippet_bytes = 16;
  const bool all = payload.size() <= snippet_bytes;
  return "type " + std::to_string(prefix.type) + ", " + (all ? "all" : "first 16")
       + " octets = " + amqp::show_octets(payload.substr(0, snippet_bytes));
}

} // namespace

/// RabbitMQ lets a frame be larger than frame_max by its own overhead (wire-reactions.md). What was negotiated counts
/// once the vhost is open (guarantees.md S7).
size_t connection::impl::frame_payload_max() const {
  const size_t largest = opened ? frame_max : limits::handshake_frame_max_bytes;
  return largest - amqp::frame_overhead_bytes + limits::frame_slack_bytes;
}

uint64_t connection::impl::body_max() const {
  return std::min(settings.message_max_bytes, limits::message_hard_max_bytes);
}

void connection::impl::consume(size_t count) {
  input.parsed(count);
  scan = {};
}

void connection::impl::parse(connection_step& step) {
  const auto listens = [this] {
    return !framing_lost && now_phase != phase::closing_for_client && now_phase != phase::closed;
  };
  if (now_phase == phase::protocol_header && !on_protocol_header(step))
    return;
  while (listens() && parse_frame(step)) {
  }
  if (!listens())
    consume(input.unparsed().size());
}

/// Takes one frame, or one whole publish. False: more bytes are needed.
bool connection::impl::parse_frame(connection_step& step) {
  const std::string_view bytes = input.unparsed();
  if (bytes.size() < amqp::frame_prefix_bytes)
    return false;
  const amqp::frame_prefix prefix = amqp::load_frame_prefix(bytes.data());
  if (prefix.payload_size > frame_payload_max()) {
    fail_framing(amqp::frame_error(describe(prefix, {}) + ": {frame_too_large," + std::to_string(prefix.payload_size)
                                   + "," + std::to_string(frame_payload_max() - limits::frame_slack_bytes) + "}"),
                 prefix.channel, step);
    return true;
  }
  const size_t size = static_cast<size_t>(prefix.frame_size());
  if (bytes.size() < size)
    return false;
  const std::string_view payload{bytes.data() + amqp::frame_prefix_bytes, prefix.payload_size}; // all of it is here
  if (bytes[size - 1] != amqp::frame_end) {
    const auto marker = static_cast<uint8_t>(bytes[size - 1]);
    fail_framing(
      amqp::frame_error(describe(prefix, payload) + ": {invalid_frame_end_marker," + std::to_string(marker) + "}"),
      prefix.channel, step);
    return true;
  }
  if (now_phase == phase::running && prefix.channel != 0 && prefix.type == amqp::frame_method
      && payload.size() >= amqp::method_id_bytes && load_u32(payload.data()) == amqp::basic_class::publish::code) {
    channel_slot* slot = newest_slot(prefix.channel);
    if (slot && slot->now <= channel_slot::phase::open && !slot->close_ok_owed && !slot->assembler.busy())
      return take_publish(*slot, bytes, size, step);
  }
  on_frame(prefix, payload, step);
  consume(size);
  return true;
}

bool connection::impl::take_publish(channel_slot& slot, std::string_view bytes, size_t method_size,
                                    connection_step& step) {
  const channel_number number = amqp::load_frame_prefix(bytes.data()).channel;
  const publish_limits bounds{frame_payload_max(), body_max(), block_capacity()};
  message what;
  size_t size = 0;
  switch (scan_publish(bytes, method_size, bounds, scan, what, size)) {
  case scan_result::incomplete:
    return false;
  case scan_result::malformed: {
    constexpr size_t before = amqp::frame_prefix_bytes + amqp::method_id_bytes;
    fail(amqp::frame_error("cannot decode " + amqp::show_octets(bytes.substr(before, method_size - before - 1))),
         amqp::basic_class::publish::code, number, step);
    return true;
  }
  case scan_result::not_in_line: {
    publish_arguments arguments;
    constexpr size_t before = amqp::frame_prefix_bytes + amqp::method_id_bytes;
    const bool readable = read_publish_arguments(bytes.substr(before, method_size - before - 1), arguments);
    BROKER_ASSERT(readable, "the scan has read them");
    slot.assembler.begin(arguments);
    consume(method_size);
    return true;
  }
  case scan_result::complete:
    break;
  }
  auto flags = content_flags(what.property_bytes());
  if (!flags) {
    fail(flags.error(), amqp::basic_class::publish::code, number, step);
    return true;
  }
  what.flags = static_cast<uint16_t>(what.flags | *flags);
  slot.inbox.publish(what, input.current(), bytes.size() / size + 1);
  touch(number, slot);
  note_publish();
  consume(size);
  return true;
}

bool connection::impl::well_formed(amqp::frame_prefix prefix) {
  switch (prefix.type) {
  case amqp::frame_method:
    return prefix.payload_size >= amqp::method_id_bytes;
  case amqp::frame_header:
    return prefix.payload_size >= amqp::content_header_bytes;
  case amqp::frame_body:
    return true;
  case amqp::frame_heartbeat:
    return prefix.payload_size == 0;
  default:
    return false;
  }
}

void connection::impl::on_frame(amqp::frame_prefix prefix, std::string_view payload, connection_step& step) {
  if (now_phase == phase::closing_by_us) {
    if (prefix.channel == 0 && prefix.type == amqp::frame_method && well_formed(prefix))
      on_connection_frame(prefix, payload, step);
    return;
  }
  if (!well_formed(prefix))
    return fail(amqp::frame_error(describe(prefix, payload) + ": unknown_frame"), 0, prefix.channel, step);
  if (prefix.channel == 0)
    return on_connection_frame(prefix, payload, step);
  if (now_phase != phase::running || prefix.type == amqp::frame_heartbeat)
    return fail(amqp::unexpected_frame(describe(prefix, payload)), 0, prefix.channel, step);
  on_channel_frame(prefix, payload, step);
}

void connection::impl::on_connection_frame(amqp::frame_prefix prefix, std::string_view payload, connection_step& step) {
  if (prefix.type == amqp::frame_heartbeat)
    return;
  if (prefix.type != amqp::frame_method)
    return fail(amqp::unexpected_frame(describe(prefix, payload)), 0, 0, step);
  on_connection_method(load_u32(payload.data()), payload.substr(amqp::method_id_bytes), step);
}

/// The end of a read is the flush: one input per channel (hotpath.md rule 6).
void connection::impl::flush_inputs(connection_step& step) {
  for (const channel_number number : touched) {
    const auto found = channels.find(number);
    if (found == channels.end())
      continue;
    for (const auto& slot : found->second) {
      slot->touched = false;
      step.inflight_bytes += slot->inbox.bytes() - slot->charged;
      slot->charged = slot->inbox.bytes();
      if (slot->now == channel_slot::phase::waiting || slot->inbox.empty())
        continue;
      slot->charged = 0;
      step.inputs.emplace_back(number, slot->inbox.take(credit));
    }
  }
  touched.clear();
}

} // namespace broker

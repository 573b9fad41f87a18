// Channel numbers: opening, closing and reusing them, and what belongs to no fast path (features.md W09, W13, W31).
#include <algorithm>
#include <utility>

#include "amqp/reply.hpp"
#include "connection/connection_impl.hpp"

namespace broker {

namespace {

using slot_phase = channel_slot::phase;

std::unique_ptr<channel_slot> make_slot(slot_phase begins) {
  auto slot = std::make_unique<channel_slot>();
  slot->now = begins;
  return slot;
}

} // namespace

channel_slot* connection::impl::newest_slot(channel_number number) {
  if (number == last_number)
    return last_slot;
  const auto found = channels.find(number);
  last_number = number;
  last_slot = found == channels.end() ? nullptr : found->second.back().get();
  return last_slot;
}

channel_slot* connection::impl::running_slot(channel_number number) {
  const auto found = channels.find(number);
  return found == channels.end() ? nullptr : found->second.front().get();
}

void connection::impl::touch(channel_number number, channel_slot& slot) {
  if (std::exchange(slot.touched, true))
    return;
  touched.push_back(number);
}

void connection::impl::on_channel_frame(amqp::frame_prefix prefix, std::string_view payload, connection_step& step) {
  channel_slot* slot = newest_slot(prefix.channel);
  if (!slot)
    return on_unopened_channel(prefix, payload, step);
  const bool is_method = prefix.type == amqp::frame_method;
  const uint32_t code = is_method ? load_u32(payload.data()) : 0;
  const std::string_view arguments = is_method ? payload.substr(amqp::method_id_bytes) : std::string_view{};
  if (slot->now == slot_phase::refused)
    return on_refused_channel(prefix.channel, *slot, code, arguments, step);
  if (slot->now == slot_phase::finished)
    return on_unopened_channel(prefix, payload, step);
  if (slot->now == slot_phase::closing || slot->close_ok_owed) {
    return on_closing_channel(prefix.channel, *slot, code, arguments, step);
  }
  if (slot->assembler.busy())
    return on_content_frame(*slot, prefix, payload, step);
  if (!is_method)
    return fail(amqp::unexpected_frame("expected method frame, got non method frame instead"), 0, prefix.channel, step);
  on_channel_method(prefix.channel, *slot, code, arguments, step);
}

void connection::impl::on_unopened_channel(amqp::frame_prefix prefix, std::string_view payload, connection_step& step) {
  if (prefix.type != amqp::frame_method)
    return fail(amqp::unexpected_frame("expected method frame, got non method frame instead"), 0, prefix.channel, step);
  const uint32_t code = load_u32(payload.data());
  if (code == amqp::channel_class::open::code)
    return open_channel(prefix.channel, payload.substr(amqp::method_id_bytes), step);
  if (amqp::method_name(code) == "none")
    return fail(amqp::decode_method(code, {}).error(), 0, prefix.channel, step);
  fail(amqp::channel_error("expected 'channel.open'"), code, prefix.channel, step);
}

void connection::impl::open_channel(channel_number number, std::string_view arguments, connection_step& step) {
  auto method = amqp::decode_method(amqp::channel_class::open::code, arguments);
  if (!method)
    return fail(method.error(), amqp::channel_class::open::code, number, step);
  if (channel_max != 0 && channel_count >= channel_max)
    return fail(amqp::not_allowed("number of channels opened (" + std::to_string(channel_count)
                                  + ") has reached the negotiated channel_max (" + std::to_string(channel_max) + ")"),
                0, number, step);
  if (counted)
    if (auto admitted = settings.counts->open_channel(*metadata(), who); !admitted)
      return fail(admitted.error(), amqp::channel_class::open::code, number, step);
  channel_generations& of_number = channels[number];
  const bool starts_now = of_number.empty();
  of_number.push_back(make_slot(starts_now ? slot_phase::open : slot_phase::waiting));
  ++channel_count;
  last_number = number;
  last_slot = of_number.back().get();
  if (!starts_now)
    return; // open-ok must not overtake what its predecessor still writes
  step.opened.push_back(number);
  send(amqp::channel_class::open_ok{}, number);
}

/// The client has closed this channel: all but what ends it is dropped (W13).
void connection::impl::on_closing_channel(channel_number number, channel_slot& slot, uint32_t code,
                                          std::string_view arguments, connection_step& step) {
  if (code == amqp::channel_class::open::code)
    return open_channel(number, arguments, step);
  if (code != amqp::channel_class::close_ok::code)
    return;
  slot.inbox.method(amqp::channel_class::close_ok{}, arguments.size()); // both sides have closed at once
  touch(number, slot);
}

/// The connection has closed this channel itself: RabbitMQ drops everything until close-ok.
void connection::impl::on_refused_channel(channel_number number, channel_slot& slot, uint32_t code,
                                          std::string_view arguments, connection_step& step) {
  if (code == amqp::channel_class::close::code)
    return send(amqp::channel_class::close_ok{}, number);
  if (code != amqp::channel_class::close_ok::code)
    return;
  if (slot.channel_ended)
    return drop_oldest(number, step);
  slot.now = slot_phase::finished;
  slot.inbox.method(amqp::channel_class::close_ok{}, arguments.size());
  touch(number, slot);
}

void connection::impl::on_channel_method(channel_number number, channel_slot& slot, uint32_t code,
                                         std::string_view arguments, connection_step& step) {
  namespace methods = amqp::channel_class;
  constexpr size_t ack_arguments = 9;
  constexpr uint32_t connection_class_id = 10;
  if (code == amqp::basic_class::ack::code && arguments.size() == ack_arguments) {
    slot.inbox.ack(load_u64(arguments.data()), (arguments[8] & 1) != 0);
    return touch(number, slot);
  }
  auto method = amqp::decode_method(code, arguments);
  if (!method)
    return fail(method.error(), code, number, step);
  if (code >> 16 == connection_class_id)
    return fail(amqp::command_invalid("unimplemented method"), code, number, step);
  if (code == methods::open::code)
    return fail(amqp::channel_error("second 'channel.open' seen"), code, number, step);
  slot.inbox.method(std::move(*method), arguments.size());
  touch(number, slot);
  slot.close_ok_owed = code == methods::close::code;
  if (slot.now != slot_phase::open)
    return;
  if (code == methods::close::code)
    slot.now = slot_phase::closing;
  else if (code == methods::close_ok::code)
    slot.now = slot_phase::finished;
}

void connection::impl::on_content_frame(channel_slot& slot, amqp::frame_prefix prefix, std::string_view payload,
                                        connection_step& step) {
  content_assembler& assembler = slot.assembler;
  if (assembler.expects_header() && prefix.type == amqp::frame_header
      && content_assembler::announced_body(payload) > body_max())
    return refuse_oversized(prefix.channel, slot, content_assembler::announced_body(payload), step);
  const size_t had = assembler.memory();
  auto complete = assembler.frame(prefix, payload, frame_max, limits::unfinished_content_bytes - unfinished_bytes);
  if (!complete)
    return fail(complete.error(), amqp::basic_class::publish::code, prefix.channel, step);
  unfinished_bytes += assembler.memory() - had;
  if (!*complete)
    return;
  unfinished_bytes -= assembler.memory();
  block_ref keeps;
  const message what = assembler.finish(keeps);
  slot.inbox.publish(what, keeps, 1);
  touch(prefix.channel, slot);
  note_publish();
}

/// W70. The connection speaks for the channel, since it alone knows that the body is not to be read; the channel is
/// ended as if the client had closed it, and nothing it still writes is let through.
void connection::impl::refuse_oversized(channel_number number, channel_slot& slot, uint64_t size,
                                        connection_step& step) {
  const error why = amqp::precondition_failed("message size " + std::to_string(size)
                                              + " is larger than configured max size " + std::to_string(body_max()));
  constexpr uint32_t code = amqp::basic_class::publish::code;
  amqp::channel_class::close close;
  close.reply_code = why.code;
  close.reply_text = why.text;
  close.class_id = static_cast<uint16_t>(code >> 16);
  close.method_id = static_cast<uint16_t>(code & 0xFFFF);
  log(log_line::level::error,
      "Channel error on connection " + full_name() + ", channel " + std::to_string(number) + ":\n operation "
        + std::string{amqp::method_name(code)} + " caused a channel exception precondition_failed: " + why.text,
      step);
  send(close, number);
  slot.assembler.abandon();
  slot.now = slot_phase::refused;
  slot.inbox.method(std::move(close), 0);
  touch(number, slot);
}

void connection::impl::push(outgoing item, connection_step& step) {
  switch (item.what) {
  case outgoing::kind::connection_error:
    return fail(item.failure, item.failed_method, item.channel, step);
  case outgoing::kind::channel_closed:
    return channel_ended(item, step);
  default:
    break;
  }
  const channel_slot* slot = now_phase == phase::running ? running_slot(item.channel) : nullptr;
  if (slot && (slot->now == slot_phase::open || slot->now == slot_phase::closing))
    output.push(std::move(item));
}

void connection::impl::channel_ended(outgoing& item, connection_step& step) {
  channel_slot* slot = running_slot(item.channel);
  if (!slot)
    return;
  step.closed.push_back(item.channel);
  if (slot->now == slot_phase::refused) {
    slot->channel_ended = true;
    return;
  }
  if (now_phase == phase::running && slot->now != slot_phase::finished) {
    if (!item.bytes.empty())
      output.push_bytes(item.bytes);
    else if (slot->close_ok_owed)
      send(amqp::channel_class::close_ok{}, item.channel);
  }
  drop_oldest(item.channel, step);
}

/// Frees the number, or starts the channel that has been waiting for it.
void connection::impl::drop_oldest(channel_number number, connection_step& step) {
  const auto found = channels.find(number);
  channel_generations& of_number = found->second;
  unfinished_bytes -= of_number.front()->assembler.memory();
  of_number.erase(of_number.begin());
  --channel_count;
  if (counted)
    settings.counts->close_channel(who.user);
  last_number = 0;
  last_slot = nullptr;
  if (of_number.empty()) {
    channels.erase(found);
    return;
  }
  channel_slot& next = *of_number.front();
  next.now = next.close_ok_owed ? slot_phase::closing : slot_phase::open;
  if (now_phase != phase::running)
    return;
  step.opened.push_back(number);
  send(amqp::channel_class::open_ok{}, number);
  if (next.inbox.empty())
    return;
  next.charged = 0;
  step.inputs.emplace_back(number, next.inbox.take(credit));
}

} // namespace broker

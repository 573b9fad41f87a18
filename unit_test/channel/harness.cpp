#include "channel/harness.hpp"

#include "amqp/frame.hpp"
#include "model/message_copy.hpp"

namespace broker::test {
namespace {

constexpr channel_number number = 3;

/// One body frame.
std::string framed(std::string_view body) {
  char head[amqp::frame_prefix_bytes];
  amqp::store_frame_prefix(head, {amqp::frame_body, number, static_cast<uint32_t>(body.size())});
  return std::string{head, sizeof head}.append(body).append(1, amqp::frame_end);
}

void add_message(publish_batch& batch, std::string_view exchange, std::string_view key,
                 const publish_options& options) {
  const auto size = static_cast<uint32_t>(options.body.size());
  byte_buffer header;
  amqp::encode_content_header(header, number, size, options.properties);
  append_message(batch, {exchange, key, static_cast<uint16_t>(options.flags | flags_of(options.properties)),
                         header.view(), framed(options.body), size});
}

void decode_frames(std::string_view bytes, std::vector<amqp::method>& to) {
  while (!bytes.empty()) {
    const auto prefix = amqp::load_frame_prefix(bytes.data());
    BROKER_ASSERT(prefix.type == amqp::frame_method && prefix.channel == number, "a channel sends its own methods");
    const auto payload = bytes.substr(amqp::frame_prefix_bytes, prefix.payload_size);
    auto decoded = amqp::decode_method(load_u32(payload.data()), payload.substr(amqp::method_id_bytes));
    BROKER_ASSERT(decoded.ok(), "a channel sends well-formed methods");
    to.push_back(std::move(*decoded));
    bytes.remove_prefix(prefix.frame_size());
  }
}

} // namespace

input_builder::input_builder() {
  input_.batch = make_ref<publish_batch>();
}

input_builder& input_builder::publish(std::string_view exchange, std::string_view key, const publish_options& options) {
  channel_op op;
  op.what = channel_op::kind::publish;
  op.lo = static_cast<uint32_t>(input_.batch->messages.size());
  for (uint32_t i = 0; i < options.count; ++i)
    add_message(*input_.batch, exchange, key, options);
  op.hi = static_cast<uint32_t>(input_.batch->messages.size());
  input_.ops.push_back(std::move(op));
  return *this;
}

input_builder& input_builder::ack_range(delivery_tag first, delivery_tag last, bool multiple) {
  channel_op op;
  op.what = channel_op::kind::ack;
  op.first = first;
  op.last = last;
  op.multiple = multiple;
  input_.ops.push_back(std::move(op));
  return *this;
}

input_builder& input_builder::method(amqp::method what) {
  channel_op op;
  op.method = std::make_unique<amqp::method>(std::move(what));
  input_.ops.push_back(std::move(op));
  return *this;
}

channel_input input_builder::build(ref<credit_sink> sink) {
  input_.batch->credit_to = std::move(sink);
  input_.batch->hold();
  return std::move(input_);
}

batch_ref some_messages(uint32_t count, std::string_view exchange, std::string_view key) {
  auto batch = make_ref<publish_batch>();
  for (uint32_t i = 0; i < count; ++i)
    add_message(*batch, exchange, key, {});
  return batch;
}

channel_settings channel_harness::default_settings() {
  channel_settings settings;
  settings.number = number;
  settings.connection = 11;
  settings.vhost = "/";
  settings.user.user = "guest";
  settings.node = "rabbit@here";
  settings.consumer_cancel_notify = true;
  settings.random_seed = 42;
  return settings;
}

channel_harness::channel_harness(channel_settings settings)
  : channel(std::move(settings), self, [this] { return metadata; }) {}

void channel_harness::send(input_builder& what) {
  channel.input(what.build(sink), step);
}

void channel_harness::send(amqp::method what) {
  input_builder input;
  input.method(std::move(what));
  send(input);
}

std::vector<amqp::method> channel_harness::replies() {
  std::vector<amqp::method> all;
  for (const auto& out : std::exchange(step.out, {}))
    decode_frames(out.bytes, all);
  return all;
}

std::string channel_harness::closed_with() {
  for (const auto& sent : replies())
    if (const auto* close = std::get_if<amqp::channel_class::close>(&sent))
      return shown(close->reply_code, close->reply_text, amqp::method_code(close->class_id, close->method_id));
  return {};
}

std::string channel_harness::connection_closed_with() {
  for (const auto& out : std::exchange(step.out, {}))
    if (out.what == outgoing::kind::connection_error)
      return shown(out.failure.code, out.failure.text, out.failed_method);
  return {};
}

void channel_harness::note_question() {
  for (const auto& [queue, request] : step.requests)
    std::visit(
      [&](const auto& what) {
        if constexpr (requires { what.question; })
          question_ = what.question;
      },
      request);
}

question_number channel_harness::question() {
  note_question();
  return question_;
}

void channel_harness::answer(queue_event what, epoch from) {
  note_question();
  std::visit(
    [&](auto& said) {
      if constexpr (requires { said.question; })
        if (said.question == 0)
          said.question = question_;
    },
    what);
  std::vector<queue_event> events;
  events.push_back(std::move(what));
  channel.event(std::move(events), step, from);
}

void channel_harness::gone(queue_id queue) {
  channel.queue_gone(queue, step);
}

consumer_ref channel_harness::consume(queue_id queue, const std::string& name, const std::string& tag, bool no_ack) {
  amqp::basic_class::consume wanted;
  wanted.queue = name;
  wanted.consumer_tag = tag;
  wanted.no_ack = no_ack;
  send(wanted);
  const auto asked = take<consume_request>();
  BROKER_ASSERT(asked.size() == 1 && asked.front().first == queue, "consuming asks the queue");
  const consumer_ref who = asked.front().second.who;
  answer(consume_done{who, true, {}});
  BROKER_ASSERT(reply<amqp::basic_class::consume_ok>().has_value(), "consuming is answered");
  return who;
}

void channel_harness::deliver(const consumer_ref& to, uint32_t count, seqno first) {
  if (to->window)
    to->window->unacked += count;
  answer(delivered{to, {some_messages(count), {0, count}, first}, false, 0});
}

void channel_harness::commit() {
  BROKER_ASSERT(!step.proposals.empty(), "something was proposed");
  const auto done = metadata->apply(step.proposals.front());
  step.proposals.erase(step.proposals.begin());
  channel.metadata_done(done, step);
}

void channel_harness::refuse(error why) {
  BROKER_ASSERT(!step.proposals.empty(), "something was proposed");
  step.proposals.erase(step.proposals.begin());
  command_result failed;
  failed.failure = std::move(why);
  channel.metadata_done(failed, step);
}

std::string shown(uint16_t code, std::string_view text, uint32_t method) {
  std::string all = std::to_string(code);
  all.append(" ").append(text).append(" (").append(std::to_string(method >> 16)).append(",");
  return all.append(std::to_string(method & 0xffff)).append(")");
}

} // namespace broker::test
